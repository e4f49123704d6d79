package ir

// sharedMap is a map of a fused block in shared memory, and the first and the
// last of its steps that write or read it. Step 0 loads the picture.
type sharedMap struct {
	Buffer
	first, last int
}

// fusedStages is how many steps of a fused block's reductions are under way: only
// weights are on their way, from the second-level cache, and shared memory is
// dear.
const fusedStages = 3

// placeShared lays out a fused block's maps in shared memory, each at the lowest
// place that is free while it is needed, and adds up what a tile takes.
func (s *scheduler) placeShared(d *fusedBlock) {
	halo, in := s.halo(d.first, d.end), ValueID(s.ops[d.first].in)
	d.maps = []sharedMap{s.sharedMap(in, halo, s.g.Values[in].Shape.T, d.rows, d.cols)}
	for k := d.first; k < d.end-1; k++ {
		v := s.ops[k].Out
		m := s.sharedMap(v, UnitWindow, s.g.Values[v].Shape.T, d.rows, d.cols)
		m.first = k - d.first + 1
		d.maps = append(d.maps, m)
	}
	for k := d.first; k < d.end; k++ {
		for i := range d.maps {
			from := s.ops[d.first].in
			if i > 0 {
				from = s.ops[d.first+i-1].out
			}
			if op := &s.ops[k]; op.in == from || i > 0 && op.res == from {
				d.maps[i].last = k - d.first + 1
			}
		}
	}
	end := 0
	for i := range d.maps {
		m := &d.maps[i]
		for j := 0; j < i; j++ { // again from the start, wherever it had to move
			o := &d.maps[j]
			if o.last >= m.first && o.Base < m.Base+m.Len && m.Base < o.Base+o.Len && !s.inPlace(d, j, i) {
				m.Base, j = o.Base+o.Len, -1
			}
		}
		end = max(end, m.Base+m.Len)
	}
	project := s.ops[d.end-1].project != nil
	d.shared = s.m.Blocks.fusedShared(end, d.tile, s.fusedDepth(), project)
}

// reach returns how many elements windows at n neighbouring positions visit.
func (a Axis) reach(n int) int { return (n-1)*a.Stride + a.Kernel }

// sharedMap lays out what a tile needs of a value, which covers it. Pixels are an odd number of
// accesses apart, so that neighbours lie in different banks; of the input they may be half
// of one.
func (s *scheduler) sharedMap(id ValueID, cover Window, frames, rows, cols int) sharedMap {
	v := s.g.Values[id]
	pixel := s.m.Lanes * (ceilDiv(v.Shape.C, s.m.Lanes) | 1)
	if s.narrowPixels(BufferID(id)) {
		pixel = inputLanes
	}
	b := newBuffer(v.Name, Shape{cover.T.reach(frames), cover.H.reach(rows), cover.W.reach(cols), v.Shape.C}, Border{}, pixel)
	b.Space, b.Cover = Scratch, cover
	return sharedMap{Buffer: b}
}

// inPlace reports whether the i-th map of a block may lie where the j-th does: it
// is the sum of that and of products of others. Each thread then overwrites what
// it has read.
func (s *scheduler) inPlace(d *fusedBlock, j, i int) bool {
	op, a, b := &s.ops[d.first+i-1], &d.maps[j], &d.maps[i]
	return j > 0 && op.res == s.ops[d.first+j-1].out && op.in != op.res && a.last == b.first && a.Base == b.Base && sameLayout(&a.Buffer, &b.Buffer)
}

// fusedShared returns the bytes of shared memory that a fused block takes, whose
// maps take so many values: those, the steps that are under way, rows of what is
// projected among them, and an access of zeros.
func (b *BlockMachine) fusedShared(maps int, t BlockTile, depth int, project bool) int {
	if !project {
		t.Positions = 0
	}
	const zeros = 16
	return maps*b.ValueBytes + t.Shared(depth, fusedStages, b.ValueBytes) + zeros
}

// Shared returns the bytes of shared memory that a fused region takes, and how
// many of them, from the first on, are its maps.
func (p *Plan) Shared(r *Region) (total, maps int) {
	last := &p.Kernels[r.Steps[len(r.Steps)-1].Kernel]
	for i := range r.Steps[:len(r.Steps)-1] {
		b := &p.Buffers[r.Steps[i].Out]
		maps = max(maps, b.Base+b.Len)
	}
	if last.Kind == KernelPool {
		last = &p.Kernels[r.Steps[len(r.Steps)-2].Kernel]
	}
	total = p.Machine.Blocks.fusedShared(maps, BlockTile{last.Cols, last.Vectors * p.Machine.Lanes}, last.Block.Depth, last.K2 > 0)
	return total, maps * p.Machine.Blocks.ValueBytes
}
