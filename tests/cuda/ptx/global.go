package ptx

import (
	"fmt"
	"sync/atomic"
)

// Range is a part of global memory that a launch may touch: it may read it or, with
// Writes, write all of it, once.
type Range struct {
	Name    string
	Address uint64
	Data    []byte
	Writes  bool
}

// global is the global memory of a launch. Nothing else is there.
type global struct {
	ranges  []Range
	written []atomic.Bool // the units of the range that is written
}

// unitBytes are what stores are multiples of.
const unitBytes = 2

func newGlobal(ranges []Range) (*global, error) {
	g := &global{}
	for _, r := range ranges {
		if len(r.Data) == 0 {
			continue
		}
		if r.Writes {
			if g.written != nil {
				return nil, fmt.Errorf("%s is a second range that is written", r.Name)
			}
			if r.Address%unitBytes != 0 || len(r.Data)%unitBytes != 0 {
				return nil, fmt.Errorf("%s does not consist of units of %d bytes", r.Name, unitBytes)
			}
			g.written = make([]atomic.Bool, len(r.Data)/unitBytes)
		}
		g.ranges = append(g.ranges, r)
	}
	return g, nil
}

// read returns the memory at an address.
func (g *global) read(address uint64, bytes int) ([]byte, error) {
	return g.at(address, bytes, "reads", false)
}

// readOnly returns the memory at an address, which the launch must not write.
func (g *global) readOnly(address uint64, bytes int) ([]byte, error) {
	data, err := g.read(address, bytes)
	if err != nil {
		return nil, err
	}
	for i := range g.ranges {
		if r := &g.ranges[i]; r.Writes && overlap(data, r.Data) {
			return nil, fmt.Errorf("reads %d bytes at %s, which is in the place of %s, as what nobody writes", bytes, g.place(address), r.Name)
		}
	}
	return data, nil
}

// overlap reports whether two parts of one array do.
func overlap(a, b []byte) bool {
	if &a[:cap(a)][cap(a)-1] != &b[:cap(b)][cap(b)-1] {
		return false
	}
	return cap(a) > cap(b)-len(b) && cap(b) > cap(a)-len(a) // they count from the array's end
}

// write returns the memory at an address, to be written.
func (g *global) write(address uint64, bytes int) ([]byte, error) {
	data, err := g.at(address, bytes, "writes", true)
	if err != nil {
		return nil, err
	}
	for i := range g.ranges {
		if r := &g.ranges[i]; r.Writes {
			for at := address - r.Address; at < address-r.Address+uint64(bytes); at += unitBytes {
				if g.written[at/unitBytes].Swap(true) {
					return nil, fmt.Errorf("writes byte %d of %s, which was written before", at, r.Name)
				}
			}
		}
	}
	return data, nil
}

func (g *global) at(address uint64, bytes int, does string, writes bool) ([]byte, error) {
	if address%uint64(bytes) != 0 {
		return nil, fmt.Errorf("%s %d bytes at %#x, which is no multiple of it", does, bytes, address)
	}
	for i := range g.ranges {
		r := &g.ranges[i]
		if at := address - r.Address; r.Writes == writes && at < uint64(len(r.Data)) && at+uint64(bytes) <= uint64(len(r.Data)) {
			return r.Data[at : at+uint64(bytes)], nil
		}
	}
	return nil, fmt.Errorf("%s %d bytes at %s", does, bytes, g.place(address))
}

// place names an address by the nearest range.
func (g *global) place(address uint64) string {
	text, least := fmt.Sprintf("%#x", address), uint64(1)<<32
	for i := range g.ranges {
		r := &g.ranges[i]
		off := int64(address - r.Address)
		if far := uint64(max(off, -off)); far < least {
			least, text = far, fmt.Sprintf("byte %d of the %d of %s", off, len(r.Data), r.Name)
		}
	}
	return text
}

// finish returns an error if a word of the result was not written.
func (g *global) finish() error {
	for _, r := range g.ranges {
		for at := range g.written {
			if r.Writes && !g.written[at].Load() {
				return fmt.Errorf("byte %d of the %d of %s is never written", at*unitBytes, len(r.Data), r.Name)
			}
		}
	}
	return nil
}
