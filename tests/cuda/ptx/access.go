package ptx

import (
	"encoding/binary"
	"fmt"
)

// accesses returns the loads and stores: of Vector values of Bytes each, at an address
// that is a multiple of all of them.
func accesses() map[string]form {
	all := map[string]form{}
	for _, a := range []struct {
		space         string
		class         Class
		load          bool
		typ           string
		bytes, vector int
	}{
		{"global", LoadGlobal, true, "u8", 1, 1},
		{"global", LoadGlobal, true, "u32", 4, 1},
		{"global", LoadGlobal, true, "f32", 4, 1},
		{"global", LoadGlobal, true, "v2.f32", 4, 2},
		{"global", StoreGlobal, false, "u16", 2, 1},
		{"global", StoreGlobal, false, "u32", 4, 1},
		{"global", StoreGlobal, false, "f32", 4, 1},
		{"global", StoreGlobal, false, "v2.f32", 4, 2},
		{"shared", LoadShared, true, "u32", 4, 1},
		{"shared", LoadShared, true, "v2.f32", 4, 2},
		{"shared", StoreShared, false, "u32", 4, 1},
		{"shared", StoreShared, false, "v2.f32", 4, 2},
	} {
		f := form{kind: access, class: a.class}
		if a.load {
			f.operands = "d a"
			f.access = load(a.space == "shared", a.bytes, a.vector)
			if a.vector > 1 {
				f.operands = fmt.Sprintf("D%d a", a.vector)
			}
			all["ld."+a.space+"."+a.typ] = f
			continue
		}
		f.operands = "a s"
		f.access = store(a.space == "shared", a.bytes, a.vector)
		if a.vector > 1 {
			f.operands = fmt.Sprintf("a S%d", a.vector)
		}
		all["st."+a.space+"."+a.typ] = f
	}
	return all
}

func load(shared bool, bytes, vector int) func(w *warp, in *instruction, mask uint32) error {
	return func(w *warp, in *instruction, mask uint32) error {
		at := w.addresses(in, 0)
		for lane := range active(mask) {
			var data []byte
			var err error
			if shared {
				data, err = w.block.shared.read(at[lane], bytes*vector, w.first+lane)
			} else {
				data, err = w.block.global.read(at[lane], bytes*vector)
			}
			if err != nil {
				return w.fault(in, lane, err)
			}
			for i, to := range in.to {
				w.registers[to][lane] = decode(data[i*bytes:], bytes)
			}
		}
		w.count(in, shared, at, mask, bytes*vector)
		return nil
	}
}

func store(shared bool, bytes, vector int) func(w *warp, in *instruction, mask uint32) error {
	return func(w *warp, in *instruction, mask uint32) error {
		at := w.addresses(in, 0)
		for lane := range active(mask) {
			var data []byte
			var err error
			if shared {
				data, err = w.block.shared.write(at[lane], bytes*vector, w.first+lane)
			} else {
				data, err = w.block.global.write(at[lane], bytes*vector)
			}
			if err != nil {
				return w.fault(in, lane, err)
			}
			for i, from := range in.from[1:] {
				encode(data[i*bytes:], bytes, w.registers[from][lane])
			}
		}
		w.count(in, shared, at, mask, bytes*vector)
		return nil
	}
}

// addresses returns an operand's, with the instruction's offset.
func (w *warp) addresses(in *instruction, operand int) *lanes {
	at := &w.at
	for lane, base := range w.registers[in.from[operand]] {
		at[lane] = base + uint64(in.offset)
	}
	return at
}

func decode(data []byte, bytes int) uint64 {
	if bytes == 1 {
		return uint64(data[0])
	}
	return uint64(binary.LittleEndian.Uint32(data))
}

func encode(to []byte, bytes int, value uint64) {
	if bytes == 2 {
		binary.LittleEndian.PutUint16(to, uint16(value))
		return
	}
	binary.LittleEndian.PutUint32(to, uint32(value))
}
