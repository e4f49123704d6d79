package weights

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// zipArchive is an archive in memory.
type zipArchive struct {
	data    []byte
	files   []*zip.File // in the archive's order
	entries map[string]*zip.File
	// room is how many bytes may still be taken from its entries.
	room int
}

// parseZip reads an archive of torch.save or numpy.savez. Tensors alias data
// where their entry is not compressed.
func parseZip(data []byte) (*File, error) {
	archive, err := openZip(data)
	if err != nil {
		return nil, err
	}
	if folder, ok := archive.torchFolder(); ok {
		return parsePyTorchZip(archive, folder)
	}
	if archive.hasArrays() {
		return parseNPZ(archive)
	}
	return nil, errors.New("a zip archive without data.pkl or .npy files, expected one that torch.save or numpy.savez wrote")
}

// openZip reads an archive's directory.
func openZip(data []byte) (*zipArchive, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zip archive: %w: the file is damaged or truncated", err)
	}
	a := &zipArchive{data: data, files: r.File, entries: make(map[string]*zip.File, len(r.File)), room: roomFor(len(data))}
	for _, entry := range r.File {
		if _, dup := a.entries[entry.Name]; dup {
			return nil, fmt.Errorf("zip archive: two entries are named %s", shorten(entry.Name))
		}
		a.entries[entry.Name] = entry
	}
	return a, nil
}

// stored returns the contents of an entry that is not compressed, as a part of
// the archive.
func (a *zipArchive) stored(entry *zip.File) ([]byte, error) {
	const encrypted = 1 << 0
	if entry.Flags&encrypted != 0 {
		return nil, fmt.Errorf("zip archive: %s is encrypted", shorten(entry.Name))
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

// contents returns the contents of an entry, inflated where it is compressed.
// All entries together may take no more than roomFor allows: those that are not
// compressed can lie in the same bytes.
func (a *zipArchive) contents(entry *zip.File) ([]byte, error) {
	if entry.UncompressedSize64 > uint64(a.room) {
		return nil, fmt.Errorf("zip archive: %s: it takes %d bytes, and all entries together may take no more than %d in a file of %d",
			shorten(entry.Name), entry.UncompressedSize64, roomFor(len(a.data)), len(a.data))
	}
	a.room -= int(entry.UncompressedSize64)
	switch entry.Method {
	case zip.Store:
		return a.stored(entry)
	case zip.Deflate:
		data, err := inflate(entry)
		if err != nil {
			return nil, fmt.Errorf("zip archive: %s: %w", shorten(entry.Name), err)
		}
		return data, nil
	}
	return nil, fmt.Errorf("zip archive: %s is compressed by method %d, expected none or deflate", shorten(entry.Name), entry.Method)
}

// inflate returns the contents of a compressed entry.
func inflate(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	data := make([]byte, entry.UncompressedSize64)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("%w: the file is damaged or truncated", err)
	}
	// Only at its end is the checksum compared.
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, errors.Join(errors.New("its size or checksum is not what the archive says: the file is damaged"), err)
	}
	return data, r.Close()
}
