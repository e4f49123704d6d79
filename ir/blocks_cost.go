package ir

// Costs of blocks of threads are in products that a multiprocessor could make
// meanwhile. They only rank tiles, and a fused block against its layers apart.
const (
	fetchCost  = 24      // of a value that is brought from memory, or stored there
	launchCost = 3 << 20 // of a kernel's start and end, some two microseconds
)

// apart returns what the ops [i, j) cost in kernels of their own: each fetches both
// operands of every step of its reduction, and stores its result.
func (s *scheduler) apart(i, j int) float64 {
	sum := 0.0
	for k := i; k < j; k++ {
		op := &s.ops[k]
		t, err := s.blockTile(op)
		if err != nil {
			continue // the layer alone has no kernel: that is for it to say
		}
		one := (t.Positions*t.Channels + fetchCost*(t.Positions+t.Channels)) * s.reductionLength(op)
		one += fetchCost * t.Positions * t.Channels * touches(op)
		sum += launchCost + float64(ceilDiv(t.blocks, s.m.Cores))*float64(one)
	}
	return sum
}

// fusedCost returns what a fused block costs: it fetches the picture, then the
// weights alone, and stores the last result.
func (s *scheduler) fusedCost(d *fusedBlock) float64 {
	one := fetchCost * d.maps[0].Len
	for k := d.first; k < d.end; k++ {
		op := &s.ops[k]
		columns := ceilDiv(s.g.Values[op.Out].Shape.C, d.tile.Channels)
		one += columns * s.reductionLength(op) * d.tile.Channels * (d.tile.Positions + fetchCost)
		if op.project != nil {
			one += columns * s.plan.Buffers[op.res].Pixel * fetchCost * d.tile.Positions
		}
		if k == d.end-1 {
			one += columns * fetchCost * d.tile.Positions * d.tile.Channels * touches(op)
		}
	}
	return launchCost + float64(ceilDiv(d.blocks, s.m.Cores))*float64(one)
}

// touches returns how often a tile of results goes from or to memory: it is stored,
// and what is added to it is read.
func touches(op *plannedOp) int {
	if op.res != NoBuffer && op.project == nil {
		return 2
	}
	return 1
}

// reductionLength returns how many products a sum has, zeros of padding included.
func (s *scheduler) reductionLength(op *plannedOp) int {
	n := op.window.Taps() * s.reductionPitch(op.in)
	if op.project != nil {
		n += s.reductionPitch(op.res)
	}
	return n
}

// reductionPitch returns how many places of a reduction a pixel takes.
func (s *scheduler) reductionPitch(v BufferID) int {
	if b := &s.plan.Buffers[v]; b.Space == Arena {
		return b.Pixel
	}
	return roundUp(s.g.Values[v].Shape.C, s.m.Lanes)
}
