package ptx

import "fmt"

// copied is a copy of cp.async that its thread has not waited for.
type copied struct {
	to    uint64
	bytes int
	data  [16]byte
	group int // which of the thread's groups it belongs to
}

// copying is a thread's copies that are under way, in order.
type copying struct {
	copies []copied
	groups int // that were committed
}

// copies returns cp.async and what waits for it.
func copies() map[string]form {
	return map[string]form{
		"cp.async.cg.shared.global": {kind: access, class: CopyAsync, operands: "a a s s", access: copyAsync(16)},
		"cp.async.ca.shared.global": {kind: access, class: CopyAsync, operands: "a a s s", access: copyAsync(4, 8, 16)},
		"cp.async.commit_group":     {kind: access, class: Other, access: commitGroup},
		"cp.async.wait_group":       {kind: access, class: Other, operands: "s", access: waitGroup},
	}
}

// copyAsync starts copies of some sizes: operands are where to, where from, how many bytes
// are written, and how many of them are read; the others are zeros.
func copyAsync(sizes ...uint32) func(w *warp, in *instruction, mask uint32) error {
	return func(w *warp, in *instruction, mask uint32) error {
		to, from := &w.registers[in.from[0]], &w.registers[in.from[1]]
		var read uint32
		for lane := range active(mask) {
			bytes, source := uint32(w.registers[in.from[2]][lane]), uint32(w.registers[in.from[3]][lane])
			known := false
			for _, s := range sizes {
				known = known || s == bytes
			}
			if !known || source > bytes {
				return w.fault(in, lane, fmt.Errorf("copies %d bytes of %d", source, bytes))
			}
			if from[lane]%uint64(bytes) != 0 {
				return w.fault(in, lane, fmt.Errorf("copies %d bytes from %#x, which is no multiple of it", bytes, from[lane]))
			}
			c := copied{to: uint64(uint32(to[lane])), bytes: int(bytes), group: w.copying[lane].groups}
			if source > 0 {
				data, err := w.block.global.read(from[lane], int(source))
				if err != nil {
					return w.fault(in, lane, err)
				}
				copy(c.data[:], data)
				read |= 1 << lane
			}
			if err := w.block.shared.begin(c.to, c.bytes, w.first+lane); err != nil {
				return w.fault(in, lane, err)
			}
			t := &w.copying[lane]
			t.copies = append(t.copies, c)
		}
		if w.block.counting && mask != 0 {
			bytes := int(w.registers[in.from[2]][0])
			w.count(in, true, to, mask, bytes)
			w.count(in, false, from, read, bytes)
		}
		return nil
	}
}

func commitGroup(w *warp, _ *instruction, mask uint32) error {
	for lane := range active(mask) {
		w.copying[lane].groups++
	}
	return nil
}

// waitGroup ends the copies of all groups but the latest, as many as the operand says.
func waitGroup(w *warp, in *instruction, mask uint32) error {
	for lane := range active(mask) {
		t := &w.copying[lane]
		done := 0
		for done < len(t.copies) && t.copies[done].group < t.groups-int(w.registers[in.from[0]][lane]) {
			c := &t.copies[done]
			w.block.shared.end(c.to, c.data[:c.bytes], w.first+lane)
			done++
		}
		t.copies = append(t.copies[:0], t.copies[done:]...)
	}
	return nil
}
