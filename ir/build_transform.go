package ir

import "slices"

// transformStep completes the step of a convolution by Winograd's algorithm:
// its scratch memory, the kernel for the products, and those of the transforms.
func (s *scheduler) transformStep(st *Step, op *plannedOp, r *Region, p part) {
	f := op.transform
	cols := ceilDiv(st.OutShape.W, f.W.Size())
	k, channels := f.Phases()*st.InShape.C/f.Parts(), st.OutShape.C/f.Parts()
	pixel := channelStride(k)
	switch frame := k / f.T.Phases(); { // of which each is stored over the end of the one before
	case f.Strided(): // as are rows of phases
		pixel = max(pixel, roundUp(k-frame/f.H.Phases()+PhaseLanes, cacheLine))
	case f.T.Phases() > 1:
		pixel = max(pixel, roundUp(k-frame+roundUp(frame, s.m.Lanes), cacheLine))
	}
	w := &WinogradStep{Rows: p.rows, Weights: NoBuffer}
	w.Points = s.pointsBuffer(op.Name+".points", Shape{f.Points(), p.rows, cols, k}, pixel)
	w.Sums = s.pointsBuffer(op.Name+".sums", Shape{f.Points(), p.rows, cols, channels}, channelStride(channels))
	st.Winograd = w
	st.Pack = s.pack(op, p.tile.vectors*s.m.Lanes*f.Parts())

	product := plannedOp{Op: op.Op, kind: KernelConv, window: UnitWindow, in: w.Points, out: w.Sums, res: NoBuffer, every: NoSkip, points: f.Points()}
	if f.Late() {
		product.points, product.late = f.H.Points(), f
		pixel := f.W.Taps * s.m.Lanes
		w.Weights = s.scratchBuffer(newBuffer(op.Name+".weights", Shape{1, 1, k, pixel}, Border{}, pixel))
	}
	st.Run = RunFlat
	st.Kernel = s.kernel(s.convKernel(&product, p.tile))
	st.Tails = s.tails(&product, p.tile, productRuns(r, st, f, cols))
	st.MaxTiles = s.maxTiles(st.Kernel)

	spread, gather := s.transformOps(f)
	w.MaxSpread = s.maxTransforms(spread, k/f.T.Phases())
	w.MaxGather = s.maxTransforms(gather, channels)
	for t := 0; t < st.OutShape.T; t += f.T.Size() {
		if f.T.Size() == 1 && t > 0 {
			break // all frames are alike
		}
		w.Spread = append(w.Spread, s.kernel(s.spreadKernel(op, w, t)))
		w.Gather = append(w.Gather, s.kernel(s.gatherKernel(op, w, t)))
	}
}

// pointsBuffer adds a scratch buffer for one value a tile, point and channel.
// An odd number of cache lines from point to point spreads them over the sets
// of the first-level cache.
func (s *scheduler) pointsBuffer(name string, shape Shape, pixel int) BufferID {
	b := newBuffer(name, shape, Border{}, pixel)
	if b.Frame/cacheLine%2 == 0 {
		b.Frame += cacheLine
	}
	return s.scratchBuffer(b)
}

// scratchBuffer adds a buffer to a worker's memory.
func (s *scheduler) scratchBuffer(b Buffer) BufferID {
	b.Len, b.Space = b.Shape.T*b.Frame, Scratch
	s.plan.Buffers = append(s.plan.Buffers, b)
	return BufferID(len(s.plan.Buffers) - 1)
}

// productRuns lists the lengths of the runs of products that a step meets: so
// many rows at a time, and what is left of a tile.
func productRuns(r *Region, st *Step, f Transform, cols int) []int {
	var runs []int
	add := func(rows int) {
		if n := rows * cols; rows > 0 && !slices.Contains(runs, n) {
			runs = append(runs, n)
		}
	}
	for _, e := range r.extents(st) {
		times, _, rows := f.tileRows(e[0], e[1])
		all := times * rows
		add(min(all, st.Winograd.Rows))
		add(all % st.Winograd.Rows)
	}
	return runs
}

// spreadKernel is the transform of the patches whose results begin at frame t.
func (s *scheduler) spreadKernel(op *plannedOp, w *WinogradStep, t int) Kernel {
	f, in, out := op.transform.ofFrame(), &s.plan.Buffers[op.in], &s.plan.Buffers[w.Points]
	k := Kernel{
		Kind: KernelSpread, Rows: f.H.Size(), Cols: f.W.Size(), Vectors: 1, Transform: f,
		StepT: out.Frame, In: Pitch{in.Pixel, in.Row}, Out: Pitch{Pixel: out.Pixel},
	}
	if f.Strided() || f.Parts() > 1 {
		k.K = in.Shape.C / f.Parts()
	}
	if f.T != (Line{}) {
		k.In.Row = in.Frame
		start := t - op.window.T.Pad
		k.From, k.To = max(0, -start), min(f.T.Inputs(), s.g.Values[op.in].Shape.T-start)
	}
	return k
}

// gatherKernel is the transform that makes the sums of results from frame t on.
func (s *scheduler) gatherKernel(op *plannedOp, w *WinogradStep, t int) Kernel {
	f, in, out := op.transform.ofFrame(), &s.plan.Buffers[w.Sums], &s.plan.Buffers[op.out]
	k := Kernel{
		Kind: KernelGather, Rows: f.H.Size(), Cols: f.W.Size(), Vectors: 1, Transform: f, Epi: op.epi,
		StepT: in.Frame, In: Pitch{Pixel: in.Pixel}, Out: Pitch{out.Pixel, out.Row},
	}
	if op.res != NoBuffer {
		res := &s.plan.Buffers[op.res]
		k.Res = Pitch{op.every.W * res.Pixel, op.every.H * res.Row}
	}
	if f.T != (Line{}) {
		k.Out.Row = out.Frame
		if op.res != NoBuffer {
			k.Res.Row = op.every.T * s.plan.Buffers[op.res].Frame
		}
		k.To = min(f.T.Results, out.Shape.T-t)
	}
	return k
}

// maxTransforms returns how many tiles a call of a transform may run, of so
// many operations a vector of channels.
func (s *scheduler) maxTransforms(ops, channels int) int {
	return max(1, int(float64(s.m.MaxCycles)/(float64(ops*ceilDiv(channels, s.m.Lanes))*s.m.Transform)))
}
