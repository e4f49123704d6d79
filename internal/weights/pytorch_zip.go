package weights

import (
	"archive/zip"
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

// torchFolder returns the first folder of an archive that has a data.pkl.
func (a *zipArchive) torchFolder() (folder string, ok bool) {
	for _, entry := range a.files {
		if folder, rest, ok := strings.Cut(entry.Name, "/"); ok && rest == "data.pkl" && folder != "" {
			return folder, true
		}
	}
	return "", false
}

// parsePyTorchZip reads an archive of torch.save. The tensors alias its data.
func parsePyTorchZip(archive *zipArchive, folder string) (*File, error) {
	a := torchArchive{archive, folder}
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

// torchArchive is an archive of torch.save.
type torchArchive struct {
	*zipArchive
	folder string
}

func (a torchArchive) has(name string) bool {
	return a.entries[a.folder+"/"+name] != nil
}

// read returns the contents of an entry, as a part of the archive.
func (a torchArchive) read(name string) ([]byte, error) {
	entry := a.entries[a.folder+"/"+name]
	if entry == nil {
		return nil, fmt.Errorf("zip archive: no entry %s/%s", shorten(a.folder), shorten(name))
	}
	if entry.Method != zip.Store {
		return nil, fmt.Errorf("zip archive: %s is compressed, which torch.save never does; "+
			"save the checkpoint again with torch.save", shorten(entry.Name))
	}
	return a.stored(entry)
}

// load runs the pickle and finds the storages that it names.
func (a torchArchive) load() (*File, error) {
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
