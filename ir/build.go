package ir

import (
	"fmt"
	"slices"
)

// region builds a drafted region: its buffers, kernels and steps.
func (s *scheduler) region(d draft) Region {
	r := Region{Name: s.ops[d.first].Name, Space: d.space, Tile: d.tile, Why: d.why}
	fused := d.end-d.first > 1
	if fused {
		r.Name += ".." + s.ops[d.end-1].Name
	}
	for k := d.first; k < d.end; k++ {
		if fused && s.local(s.ops[k].out, d.first, d.end) {
			s.scratch(&s.ops[k], &d, d.parts[k-d.first].cover)
		}
	}
	for k := d.first; k < d.end; k++ {
		r.Steps = append(r.Steps, s.step(&s.ops[k], &r, d.parts[k-d.first], fused))
	}
	return r
}

// scratch makes the buffer of an op's result one of what a tile needs of it, or
// computes: a transform's tiles may stick out of the region's.
func (s *scheduler) scratch(op *plannedOp, d *draft, cover Window) {
	v := s.g.Values[op.out]
	more := op.transform.H.Size() - 1
	cover.H.Kernel += 2 * more
	cover.H.Pad += more
	tile := Shape{v.Shape.T, (d.tile.H-1)*cover.H.Stride + cover.H.Kernel, v.Shape.W, v.Shape.C}
	if d.space.T > 1 {
		tile.T = cover.T.Kernel
	}
	b := newBuffer(v.Name, tile, Border{}, channelStride(v.Shape.C))
	b.Space, b.Cover = Scratch, Window{cover.T, cover.H, Unit}
	s.plan.Buffers[op.out] = b
}

// ingest is the region that brings the caller's clip into the input's layout.
func (s *scheduler) ingest() Region {
	in := s.g.Input.Shape
	k := s.kernel(Kernel{Kind: KernelIngest, Rows: 1, Cols: 1})
	return Region{
		Name: "input", Space: in, Tile: Shape{1, (in.H + 3) / 4, in.W, in.C},
		Why: "the caller's clip, normalised",
		Steps: []Step{{
			Op: "input", Kernel: k, In: 0, Out: 0, Res: NoBuffer, Every: NoSkip, Pack: NoPack,
			Window: UnitWindow, Cover: UnitWindow, InShape: in, OutShape: in, MaxTiles: 1,
		}},
	}
}

func (s *scheduler) step(op *plannedOp, r *Region, p part, fused bool) Step {
	st := Step{
		Op: op.Name, Run: p.run, In: op.in, Out: op.out, Res: op.res, Every: op.every, Pack: NoPack,
		Window: op.window, Cover: p.cover,
		InShape: s.g.Values[op.in].Shape, OutShape: s.g.Values[op.Out].Shape, MaxTiles: 1,
	}
	if op.transform != (Transform{}) {
		s.transformStep(&st, op, r, p)
		return st
	}
	rt := p.tile
	if !fused {
		st.InShape, st.OutShape = reshape(st.InShape, st.OutShape, r.Space), r.Space
	}
	switch op.kind {
	case KernelSoftmax:
		st.Kernel = s.kernel(Kernel{Kind: KernelSoftmax, Rows: 1, Cols: 1})
	case KernelPool:
		st.Kernel = s.kernel(s.poolKernel(op, rt))
		st.MaxTiles = max(1, s.m.MaxCycles/(op.window.Taps()*rt.vectors))
	case KernelConv:
		st.Kernel = s.kernel(s.convKernel(op, rt))
		st.Tails = s.tails(op, rt, runLengths(r, &st))
		st.Pack = s.pack(op, rt.vectors*s.m.Lanes)
		st.MaxTiles = s.maxTiles(st.Kernel)
	}
	return st
}

// maxTiles returns how many register tiles a call of a conv kernel may run.
func (s *scheduler) maxTiles(id KernelID) int {
	k := &s.plan.Kernels[id]
	cycles := s.m.TileCycles(k.Pixels(), k.Vectors, k.K*k.TapsT*k.TapsH*k.TapsW+k.K2)
	if k.Transform.Late() {
		cycles = s.m.LateCycles(k.Transform.W, k.Pixels(), k.K)
	}
	return max(1, int(float64(s.m.MaxCycles)/cycles))
}

// reshape strings an input's rows together as its region's space does.
func reshape(in, out, space Shape) Shape {
	switch {
	case space.T != out.T:
		return Shape{1, 1, in.Pixels(), in.C}
	case space.H != out.H:
		return Shape{in.T, 1, in.H * in.W, in.C}
	}
	return in
}

// runLengths lists the lengths of the runs that a step meets, in units.
func runLengths(r *Region, st *Step) []int {
	var runs []int
	for _, e := range r.extents(st) {
		rows, cols := e[1].H-e[0].H, e[1].W-e[0].W
		run := rows
		switch st.Run {
		case RunPixels:
			run = cols
		case RunFlat:
			run = rows * cols
		}
		if !slices.Contains(runs, run) {
			runs = append(runs, run)
		}
	}
	return runs
}

// tails finds a kernel for what is left of each run behind its last whole
// register tile; nil where nothing ever is.
func (s *scheduler) tails(op *plannedOp, rt regTile, runs []int) []KernelID {
	units := rt.rows
	if rt.rows == 1 {
		units = rt.cols
	}
	var tails []KernelID
	for _, run := range runs {
		left := run % units
		if left == 0 {
			continue
		}
		if tails == nil {
			tails = slices.Repeat([]KernelID{NoKernel}, units)
		}
		t := rt
		if rt.rows == 1 {
			t.cols = left
		} else {
			t.rows = left
		}
		tails[left] = s.kernel(s.convKernel(op, t))
	}
	return tails
}

func (s *scheduler) convKernel(op *plannedOp, rt regTile) Kernel {
	in, out := &s.plan.Buffers[op.in], &s.plan.Buffers[op.out]
	w := op.window
	k := Kernel{
		Kind: KernelConv, Rows: rt.rows, Cols: rt.cols, Vectors: rt.vectors, Epi: op.epi,
		K: in.Shape.C, TapsT: w.T.Kernel, TapsH: w.H.Kernel, TapsW: w.W.Kernel,
		In:  Pitch{Pixel: w.W.Stride * in.Pixel},
		Out: Pitch{Pixel: out.Pixel},
	}
	if op.res != NoBuffer {
		k.Res.Pixel = op.every.W * s.plan.Buffers[op.res].Pixel
	}
	if op.project != nil {
		k.K2 = s.plan.Buffers[op.res].Shape.C
	}
	if in.Pixel == in.Shape.C { // neighbouring pixels' channels follow one another
		k.K, k.TapsW = k.K*k.TapsW, 1
	}
	if k.TapsT > 1 {
		k.StepT = in.Frame
	}
	if op.points > 0 {
		k.Points, k.StepT, k.Out.Row, k.Transform = op.points, in.Frame, out.Frame, op.late
	}
	if k.TapsH > 1 {
		k.StepH = in.Row
	}
	if k.TapsW > 1 {
		k.StepW = in.Pixel
	}
	if k.Rows > 1 {
		k.In.Row, k.Out.Row = w.H.Stride*in.Row, out.Row
		if op.res != NoBuffer {
			k.Res.Row = op.every.H * s.plan.Buffers[op.res].Row
		}
	}
	return k
}

func (s *scheduler) poolKernel(op *plannedOp, rt regTile) Kernel {
	in, out := &s.plan.Buffers[op.in], &s.plan.Buffers[op.out]
	return Kernel{
		Kind: KernelPool, Pool: op.pool, Rows: 1, Cols: 1, Vectors: rt.vectors,
		TapsT: op.window.T.Kernel, TapsH: op.window.H.Kernel, TapsW: op.window.W.Kernel,
		StepT: in.Frame, StepH: in.Row, StepW: in.Pixel,
		In: Pitch{Pixel: op.window.W.Stride * in.Pixel}, Out: Pitch{Pixel: out.Pixel},
	}
}

// kernel returns the id of a kernel, adding it where it is new.
func (s *scheduler) kernel(k Kernel) KernelID {
	if id, ok := s.kernels[k]; ok {
		return id
	}
	id := KernelID(len(s.plan.Kernels))
	s.kernels[k] = id
	k.Name = fmt.Sprintf("%s%d", kernelName(&k, s.m.Lanes), id)
	s.plan.Kernels = append(s.plan.Kernels, k)
	return id
}

// kernelName says what a kernel does; the number behind it makes it unique.
func kernelName(k *Kernel, lanes int) string {
	switch k.Kind {
	case KernelConv:
		name := fmt.Sprintf("conv%dx%d_k%dx%dx%dx%d", k.Pixels(), k.Vectors*lanes, k.TapsT, k.TapsH, k.TapsW, k.K)
		if k.K2 > 0 {
			name += fmt.Sprintf("p%d", k.K2)
		}
		if k.Transform.Late() {
			name += fmt.Sprintf("late%d", k.Points)
		}
		return name + "_"
	case KernelPool:
		return fmt.Sprintf("%vpool%d_", k.Pool, k.Vectors*lanes)
	case KernelSpread, KernelGather:
		f := k.Transform
		return fmt.Sprintf("%v%dx%dx%d_", k.Kind, f.T.Size(), f.H.Size(), f.W.Size())
	}
	return k.Kind.String()
}

// pack reserves the place of an op's packed weights and biases.
func (s *scheduler) pack(op *plannedOp, channels int) PackID {
	p := Pack{Op: op.Name, Conv: op.conv, In: s.g.Values[op.in].Shape.C, Channels: channels, Transform: op.transform}
	if op.project != nil {
		p.Project, p.ProjectIn = op.project, s.g.Values[op.res].Shape.C
	}
	p.Weights = s.plan.PackedLen
	p.Bias = p.Weights + p.Panels()*p.PanelLen()
	s.plan.PackedLen = roundUp(p.Bias+p.Panels()*channels, cacheLine)
	s.plan.Packs = append(s.plan.Packs, p)
	return PackID(len(s.plan.Packs) - 1)
}
