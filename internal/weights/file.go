package weights

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// File is an open checkpoint: an ordered list of tensors whose elements stay
// in the mapped file. Its methods other than Close may be called concurrently.
//
// While a File is open the file on disk must not be shortened: reading mapped
// memory that is gone ends the process.
type File struct {
	path     string
	format   string
	tensors  []Tensor
	byName   map[string]int
	metadata map[string]string
	unmap    func() error
}

// The formats that File.Format returns.
const (
	FormatSafetensors   = "safetensors"
	FormatPyTorchZip    = "PyTorch zip"
	FormatPyTorchLegacy = "PyTorch legacy"
	FormatCaffe         = "caffemodel"
	FormatNumPy         = "NumPy"
)

// Open maps a checkpoint and reads the description of its tensors. The format
// is recognised by content. A file that is damaged, in another format, or
// holds anything else than a state dict is an error that begins with the path.
func Open(path string) (*File, error) {
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, err // names the path already
	}
	f, err := parse(data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), unmap())
	}
	f.path, f.unmap = path, unmap
	return f, nil
}

// Close unmaps the file; its tensors must not be used afterwards. Slices that
// Float32s or Match returned stay valid. Closing twice is harmless.
func (f *File) Close() error {
	unmap := f.unmap
	f.unmap = nil
	f.tensors, f.byName = nil, nil
	if unmap == nil {
		return nil
	}
	return unmap()
}

// Path returns the path that the file was opened with.
func (f *File) Path() string { return f.path }

// Format returns the name of the file's format.
func (f *File) Format() string { return f.format }

// Tensors returns all tensors in the file's order, under the file's names.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Lookup returns the tensor with exactly the given name.
func (f *File) Lookup(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Metadata returns what else the file says: the metadata of a safetensors
// file, the numbers and strings beside the state dict of a PyTorch checkpoint,
// such as "epoch" and "arch", or the network's name in a caffemodel.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// newFile makes a File of tensors, whose names must differ.
func newFile(format string, tensors []Tensor, metadata map[string]string) (*File, error) {
	byName := make(map[string]int, len(tensors))
	for i, t := range tensors {
		if _, dup := byName[t.Name]; dup {
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		byName[t.Name] = i
	}
	return &File{format: format, tensors: tensors, byName: byName, metadata: metadata}, nil
}

// roomFor returns how many bytes of elements a file of the given size may
// describe: what it has itself, and then some for those that are compressed or
// shared. Weights are noise to a compressor, and few share their elements, so
// a file that wants more was made to fill memory.
func roomFor(size int) int {
	const spare, most = 16 << 20, 16
	return spare + min(size, math.MaxInt/(2*most))*most
}

// parse recognises the format of a checkpoint and reads it. The tensors alias
// data, but for elements that had to be inflated or put together.
func parse(data []byte) (*File, error) {
	f, err := parseAny(data)
	if err != nil {
		return nil, err
	}
	room := roomFor(len(data))
	for _, t := range f.tensors {
		if room -= t.Bytes(); room < 0 {
			return nil, fmt.Errorf("its tensors take more than the %d bytes that a file of %d may hold: they share their elements",
				roomFor(len(data)), len(data))
		}
	}
	return f, nil
}

func parseAny(data []byte) (*File, error) {
	switch {
	case len(data) == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return parseZip(data)
	case bytes.HasPrefix(data, legacyMagic), bytes.HasPrefix(data, legacyMagicText):
		return parseLegacy(data)
	case isTar(data):
		return nil, errors.New("a tar archive, which PyTorch wrote before 0.1.10; that format is not supported: " +
			"load it with a newer PyTorch and save its state dict again with torch.save")
	case looksLikeSafetensors(data):
		return parseSafetensors(data)
	case bytes.HasPrefix(data, []byte(packedMagic)):
		return nil, errPacked
	case looksLikeCaffe(data):
		return parseCaffe(data)
	}
	return nil, fmt.Errorf("%s; expected safetensors, a PyTorch checkpoint, a caffemodel or NumPy's .npz", describeForeign(data))
}

// isTar reports whether data begins with a tar header.
func isTar(data []byte) bool {
	const at = 257 // of the magic in a header
	return len(data) > at && bytes.HasPrefix(data[at:], []byte("ustar"))
}

// describeForeign says what a file of no known format seems to be.
func describeForeign(data []byte) string {
	head := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 256)]))
	switch {
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return "a Git LFS pointer, not the file itself: run git lfs pull"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html")):
		return "a web page, probably what a failed download returned: download it again"
	case data[0] == opProto:
		return "a Python pickle, but not one of torch.save: save the state dict with torch.save"
	case bytes.HasPrefix(data, []byte("\x89HDF")):
		return "an HDF5 file"
	case bytes.HasPrefix(data, []byte(npyMagic)):
		return "a single NumPy array, which has no name: save all arrays in one file with numpy.savez"
	case bytes.HasPrefix(data, []byte("GGUF")):
		return "a GGUF file"
	}
	return fmt.Sprintf("unknown format (the file begins with % x)", data[:min(len(data), 8)])
}

// baseName is the file's name for messages.
func (f *File) baseName() string {
	if f.path == "" {
		return "the checkpoint"
	}
	return filepath.Base(f.path)
}

// statRegular opens a regular file and returns its size.
func statRegular(path string) (*os.File, int, error) {
	info, err := os.Stat(path) // before it is opened, which a pipe would wait in
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s: not a regular file, expected a checkpoint", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err = file.Stat()
	if err == nil && int64(int(info.Size())) != info.Size() {
		err = fmt.Errorf("%s: %d bytes do not fit this machine's address space", path, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, int(info.Size()), nil
}
