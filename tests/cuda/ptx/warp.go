package ptx

import (
	"fmt"
	"iter"
	"math/bits"
)

// warp is 32 threads of a block, which run in step where they can.
type warp struct {
	block     *block
	first     int     // its first thread's number in the block
	registers []lanes // by slot
	copying   [warpSize]copying
	groups    []group
	left      uint32 // lanes whose threads have not ended
	at        lanes  // addresses of the instruction that is executed
}

// group is lanes that are at one instruction.
type group struct {
	at    int
	lanes uint32
	waits bool // for the others, since it is at an instruction of all lanes
}

// active lists the lanes of a mask.
func active(mask uint32) iter.Seq[int] {
	return func(yield func(int) bool) {
		for left := mask; left != 0; left &= left - 1 {
			if !yield(bits.TrailingZeros32(left)) {
				return
			}
		}
	}
}

// start makes it the warp of a new block.
func (w *warp) start() {
	for lane := range w.copying {
		w.copying[lane] = copying{copies: w.copying[lane].copies[:0]}
	}
	w.left = ^uint32(0)
	w.groups = append(w.groups[:0], group{lanes: w.left})
}

// run executes the warp until all of its threads have ended, or wait at a barrier.
func (w *warp) run() (ended bool, err error) {
	for len(w.groups) > 0 {
		g, limit := w.behind()
		if g < 0 {
			return w.meet()
		}
		if err := w.advance(g, limit); err != nil {
			return false, err
		}
	}
	return true, nil
}

// behind joins groups that are at the same instruction, and returns the one that is
// furthest behind and does not wait, or -1, and where another one is.
func (w *warp) behind() (first, limit int) {
	for i := 0; i < len(w.groups); i++ {
		for j := len(w.groups) - 1; j > i; j-- {
			if w.groups[j].at == w.groups[i].at {
				w.groups[i].lanes |= w.groups[j].lanes
				w.groups[i].waits = false
				w.groups = append(w.groups[:j], w.groups[j+1:]...)
			}
		}
	}
	first, limit = -1, len(w.block.kernel.code)
	for i, g := range w.groups {
		if !g.waits && (first < 0 || g.at < w.groups[first].at) {
			first = i
		}
	}
	for i, g := range w.groups {
		if first >= 0 && i != first && g.at > w.groups[first].at {
			limit = min(limit, g.at)
		}
	}
	return first, limit
}

// advance executes a group until it reaches a limit, branches, ends or has to wait.
func (w *warp) advance(number, limit int) error {
	g, k := &w.groups[number], w.block.kernel
	for g.at < limit {
		in := &k.code[g.at]
		if w.block.steps++; w.block.steps > mostSteps {
			return w.fault(in, -1, fmt.Errorf("is instruction %d of its block, which does not seem to end", mostSteps))
		}
		if (in.kind == collective || in.kind == barrier) && g.lanes != ^uint32(0) {
			g.waits = true
			return nil
		}
		w.block.counters.Instructions[in.class]++
		switch in.kind {
		case compute:
			w.compute(in, g.lanes)
		case access, collective:
			if err := in.access(w, in, g.lanes); err != nil {
				return err
			}
		case barrier:
			g.waits = true
			return nil
		case branch:
			w.branch(number, in)
			return nil
		case exit:
			return w.exit(number, in)
		}
		g.at++
	}
	return nil
}

func (w *warp) compute(in *instruction, mask uint32) {
	var from [3]*lanes
	for i := range from {
		from[i] = &w.registers[0]
		if i < len(in.from) {
			from[i] = &w.registers[in.from[i]]
		}
	}
	to := &w.registers[in.to[0]]
	if mask == ^uint32(0) {
		in.compute(to, from[0], from[1], from[2])
		return
	}
	var result lanes
	in.compute(&result, from[0], from[1], from[2])
	for lane := range active(mask) {
		to[lane] = result[lane]
	}
}

// branch sends the lanes whose predicate holds elsewhere.
func (w *warp) branch(number int, in *instruction) {
	g := &w.groups[number]
	jump := g.lanes
	if in.guard != 0 {
		p := &w.registers[in.guard]
		for lane := range active(g.lanes) {
			if (p[lane] != 0) == in.negated {
				jump &^= 1 << lane
			}
		}
	}
	switch jump {
	case g.lanes:
		g.at = in.target
	case 0:
		g.at++
	default:
		g.lanes &^= jump
		g.at++
		w.groups = append(w.groups, group{at: in.target, lanes: jump})
	}
}

// exit ends a group's threads.
func (w *warp) exit(number int, in *instruction) error {
	g := w.groups[number]
	for lane := range active(g.lanes) {
		if len(w.copying[lane].copies) > 0 {
			return w.fault(in, lane, fmt.Errorf("ends with copies that nobody waited for"))
		}
	}
	w.left &^= g.lanes
	w.groups = append(w.groups[:number], w.groups[number+1:]...)
	return nil
}

// meet is where all groups wait: at a barrier, or in vain.
func (w *warp) meet() (ended bool, err error) {
	g := w.groups[0]
	in := &w.block.kernel.code[g.at]
	if g.lanes == ^uint32(0) {
		return false, nil
	}
	lane := bits.TrailingZeros32(g.lanes)
	if w.left != ^uint32(0) {
		return false, w.fault(in, lane, fmt.Errorf("waits for lanes %#x, which have ended", ^w.left))
	}
	other := w.groups[1]
	with := &w.block.kernel.code[other.at]
	return false, w.fault(in, lane, fmt.Errorf("waits for lanes %#x, of which lane %d is at %s of line %d",
		^g.lanes, bits.TrailingZeros32(other.lanes), with.opcode, with.line))
}

// release lets a warp go on behind a barrier.
func (w *warp) release() {
	w.groups[0].waits = false
	w.groups[0].at++
}

// fault says what was wrong, and where: in a lane, or where that is negative in the warp.
func (w *warp) fault(in *instruction, lane int, err error) error {
	thread := ""
	if lane >= 0 {
		thread = fmt.Sprintf(", thread %d", w.first+lane)
	}
	return fmt.Errorf("kernel %s, block %d%s: line %d: %s %w", w.block.kernel.Name, w.block.number, thread, in.line, in.opcode, err)
}
