package ir

// winogradRegion builds the region of a layer by Winograd's algorithm. Its
// steps transform the patches of a task into scratch memory, each point a
// frame; multiply each frame by the weights of its point; and transform the
// sums into the result.
func (s *scheduler) winogradRegion(d draft) Region {
	op := &s.ops[d.first]
	r := Region{Name: op.Name, Space: d.space, Tile: d.tile, Why: d.why}
	points := s.pointsBuffer(op.Name+".points", &d, s.g.Values[op.in].Shape.C)
	sums := s.pointsBuffer(op.Name+".sums", &d, s.g.Values[op.Out].Shape.C)
	pack := s.pack(op, d.tiles[0].vectors*s.m.Lanes)
	r.Steps = []Step{s.winogradIn(op, points), s.winogradProduct(op, &r, d.tiles[0], points, sums), s.winogradOut(op, sums)}
	for i := range r.Steps {
		r.Steps[i].Op, r.Steps[i].Pack = op.Name, pack
	}
	return r
}

// pointsBuffer adds a scratch buffer for one value a tile, point and channel.
// An odd number of cache lines from point to point spreads them over the sets
// of the first-level cache.
func (s *scheduler) pointsBuffer(name string, d *draft, channels int) BufferID {
	shape := Shape{winogradPoints(d.winograd), d.tile.H, d.tile.W, channels}
	b := newBuffer(name, shape, Border{}, channelStride(channels))
	if b.Frame/cacheLine%2 == 0 {
		b.Frame += cacheLine
	}
	b.Len, b.Space = shape.T*b.Frame, Scratch
	s.plan.Buffers = append(s.plan.Buffers, b)
	return BufferID(len(s.plan.Buffers) - 1)
}

func (s *scheduler) winogradIn(op *plannedOp, points BufferID) Step {
	in, out := &s.plan.Buffers[op.in], &s.plan.Buffers[points]
	ops, _ := winogradOps(op.winograd)
	return Step{
		Kernel: s.kernel(Kernel{
			Kind: KernelWinogradIn, Rows: op.winograd, Cols: op.winograd, Vectors: 1, StepT: out.Frame,
			In: Pitch{in.Pixel, in.Row}, Out: Pitch{Pixel: out.Pixel},
		}),
		MaxTiles: s.maxTransforms(ops, in.Shape.C), In: op.in, Out: points, Res: NoBuffer, Every: NoSkip,
		Window: op.window, InShape: in.Shape, OutShape: out.Shape,
	}
}

func (s *scheduler) winogradProduct(op *plannedOp, r *Region, rt regTile, points, sums BufferID) Step {
	product := plannedOp{
		Op: op.Op, kind: KernelConv, window: Window{Unit, Unit, Unit},
		in: points, out: sums, res: NoBuffer, every: NoSkip,
	}
	st := Step{
		Kernel: s.kernel(s.convKernel(&product, rt)), Run: RunFlat,
		In: points, Out: sums, Res: NoBuffer, Every: NoSkip, Window: product.window,
		InShape: s.plan.Buffers[points].Shape, OutShape: s.plan.Buffers[sums].Shape,
	}
	st.Tails = s.tails(&product, rt, runLengths(r, &st))
	st.MaxTiles = s.maxTiles(st.Kernel)
	return st
}

func (s *scheduler) winogradOut(op *plannedOp, sums BufferID) Step {
	in, out := &s.plan.Buffers[sums], &s.plan.Buffers[op.out]
	k := Kernel{
		Kind: KernelWinogradOut, Rows: op.winograd, Cols: op.winograd, Vectors: 1, StepT: in.Frame,
		In: Pitch{Pixel: in.Pixel}, Out: Pitch{out.Pixel, out.Row}, Epi: op.epi,
	}
	if op.res != NoBuffer {
		res := &s.plan.Buffers[op.res]
		k.Res = Pitch{op.every.W * res.Pixel, op.every.H * res.Row}
	}
	_, ops := winogradOps(op.winograd)
	return Step{
		Kernel: s.kernel(k), MaxTiles: s.maxTransforms(ops, out.Shape.C),
		In: sums, Out: op.out, Res: op.res, Every: op.every,
		Window: op.window, InShape: in.Shape, OutShape: out.Shape,
	}
}

// maxTransforms returns how many tiles a call of a transform may run, of so
// many operations a vector of channels.
func (s *scheduler) maxTransforms(ops, channels int) int {
	vectors := (channels + s.m.Lanes - 1) / s.m.Lanes
	return max(1, int(float64(s.m.MaxCycles)/(float64(ops*vectors)*s.m.Transform)))
}
