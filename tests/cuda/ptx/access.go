package ptx

import (
	"encoding/binary"
	"fmt"
)

// accesses returns the loads and stores: of one value, or of several that lie together, at
// an address that is a multiple of all of them. Loads with nc are of what no thread
// writes.
func accesses() map[string]form {
	all := map[string]form{
		"ld.global.nc.u8": {kind: access, class: LoadGlobal, operands: "d a", access: load(readOnly, 1, 1)},
		"st.global.u16":   {kind: access, class: StoreGlobal, operands: "a s", access: store(false, 2, 1)},
	}
	for _, typ := range []string{"u32", "f32"} {
		for _, vector := range []int{1, 2, 4} {
			to, from, suffix := "d a", "a s", typ
			if vector > 1 {
				to, from, suffix = fmt.Sprintf("D%d a", vector), fmt.Sprintf("a S%d", vector), fmt.Sprintf("v%d.%s", vector, typ)
			}
			all["ld.global.nc."+suffix] = form{kind: access, class: LoadGlobal, operands: to, access: load(readOnly, 4, vector)}
			all["ld.global."+suffix] = form{kind: access, class: LoadGlobal, operands: to, access: load(inGlobal, 4, vector)}
			all["ld.shared."+suffix] = form{kind: access, class: LoadShared, operands: to, access: load(inShared, 4, vector)}
			all["st.global."+suffix] = form{kind: access, class: StoreGlobal, operands: from, access: store(false, 4, vector)}
			all["st.shared."+suffix] = form{kind: access, class: StoreShared, operands: from, access: store(true, 4, vector)}
		}
	}
	return all
}

// space is what a load reads.
type space int

const (
	inGlobal space = iota
	readOnly       // global memory that nobody writes
	inShared
)

func load(from space, bytes, vector int) func(w *warp, in *instruction, mask uint32) error {
	return func(w *warp, in *instruction, mask uint32) error {
		at := w.addresses(in, 0)
		for lane := range active(mask) {
			var data []byte
			var err error
			switch from {
			case inShared:
				data, err = w.block.shared.read(at[lane], bytes*vector, w.first+lane)
			case readOnly:
				data, err = w.block.global.readOnly(at[lane], bytes*vector)
			default:
				data, err = w.block.global.read(at[lane], bytes*vector)
			}
			if err != nil {
				return w.fault(in, lane, err)
			}
			for i, to := range in.to {
				w.registers[to][lane] = decode(data[i*bytes:], bytes)
			}
		}
		w.count(in, from == inShared, at, mask, bytes*vector)
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
