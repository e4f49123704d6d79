package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Since PyTorch 1.6 torch.save writes a zip archive, none of whose entries is
// compressed. Under one folder, of any name, there are
//
//	data.pkl      the pickle
//	byteorder     "little" or "big", since PyTorch 2.0
//	data/KEY      the elements of the storage KEY
//
// and some that are of no interest here.

// parseZip reads an archive of torch.save. The tensors alias data.
func parseZip(data []byte) (*File, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zip archive: %w: the file is damaged or truncated", err)
	}
	a := zipArchive{data: data, entries: map[string]*zip.File{}}
	for _, entry := range archive.File {
		folder, rest, ok := strings.Cut(entry.Name, "/")
		if !ok {
			continue
		}
		if rest == "data.pkl" && a.folder == "" {
			a.folder = folder
		}
		if _, dup := a.entries[entry.Name]; dup {
			return nil, fmt.Errorf("zip archive: two entries are named %s", shorten(entry.Name))
		}
		a.entries[entry.Name] = entry
	}
	if a.folder == "" {
		return nil, errors.New("a zip archive without data.pkl, expected one that torch.save wrote")
	}
	if a.has("constants.pkl") {
		return nil, errors.New("a TorchScript archive, expected a checkpoint; in Python, save only the weights: " +
			"torch.save(torch.jit.load(path).state_dict(), path)")
	}
	if a.has("byteorder") {
		order, err := a.read("byteorder")
		if err != nil {
			return nil, err
		}
		if string(order) != "little" {
			return nil, fmt.Errorf("its byte order is %q, expected little-endian; save it again on a little-endian machine", shorten(string(order)))
		}
	}
	return a.load()
}

// zipArchive is an archive in memory.
type zipArchive struct {
	data    []byte
	folder  string
	entries map[string]*zip.File
}

func (a *zipArchive) has(name string) bool {
	return a.entries[a.folder+"/"+name] != nil
}

// read returns the contents of an entry, as a part of the archive.
func (a *zipArchive) read(name string) ([]byte, error) {
	entry := a.entries[a.folder+"/"+name]
	if entry == nil {
		return nil, fmt.Errorf("zip archive: no entry %s/%s", a.folder, shorten(name))
	}
	if entry.Method != zip.Store {
		return nil, fmt.Errorf("zip archive: %s is compressed, which torch.save never does; "+
			"save the checkpoint again with torch.save", shorten(entry.Name))
	}
	offset, err := entry.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("zip archive: %s: %w", shorten(entry.Name), err)
	}
	size := uint64(len(a.data))
	if offset < 0 || uint64(offset) > size || entry.UncompressedSize64 > size-uint64(offset) {
		return nil, fmt.Errorf("zip archive: %s reaches beyond the end of the file", shorten(entry.Name))
	}
	end := uint64(offset) + entry.UncompressedSize64
	return a.data[offset:end:end], nil
}

// load runs the pickle and finds the storages that it names.
func (a *zipArchive) load() (*File, error) {
	program, err := a.read("data.pkl")
	if err != nil {
		return nil, err
	}
	var storages storageTable
	obj, _, err := unpickle(program, storages.load)
	if err != nil {
		return nil, err
	}
	for _, s := range storages.list {
		if s.root != nil {
			continue
		}
		s.data, err = a.read("data/" + s.key)
		if err != nil {
			return nil, err
		}
		if want := s.elements * s.dtype.Size(); len(s.data) != want {
			return nil, fmt.Errorf("storage %s has %d bytes, expected %d for %d elements of %v",
				shorten(s.key), len(s.data), want, s.elements, s.dtype)
		}
	}
	return stateDict(FormatPyTorchZip, obj)
}
