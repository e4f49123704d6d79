package ir

import (
	"fmt"
	"math"
	"slices"
)

// chooseTransforms decides which layers are computed by Winograd's algorithm,
// and gives their inputs a border that the last patches do not reach over.
//
// A layer is compared by itself, before it is known what it could share a
// region with: less arithmetic gains more than fusing does. Nor do taps count.
// They may keep a layer whole that otherwise would stride over what nobody
// reads, and what is looked into must be computed as it is without.
func (s *scheduler) chooseTransforms(mode Winograd) error {
	bare, err := s.withoutTaps()
	if err != nil {
		return err
	}
	for i := range s.ops {
		var ways []Transform
		if bare.ops[i].window == s.ops[i].window { // else it is not transformed there, or not so
			ways = bare.transforms(i)
		}
		if s.chosen != nil {
			if s.ops[i].transform, err = s.tunedTransform(i, ways); err != nil {
				return err
			}
		} else if len(ways) > 0 {
			s.ops[i].transform = bare.bestTransform(i, ways, mode)
		}
	}
	for i := range s.ops {
		if op := &s.ops[i]; op.transform != (Transform{}) {
			b := &s.plan.Buffers[op.in]
			border := op.transform.patchBorder(op.conv, b.Shape, s.g.Values[op.Out].Shape)
			*b = newBuffer(b.Name, b.Shape, b.Border.or(border), b.Pixel)
		}
	}
	return nil
}

// withoutTaps returns a planner of the same ops as they are where nobody looks
// into the network.
func (s *scheduler) withoutTaps() (*scheduler, error) {
	bare := s.g.Clone()
	bare.Taps = nil
	bare, err := narrowDemand(bare)
	if err != nil {
		return nil, err
	}
	return newScheduler(bare, s.m)
}

// transforms lists the transforms that op i could have.
func (s *scheduler) transforms(i int) []Transform {
	in := &s.plan.Buffers[s.ops[i].in]
	ways := transformsOf(s.ops[i].Attr, in, &s.m)
	if s.ops[i].project != nil {
		return nil // a transform's products are sums over one input
	}
	if len(ways) > 0 && ways[0].T.Strassen && s.g.Values[s.ops[i].Out].Narrowed {
		return nil // with a tap, other frames would be two by two
	}
	if len(ways) > 0 && !ways[0].Strided() && in.Pixel < roundUp(in.Shape.C, s.m.Lanes) {
		return nil // a channel more is a pixel's neighbour
	}
	return ways
}

// bestTransform returns the transform for op i among those that it could have.
// There are up to four times as many weights behind a transform: that decides
// where pixels are few.
func (s *scheduler) bestTransform(i int, ways []Transform, mode Winograd) Transform {
	early := ways
	if n := slices.IndexFunc(ways, Transform.Late); n >= 0 {
		early = ways[:n]
	}
	switch mode {
	case WinogradNever:
		return Transform{}
	case WinogradF2:
		return early[0]
	case WinogradMixed:
		return early[len(early)/2]
	case WinogradF4:
		return early[len(early)-1]
	case WinogradLate:
		return ways[len(ways)-1]
	}
	op := &s.ops[i]
	op.transform = Transform{}
	best, cycles := Transform{}, s.streamed(s.draftDirect(i).cycles, i, i+1)
	for _, f := range ways {
		op.transform = f
		if c := s.streamed(s.draftTransformed(i).cycles, i, i+1); c < cycles {
			best, cycles = f, c
		}
	}
	return best
}

// draftTransformed plans a layer by its transform: tasks are some frames, or
// all where those are transformed, some rows and some panels of channels.
func (s *scheduler) draftTransformed(i int) draft {
	op := &s.ops[i]
	out := s.g.Values[op.Out].Shape
	best := draft{first: i, end: i + 1, space: out, cycles: math.Inf(1)}
	if op.transform.T.Size() > 1 {
		best.space.T = 1
	}
	side := op.transform.H.Size()
	for frames := 1; frames <= best.space.T; frames++ {
		for rows := side; rows < out.H+side; rows += side {
			d := best
			d.tile = Shape{frames, min(rows, out.H), out.W, out.C}
			s.costTransformed(&d)
			panel := func() int { return d.parts[0].tile.vectors * s.m.Lanes * op.transform.Parts() }
			for n, width := ceilDiv(out.C, panel()), panel(); ; n = (n + 1) / 2 {
				d.tile.C = min(n*width, out.C)
				// More rows at once, with fewer channels, may have wider panels.
				if s.costTransformed(&d); (d.tile.C == out.C || d.tile.C%panel() == 0) && s.better(&d, &best) {
					best = d
				}
				if n == 1 {
					break
				}
			}
		}
	}
	tasks := (&Region{Space: best.space, Tile: best.tile}).Tiles().Elems()
	best.why = fmt.Sprintf("%v: %d tasks, %.0f kcycles; direct %.0f", op.transform, tasks, best.cycles/1e3, s.draftDirect(i).cycles/1e3)
	return best
}

// costTransformed fills in what a drafted layer's tile determines.
func (s *scheduler) costTransformed(d *draft) {
	op := &s.ops[d.first]
	view := s.g.Values[op.Out].Shape
	if d.space.T > 1 {
		view.T = d.tile.T
	}
	view.H = d.tile.H
	t := s.transformed(op, view, d.tile.C)
	in, out := s.g.Values[op.in].Shape, s.g.Values[op.Out].Shape
	share := float64(view.Pixels()) / float64(out.Pixels())
	read, written := 4*in.Elems(), 4*view.Pixels()*d.tile.C
	if op.res != NoBuffer {
		written *= 3 // read, with no products to wait behind, then written
	}
	reading, writing := share*float64(read)*s.m.Arena, float64(written)*s.m.Arena
	d.parts = []part{{cover: UnitWindow, tile: t.tile, rows: t.rows}}
	n := (&Region{Space: d.space, Tile: d.tile}).Tiles()
	// Tasks of the same pixels follow one another, most of them on one core: where
	// that has their points, it does not read the input again, either.
	rounds := ceilDiv(n.Elems(), s.m.Cores)
	saved := 0.0
	if t.spread > 0 {
		saved = (t.spread + reading) * (1 - float64(ceilDiv(rounds, n.C))/float64(rounds))
	}
	d.cycles = s.m.spread(t.cycles+reading+writing-saved, n.Elems())
}

// transformedTile is a convolution by its transform on one tile.
type transformedTile struct {
	tile    regTile
	rows    int // of the transform's tiles at once
	scratch int // bytes
	cycles  float64
	spread  float64 // of them, what the next channels of the same pixels do not take
}

// transformed plans op's transform for a tile of the given extents and so many
// output channels. It works on some rows of its tiles at a time: what these
// take stays in the second-level cache as far as the weights leave it there,
// which stream through it a panel at a time.
func (s *scheduler) transformed(op *plannedOp, view Shape, channels int) transformedTile {
	m, f := &s.m, op.transform
	k, cols, points := f.Phases()*s.g.Values[op.in].Shape.C/f.Parts(), ceilDiv(view.W, f.W.Size()), f.Points()
	channels /= f.Parts()
	all := ceilDiv(view.T, f.T.Size()) * ceilDiv(view.H, f.H.Size())
	rowBytes := 4 * points * cols * (roundUp(k, cacheLine) + roundUp(channels, cacheLine))
	var t transformedTile
	chunks := ceilDiv(all, max(1, m.CacheL2/2/rowBytes))
	t.rows = ceilDiv(all, chunks)
	t.scratch = t.rows * rowBytes
	vectors := ceilDiv(op.conv.Out/f.Parts(), m.Lanes)
	products := tileProblem{run: t.rows * cols, runs: points, vectors: vectors, steps: k}
	if f.Late() {
		products.runs, products.late = f.H.Points(), f.W
	}
	rt, gemm := s.bestTile(products)
	t.tile = rt
	gemm *= float64(channels) / float64(rt.vectors*m.Lanes*ceilDiv(vectors, rt.vectors))
	in, out := s.transformOps(f)
	lanes := m.Lanes
	if f.Strided() {
		lanes = PhaseLanes
	}
	// Points and sums go by way of the second-level cache, which may take longer
	// than the arithmetic does.
	vector := func(ops, lanes int) float64 {
		return max(float64(ops)*m.Transform, float64(4*points*lanes)*m.Spill)
	}
	spread := float64(t.rows*cols*ceilDiv(k, lanes)) * vector(in, lanes)
	gather := float64(t.rows*cols*ceilDiv(channels, m.Lanes)) * vector(out, m.Lanes)
	weights, panels := 4*points*k*channels, ceilDiv(channels, rt.vectors*m.Lanes)
	if f.Late() {
		weights = 4 * f.packed(k) * channels
	}
	move := float64(2*t.scratch)*(m.crowded(t.scratch+weights/panels)-m.L2) + float64(weights)*m.L2
	t.cycles = float64(all) / float64(t.rows) * (spread + gather + gemm + move)
	if t.rows == all {
		t.spread = spread
	}
	return t
}

// transformOps is Transform.ops, which every cut that is weighed asks for.
func (s *scheduler) transformOps(f Transform) (in, out int) {
	n, ok := s.effort[f]
	if !ok {
		n[0], n[1] = f.ops()
		s.effort[f] = n
	}
	return n[0], n[1]
}

// ops returns about how many vector operations the transforms of one tile
// take: arithmetic, loads that are not part of it, and stores. Going in, pairs
// of points share a quarter of theirs.
func (f Transform) ops() (in, out int) {
	lines := f.Lines()
	before, behind := 1, f.Points() // extents of the lines not yet, and already, transformed
	for _, l := range lines {
		before *= l.Inputs() * l.Parts()
	}
	spread, gather := 0, 0
	for _, l := range lines {
		if l.Size() == 1 {
			continue
		}
		m := l.Matrices()
		inputs, results := l.Inputs()*l.Parts(), l.Results*l.Parts()
		spread += nonzero(m.In[0]) * before / inputs
		gather += nonzero(m.Out) * behind / l.Points()
		before = before / inputs * l.Points()
		behind = behind / l.Points() * results
	}
	return spread*3/4 + f.Points(), gather + behind
}

// nonzero returns the number of a matrix's elements that are not zero.
func nonzero(m [][]float64) int {
	n := 0
	for _, row := range m {
		for _, x := range row {
			if x != 0 {
				n++
			}
		}
	}
	return n
}
