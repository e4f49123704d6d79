package ir

import (
	"fmt"
	"math"
)

// draftFused plans several ops as one region whose tiles are whole rows with
// all their channels: complete in time or, where no tile then needs another's
// frames, of single frames. It weighs every height of a tile.
func (s *scheduler) draftFused(i, j int) (draft, bool) {
	covers, ok := s.covers(i, j)
	if !ok {
		return draft{}, false
	}
	best := draft{cycles: math.Inf(1)}
	space := s.g.Values[s.ops[j-1].Out].Shape
	space.C = 1 // steps differ in channels: a tile has all of them
	frames := []int{1}
	if s.splitsTime(i, j, covers) {
		frames = append(frames, space.T)
	}
	for _, space.T = range frames {
		for rows := 1; rows <= space.H; rows++ {
			if n := ceilDiv(space.H, rows); rows > 1 && n == ceilDiv(space.H, rows-1) {
				continue // as many tiles, less even
			}
			if d, ok := s.draftRows(i, j, covers, space, rows); ok && s.better(&d, &best) {
				best = d
			}
		}
	}
	return best, best.parts != nil
}

func (s *scheduler) draftRows(i, j int, covers []Window, space Shape, rows int) (draft, bool) {
	d := draft{first: i, end: j, space: space, tile: Shape{1, rows, space.W, 1}}
	n := (&Region{Space: d.space, Tile: d.tile}).Tiles().Elems()
	var cost fusedCost
	for k := i; k < j; k++ {
		op := &s.ops[k]
		view := s.view(op, &d, covers[k-i])
		cost.add(s, op, view, i, j)
		p := part{cover: covers[k-i]}
		if space.T == 1 {
			p.cover.T = Unit // all frames
		}
		if op.transform != (Transform{}) {
			if !s.aligned(op, i, j, rows, view.H, k) {
				return draft{}, false
			}
			view.H = d.coveredRows(p.cover.H, op.transform.H.Size(), s.g.Values[op.Out].Shape.H)
			t := s.transformed(op, view, view.C)
			p.tile, p.rows = t.tile, t.rows
			cost.compute += t.cycles
			cost.scratch += t.scratch
		} else {
			var compute float64
			p.tile, p.run, compute = s.fusedTile(op, &d, p.cover, view, i, j)
			cost.compute += compute
		}
		d.parts = append(d.parts, p)
	}
	d.cycles = cost.cycles(&s.m, n)
	of := ""
	if space.T > 1 {
		of = " of a frame"
	}
	d.why = fmt.Sprintf("fused: %d tiles of %d rows%s, %.0f kcycles, %d KiB scratch", n, rows, of, d.cycles/1e3, cost.scratch>>10)
	return d, true
}

// fusedTile chooses the register tile of an op in the region [i, j), of whose
// result a tile has view, and how it runs.
func (s *scheduler) fusedTile(op *plannedOp, d *draft, cover Window, view Shape, i, j int) (regTile, Run, float64) {
	whole := view.W
	from, to := cover.W.Span(0, d.space.W, whole)
	if view.W = to - from; view.W == whole && s.flat(op, i, j) {
		view.H, view.W = 1, view.H*view.W
		rt, _, compute := s.registerTile(op, view)
		return rt, RunFlat, compute
	}
	return s.registerTile(op, view)
}

// view returns the extents of an op's result on a tile in the middle of a
// fused region.
func (s *scheduler) view(op *plannedOp, d *draft, cover Window) Shape {
	out := s.g.Values[op.Out].Shape
	if d.space.T > 1 {
		out.T = min(out.T, cover.T.Kernel)
	}
	out.H = min(out.H, (d.tile.H-1)*cover.H.Stride+cover.H.Kernel)
	return out
}

// coveredRows returns how many rows of a result of n rows a tile transforms, on
// average: transforms take whole tiles of side rows.
func (d *draft) coveredRows(cover Axis, side, n int) int {
	rows, tiles := 0, 0
	for lo := 0; lo < d.space.H; lo += d.tile.H {
		from, to := cover.Span(lo, min(lo+d.tile.H, d.space.H), n)
		rows += roundUp(to, side) - from/side*side
		tiles++
	}
	return ceilDiv(rows, tiles)
}

// aligned reports whether an op's transform may run on tiles of so many rows of
// a region [i, j), with view rows of its own result. Its tiles begin at
// multiples of their size and so may stick out of a region's tile: their
// result must be the region's own then, and its operands ready everywhere.
func (s *scheduler) aligned(op *plannedOp, i, j, rows, view, k int) bool {
	side := op.transform.H.Size()
	if side == 1 || view == rows && rows%side == 0 {
		return true
	}
	return k == i && s.local(op.out, i, j)
}

// flat reports whether an op of the region [i, j) may run through the rows of
// a tile as if they were one. A pool may not: it asks of every pixel where in
// its row that lies, since its window may hang over the edge. Nor may an op
// that adds some positions of a value's rows only.
func (s *scheduler) flat(op *plannedOp, i, j int) bool {
	if op.kind == KernelPool || reachesOut(op.window) || op.every != NoSkip {
		return false
	}
	for _, v := range []BufferID{op.in, op.out, op.res} {
		if v != NoBuffer && !s.local(v, i, j) && !s.plan.Buffers[v].denseRows() {
			return false
		}
	}
	return true
}
