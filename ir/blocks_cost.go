package ir

// Costs of blocks of threads are in products that a multiprocessor could make
// meanwhile. They only rank tiles, and ops in one kernel against kernels of their
// own; what both read and store at their ends is left out.
const (
	fetchCost  = 64       // of a value from the second-level cache, to shared memory
	memoryCost = 150      // of a value to or from memory
	cacheBytes = 40 << 20 // of that cache
	launchCost = 3 << 20  // of a kernel's start and end, some two microseconds
)

// apart returns what the ops [i, j) cost in kernels of their own: each fetches both
// operands of every step of its reduction, and what is between them is stored, and
// read by one after another.
func (s *scheduler) apart(i, j int) float64 {
	sum := 0.0
	for k := i; k < j; k++ {
		op := &s.ops[k]
		sum += launchCost
		if k < j-1 {
			sum += s.mapCost(op.out) * float64(1+len(s.readers[op.out]))
		}
		if op.kind == KernelPool {
			continue
		}
		if t, err := s.blockTile(op); err == nil { // else the layer has no kernel: that is for it to say
			one := (t.Positions*t.Channels + fetchCost*(t.Positions+t.Channels)) * s.reductionLength(op)
			sum += s.waves(t.blocks) * float64(one)
		}
	}
	return sum
}

// mapCost returns what it costs to store or read a value of all clips.
func (s *scheduler) mapCost(v BufferID) float64 {
	values, each := s.g.Values[v].Shape.Elems()*s.m.Blocks.Clips, fetchCost
	if values*s.m.Blocks.ValueBytes > cacheBytes {
		each = memoryCost
	}
	return float64(values*each) / float64(s.m.Cores)
}

// fusedCost returns what a block of layers costs: it fetches the picture with its
// halo, then the weights alone.
func (s *scheduler) fusedCost(d *fusedBlock) float64 {
	one := fetchCost * d.maps[0].Len
	for k := d.first; k < d.end; k++ {
		op := &s.ops[k]
		columns := ceilDiv(s.g.Values[op.Out].Shape.C, d.tile.Channels)
		one += columns * s.reductionLength(op) * d.tile.Channels * (d.tile.Positions + fetchCost)
		if op.project != nil {
			one += columns * s.plan.Buffers[op.res].Pixel * fetchCost * d.tile.Positions
		}
	}
	return launchCost + s.waves(d.blocks)*float64(one)
}

// pooledCost returns what a convolution with its pool costs: it fetches what it reads of
// the picture, then the weights alone. What windows of neighbouring tiles both visit is
// computed twice.
func (s *scheduler) pooledCost(d *fusedBlock) float64 {
	one := fetchCost*d.maps[0].Len + s.reductionLength(&s.ops[d.first])*d.tile.Channels*(d.tile.Positions+fetchCost)
	return launchCost + s.waves(d.blocks)*float64(one)
}

// waves returns how many blocks a multiprocessor runs, one after another.
func (s *scheduler) waves(blocks int) float64 { return float64(ceilDiv(blocks, s.m.Cores)) }

// reductionLength returns how many products a sum has, zeros of padding included.
func (s *scheduler) reductionLength(op *plannedOp) int {
	row, _ := s.rowTaps(op)
	n := op.window.T.Kernel * op.window.H.Kernel * row * s.reductionPitch(op.in)
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
