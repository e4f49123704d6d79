package onnx

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
)

// ReadFile reads a model into memory, and of the files beside it what its
// tensors refer to. An error begins with the path.
func ReadFile(path string) (*Model, error) {
	m, err := readModel(path)
	if err == nil {
		err = m.readExternal(filepath.Dir(path))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

func readModel(path string) (*Model, error) {
	data, err := readRegular(anywhere{}, path, func(size int64) (offset, length int64, err error) {
		if size > maxModel {
			return 0, 0, errTooLarge
		}
		return 0, size, nil
	})
	if err != nil {
		return nil, err
	}
	return Decode(data)
}

// errTooLarge is a file that no model can be.
var errTooLarge = errors.New("larger than 2 GiB, which no ONNX model can be; weights beyond that lie in a file beside it")

// files are where a file is looked for: [anywhere], or a folder, an [os.Root].
type files interface {
	Stat(name string) (os.FileInfo, error)
	Open(name string) (*os.File, error)
}

// anywhere has the files that the tool's user names.
type anywhere struct{}

func (anywhere) Stat(name string) (os.FileInfo, error) { return os.Stat(name) }
func (anywhere) Open(name string) (*os.File, error)    { return os.Open(name) }

// readRegular returns those bytes of a regular file that part chooses by its
// size.
func readRegular(in files, name string, part func(size int64) (offset, length int64, err error)) (_ []byte, err error) {
	info, err := in.Stat(name) // before it is opened, which a pipe would wait in
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	offset, length, err := part(info.Size())
	if err != nil {
		return nil, err
	}
	file, err := in.Open(name)
	if err != nil {
		return nil, bare(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data := make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(file, offset, length), data); err != nil {
		return nil, bare(err)
	}
	return data, nil
}

// bare is an error without the path, which the caller names.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// readExternal reads the elements that lie in files in dir.
func (m *Model) readExternal(dir string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return bare(err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	r := externalReader{dir: root, read: map[string]int64{}}
	for t := range m.tensors() {
		if err := r.tensor(t); err != nil {
			return err
		}
	}
	return nil
}

// ExternalFiles returns the files that elements of the model lie in, as paths
// from the model's folder, each once and sorted.
func (m *Model) ExternalFiles() []string {
	var files []string
	for t := range m.tensors() {
		if t.Extern != nil {
			files = append(files, filepath.FromSlash(t.Extern.Location))
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// tensors yields the initializers and the nodes' attributes that are tensors.
func (m *Model) tensors() iter.Seq[*Tensor] {
	return func(yield func(*Tensor) bool) {
		for i := range m.Graph.Initializers {
			if !yield(&m.Graph.Initializers[i]) {
				return
			}
		}
		for i := range m.Graph.Nodes {
			for _, a := range m.Graph.Nodes[i].Attrs {
				if a.Tensor != nil && !yield(a.Tensor) {
					return
				}
			}
		}
	}
}

// externalReader reads elements from files in a folder.
type externalReader struct {
	dir  *os.Root
	read map[string]int64 // bytes so far, by location
}

// tensor reads a tensor's elements if they are in a file in the folder. A file
// anywhere else is refused, also where a symbolic link leads to it: a model may
// not make the tool read what its user did not name. Nor may its tensors together
// be more than the file.
func (r *externalReader) tensor(t *Tensor) error {
	if t.Extern == nil {
		return nil
	}
	name := t.Extern.Location
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("the elements of tensor %q are in %q; expected a file beside the model", t.Name, name)
	}
	n, err := t.elements()
	if err != nil {
		return err
	}
	want := int64(n) * int64(map[DataType]int{Float: 4, Int32: 4, Int64: 8}[t.Type])
	if want == 0 {
		return nil // whoever needs the elements says what is wrong
	}
	if l := t.Extern.Length; l != 0 && l != want {
		return fmt.Errorf("tensor %q has %d bytes in %s; expected %d for %v of dimensions %v", t.Name, l, name, want, t.Type, t.Dims)
	}
	t.Raw, err = readRegular(r.dir, filepath.FromSlash(name), func(size int64) (offset, length int64, err error) {
		offset = t.Extern.Offset
		if offset < 0 || offset > size || want > size-offset {
			return 0, 0, fmt.Errorf("%d bytes from byte %d on lie outside of the file, which has %d", want, offset, size)
		}
		if r.read[name] += want; r.read[name] > size {
			return 0, 0, fmt.Errorf("the tensors take more bytes than the %d of the file: they overlap", size)
		}
		return offset, want, nil
	})
	if err != nil && r.leadsOut(name) {
		err = errors.New("a symbolic link leads out of the model's folder; expected a file beside the model")
	}
	if err != nil {
		return fmt.Errorf("tensor %q: %s: %w", t.Name, name, err)
	}
	return nil
}

// leadsOut reports whether there is such a file, but not in the folder.
func (r *externalReader) leadsOut(name string) bool {
	name = filepath.FromSlash(name)
	_, inside := r.dir.Stat(name)
	_, outside := os.Stat(filepath.Join(r.dir.Name(), name))
	return inside != nil && outside == nil
}
