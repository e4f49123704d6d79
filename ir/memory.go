package ir

import (
	"cmp"
	"slices"
)

// planMemory gives every buffer its place. Arena buffers whose lifetimes
// overlap never share memory.
func planMemory(p *Plan) {
	lifetimes(p)
	shareInPlace(p)
	placeArena(p)
	placeScratch(p)
	for i := range p.Buffers {
		b := &p.Buffers[i]
		b.Offset = b.Base + b.corner()
	}
}

// lifetimes notes the first and last region that touches each buffer. Outputs
// live to the end.
func lifetimes(p *Plan) {
	for i := range p.Buffers {
		p.Buffers[i].First, p.Buffers[i].Last = len(p.Regions), -1
	}
	touch := func(id BufferID, r int) {
		if id == NoBuffer {
			return
		}
		b := &p.Buffers[id]
		b.First, b.Last = min(b.First, r), max(b.Last, r)
	}
	for r := range p.Regions {
		for s := range p.Regions[r].Steps {
			st := &p.Regions[r].Steps[s]
			touch(st.In, r)
			touch(st.Res, r)
			touch(st.Out, r)
			if w := st.Winograd; w != nil {
				touch(w.Points, r)
				touch(w.Sums, r)
				touch(w.Weights, r)
			}
		}
	}
	for _, o := range p.Outputs {
		p.Buffers[o.Buffer].Last = len(p.Regions)
	}
}

// shareInPlace lets a step write its result over the value that it adds,
// where that value dies there: each tile reads what it then overwrites, and
// the stage's stream stays where the cache has it.
func shareInPlace(p *Plan) {
	alias := make([]BufferID, len(p.Buffers))
	for i := range alias {
		alias[i] = BufferID(i)
	}
	for r := range p.Regions {
		for s := range p.Regions[r].Steps {
			st := &p.Regions[r].Steps[s]
			st.In, st.Out = alias[st.In], alias[st.Out]
			if st.Res == NoBuffer {
				continue
			}
			st.Res = alias[st.Res]
			if st.Res != st.Out && canShare(p, r, st, alias) {
				alias[st.Out] = st.Res
				p.Buffers[st.Res].Last = p.Buffers[st.Out].Last
				p.Buffers[st.Out].Last = -1
				st.Out = st.Res
			}
		}
	}
	for i, o := range p.Outputs {
		p.Outputs[i].Buffer = alias[o.Buffer]
	}
}

func canShare(p *Plan, region int, st *Step, alias []BufferID) bool {
	res, out := &p.Buffers[st.Res], &p.Buffers[st.Out]
	if p.Kernels[st.Kernel].K2 > 0 || res.Space != Arena || out.Space != Arena || res.Last != region || !sameLayout(res, out) {
		return false
	}
	for _, other := range p.Regions[region].Steps {
		again := other.Op != st.Op && other.Res != NoBuffer && alias[other.Res] == st.Res
		if again || alias[other.In] == st.Res {
			return false // still read by another step, in tiles of its own
		}
	}
	return true
}

func sameLayout(a, b *Buffer) bool {
	return a.Shape == b.Shape && a.Pixel == b.Pixel && a.Row == b.Row && a.Frame == b.Frame &&
		a.Border == b.Border && a.Wide == b.Wide
}

// overlap reports whether two buffers are ever alive together.
func overlap(a, b *Buffer) bool { return a.First <= b.Last && b.First <= a.Last }

// placeArena places the arena's buffers, the largest first, each at the lowest
// place that is free during its life.
func placeArena(p *Plan) {
	var todo, placed []*Buffer
	for i := range p.Buffers {
		if b := &p.Buffers[i]; inArena(b) {
			todo = append(todo, b)
		}
	}
	slices.SortStableFunc(todo, func(a, b *Buffer) int { return cmp.Compare(b.Len, a.Len) })
	for _, b := range todo {
		b.Base = 0
		for _, o := range placed { // sorted by place
			if overlap(o, b) && o.Base < b.Base+b.Len && b.Base < o.Base+o.Len {
				b.Base = o.Base + o.Len
			}
		}
		i, _ := slices.BinarySearchFunc(placed, b, func(x, y *Buffer) int { return cmp.Compare(x.Base, y.Base) })
		placed = slices.Insert(placed, i, b)
		p.ArenaLen = max(p.ArenaLen, b.Base+b.Len)
	}
}

// inArena reports whether a buffer takes memory of its own in the arena.
func inArena(b *Buffer) bool { return b.Space == Arena && b.Last >= 0 }

// placeScratch places scratch buffers side by side. In a plan for blocks they have
// places already, which decided what is fused.
func placeScratch(p *Plan) {
	for r := range p.Regions {
		end := 0
		for i := range p.Buffers {
			b := &p.Buffers[i]
			if b.Space != Scratch || b.First != r {
				continue
			}
			if p.Machine.Blocks == (BlockMachine{}) {
				b.Base = end
			}
			end = max(end, b.Base+b.Len)
		}
		p.ScratchLen = max(p.ScratchLen, end)
	}
}
