package ir

// foldPairs makes a pool over pairs of frames the end of the epilogue of the
// convolution before it, where nothing else reads what is pooled: a block of threads
// has both frames at once, and their map takes no memory.
func (s *scheduler) foldPairs() {
	var ops []plannedOp
	writer := make(map[BufferID]int) // of a value, in ops
	for _, op := range s.ops {
		if i, ok := writer[op.in]; ok && s.pairs(&ops[i], &op) {
			conv := *ops[i].Op
			conv.Out = op.Out
			ops[i].Op, ops[i].out, ops[i].paired = &conv, op.out, op.Op
			writer[op.out] = i
			continue
		}
		writer[op.out] = len(ops)
		ops = append(ops, op)
	}
	s.setOps(ops)
}

// pairs reports whether a pool may be part of the op whose result it reads: it
// is the larger of each pair of frames, and none is left over.
func (s *scheduler) pairs(op, pool *plannedOp) bool {
	_, convolves := op.Attr.(Conv)
	return convolves && op.paired == nil && pool.kind == KernelPool && pool.pool == PoolMax &&
		pool.window == Window{Axis{Kernel: 2, Stride: 2}, Unit, Unit} &&
		s.g.Values[pool.in].Shape.T == 2*s.g.Values[pool.out].Shape.T &&
		len(s.readers[pool.in]) == 1 && !s.kept[pool.in]
}

// frames returns how many frames an op computes, of which it may store half.
func (s *scheduler) frames(op *plannedOp) int {
	if op.paired != nil {
		return 2 * s.g.Values[op.Out].Shape.T
	}
	return s.g.Values[op.Out].Shape.T
}

// Frames returns how many frames the kernel computes.
func (b *Block) Frames() int { return b.computed(b.Out).T }

// computed returns the extents of what the kernel computes for results of some
// extents.
func (b *Block) computed(of Shape) Shape {
	if b.Pairs {
		of.T *= 2
	}
	return of
}

// lastName is the name of an op, or of the pool that is part of it.
func (op *plannedOp) lastName() string {
	if op.paired != nil {
		return op.paired.Name
	}
	return op.Name
}
