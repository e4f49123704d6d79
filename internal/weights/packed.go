package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A file of packed weights is what a generated package maps instead of packing
// a checkpoint: a header of a page, and float32 values in an order that only
// the package knows. codegen/support writes and reads it; this is for looking
// at it.
const (
	packedMagic     = "P3DW\r\n\x1a\n"
	packedFormat    = 1
	packedHeaderLen = 4096
	packedSealAt    = 12
	packedBlock     = 1 << 20 // bytes to a checksum
)

// errPacked refuses packed weights where a checkpoint is expected.
var errPacked = errors.New("packed weights, in which a package's parameters cannot be told apart any more; " +
	"expected the checkpoint that they were packed from")

// Packed is what the header of packed weights says.
type Packed struct {
	Network     string
	ISA         string
	Fingerprint uint64 // of the package that they are for
	Values      int    // float32 values
}

// IsPacked reports whether a file is one of packed weights, whole or not.
func IsPacked(path string) (bool, error) {
	f, _, err := statRegular(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	magic := make([]byte, len(packedMagic))
	_, err = io.ReadFull(f, magic)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return string(magic) == packedMagic, err
}

// ReadPacked reads the header of packed weights and verifies both checksums.
// Errors begin with the path.
func ReadPacked(path string) (_ *Packed, err error) {
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unmap()) }()
	p, err := parsePacked(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func parsePacked(data []byte) (*Packed, error) {
	var h struct {
		Magic        [8]byte
		Format, Seal uint32
		Fingerprint  uint64
		Values       uint64
		Checksum     uint32
		_            uint32
		ISA          [32]byte
		Network      [184]byte
	}
	if !bytes.HasPrefix(data, []byte(packedMagic)) {
		return nil, errors.New("no packed weights")
	}
	if len(data) < packedHeaderLen {
		return nil, fmt.Errorf("packed weights, truncated: %d bytes, the header alone has %d", len(data), packedHeaderLen)
	}
	if _, err := binary.Decode(data, binary.LittleEndian, &h); err != nil {
		panic("BUG: the fields of packed weights: " + err.Error())
	}
	if h.Format != packedFormat {
		return nil, fmt.Errorf("packed weights in format %d, this version of p3dc knows format %d", h.Format, packedFormat)
	}
	header, values := bytes.Clone(data[:packedHeaderLen]), data[packedHeaderLen:]
	clear(header[packedSealAt : packedSealAt+4])
	switch {
	case h.Seal != crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli)):
		return nil, errors.New("packed weights, damaged: the header does not match its checksum")
	case uint64(len(values))%4 != 0 || uint64(len(values))/4 != h.Values:
		return nil, fmt.Errorf("packed weights, truncated or damaged: %d bytes behind the header, which says %d values of 4", len(values), h.Values)
	case h.Checksum != packedChecksum(values):
		return nil, errors.New("packed weights, damaged: the values do not match their checksum")
	}
	text := func(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
	return &Packed{Network: text(h.Network[:]), ISA: text(h.ISA[:]), Fingerprint: h.Fingerprint, Values: int(h.Values)}, nil
}

// packedChecksum is the CRC-32C of the blocks' CRC-32Cs.
func packedChecksum(values []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sums := make([]byte, (len(values)+packedBlock-1)/packedBlock*4)
	parallel(len(sums)/4, func(i int) {
		block := values[i*packedBlock:]
		binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(block[:min(len(block), packedBlock)], table))
	})
	return crc32.Checksum(sums, table)
}
