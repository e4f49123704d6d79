package support

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
)

// A file of packed weights is a header of headerLen bytes, then float32 values
// as the kernels of one instruction set read them; all of it little-endian.
// The values begin at a multiple of a page, so a mapped file is used as it lies.
const (
	packedMagic  = "P3DW\r\n\x1a\n" // a transfer as text changes it
	packedFormat = 1                // of the header and of what packing does
	headerLen    = 4096
	sealAt       = 12 // where the header's checksum stands
)

// packedHeader says what a file of packed weights holds. Zeros follow it up to
// the header's end.
type packedHeader struct {
	Magic       [8]byte
	Format      uint32
	Seal        uint32 // CRC-32C of the header in which it is 0
	Fingerprint uint64 // of the plan that the values are packed for
	Values      uint64 // how many
	Checksum    uint32 // of the values: see checksum
	_           uint32
	ISA         [32]byte  // text, filled up with zeros
	Network     [184]byte // likewise
}

// newPackedHeader returns the header of a plan's packed weights.
func newPackedHeader(net *network, p *plan, values []byte) (*packedHeader, error) {
	h := &packedHeader{Format: packedFormat, Fingerprint: p.fingerprint(net), Values: uint64(len(values) / 4), Checksum: checksum(values)}
	copy(h.Magic[:], packedMagic)
	copy(h.ISA[:], p.isa)
	if copy(h.Network[:], net.name) < len(net.name) {
		return nil, fmt.Errorf("the network's name has %d bytes, a file of packed weights has room for %d", len(net.name), len(h.Network))
	}
	return h, nil
}

// encode returns the header's bytes, with the seal that they need.
func (h *packedHeader) encode() []byte {
	data := make([]byte, headerLen)
	if _, err := binary.Encode(data, binary.LittleEndian, h); err != nil {
		panic(fmt.Sprintf("BUG: a header's fields: %v", err))
	}
	binary.LittleEndian.PutUint32(data[sealAt:], seal(data))
	return data
}

// seal returns the checksum of a header's bytes.
func seal(header []byte) uint32 {
	data := bytes.Clone(header)
	clear(data[sealAt : sealAt+4])
	return crc32.Checksum(data, castagnoli())
}

// isPacked reports whether a file's bytes begin as packed weights do.
func isPacked(data []byte) bool { return bytes.HasPrefix(data, []byte(packedMagic)) }

// readPackedHeader reads the header of a file that isPacked.
func readPackedHeader(data []byte) (*packedHeader, error) {
	if len(data) < headerLen {
		return nil, fmt.Errorf("truncated: %d bytes, of which packed weights need %d for the header alone", len(data), headerLen)
	}
	h := new(packedHeader)
	if _, err := binary.Decode(data, binary.LittleEndian, h); err != nil {
		panic(fmt.Sprintf("BUG: a header's fields: %v", err))
	}
	if h.Format != packedFormat {
		return nil, fmt.Errorf("packed weights in format %d, this package reads format %d", h.Format, packedFormat)
	}
	if h.Seal != seal(data[:headerLen]) {
		return nil, errors.New("damaged: the header does not match its checksum")
	}
	return h, nil
}

// text returns what stands before the zeros.
func text(field []byte) string {
	before, _, _ := bytes.Cut(field, []byte{0})
	return string(before)
}

// fingerprint identifies what the packed weights of a plan depend on, and the
// layers that read them: weights of another network, or in another order, have
// another one.
func (p *plan) fingerprint(net *network) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v %s %d", *net, p.isa, p.packed)
	for i := range p.packs {
		for pk := &p.packs[i]; pk != nil; pk = pk.project {
			values := *pk
			values.transform, values.project = nil, nil // addresses
			fmt.Fprintf(h, "%+v %v", values, pk.project != nil)
			if f := pk.transform; f != nil {
				fmt.Fprintf(h, "%+v %+v %+v", *f[0], *f[1], *f[2])
			}
		}
	}
	for i := range p.regions {
		for _, st := range p.regions[i].steps {
			k := &p.kernels[st.kernel]
			fmt.Fprint(h, st.name, k.kind, k.epi, st.in, st.out, st.res, st.every, st.pack, st.window, st.from, st.to)
		}
	}
	return h.Sum64()
}

// checksumBlock is how many bytes are summed at a time.
const checksumBlock = 1 << 20

// checksum is the CRC-32C of the CRC-32Cs of a file's values block by block,
// which can be computed in parallel.
func checksum(data []byte) uint32 {
	table := castagnoli()
	sums := make([]byte, (len(data)+checksumBlock-1)/checksumBlock*4)
	parallel(len(sums)/4, func() func(int) {
		return func(i int) {
			block := data[i*checksumBlock:]
			sum := crc32.Checksum(block[:min(len(block), checksumBlock)], table)
			binary.LittleEndian.PutUint32(sums[4*i:], sum)
		}
	})
	return crc32.Checksum(sums, table)
}

// castagnoli is the polynomial that processors have an instruction for.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
