package ir

import (
	"fmt"
	"math"
)

// draft is a region before it is built: which ops, cut how, and what that is
// expected to cost on one of the machine's cores.
type draft struct {
	first, end  int // the ops [first, end)
	space, tile Shape
	parts       []part // by op
	cycles      float64
	why         string
}

// part is how one op of a region runs on a tile.
type part struct {
	cover Window
	tile  regTile
	run   Run
	rows  int // of the transform's tiles at once
}

// draft plans the ops [i, j) as one region, if they can be one.
func (s *scheduler) draft(i, j int) (draft, bool) {
	switch op := &s.ops[i]; {
	case j-i > 1:
		return s.draftFused(i, j)
	case op.transform != (Transform{}):
		return s.draftTransformed(i), true
	}
	return s.draftDirect(i), true
}

// layerSpace returns the extents over which a single op is tiled: its output,
// with rows or frames strung together where nothing tells them apart.
func (s *scheduler) layerSpace(op *plannedOp) Shape {
	out := s.plan.Buffers[op.out].Shape
	denseRows, dense := op.every == NoSkip, op.every == NoSkip
	for _, v := range []BufferID{op.in, op.out, op.res} {
		if v != NoBuffer {
			b := &s.plan.Buffers[v]
			denseRows = denseRows && b.denseRows()
			dense = dense && b.dense()
		}
	}
	switch {
	case dense && op.window.Pointwise():
		return Shape{1, 1, out.Pixels(), out.C}
	case denseRows && !reachesOut(op.window):
		return Shape{out.T, 1, out.H * out.W, out.C}
	}
	return out
}

// draftDirect plans one op as a region of its own: the register tile first,
// then into how many tasks pixels and channels are cut.
func (s *scheduler) draftDirect(i int) draft {
	op := &s.ops[i]
	d := draft{first: i, end: i + 1, space: s.layerSpace(op)}
	if op.kind == KernelSoftmax {
		d.tile, d.parts = d.space, []part{{cover: UnitWindow, tile: regTile{1, 1, 1}}}
		d.cycles, d.why = s.m.Barrier, "one task"
		return d
	}
	rt, run, compute := s.registerTile(op, d.space)
	d.parts = []part{{cover: UnitWindow, tile: rt, run: run}}
	t := s.traffic(op)
	d.cycles = math.Inf(1)
	for _, tile := range s.cuts(d.space, rt, run) {
		next := d
		next.tile, next.cycles = tile, s.layerCycles(d.space, tile, rt, compute, t)
		if s.better(&next, &d) {
			d = next
		}
	}
	tasks := (&Region{Space: d.space, Tile: d.tile}).Tiles().Elems()
	d.why = fmt.Sprintf("layer: %d tasks, %.0f kcycles, %.0f of them arithmetic", tasks, d.cycles/1e3, compute/float64(s.m.Cores)/1e3)
	return d
}

// better reports whether a draft is to be taken rather than the best one so far
// of the same ops, computed alike.
func (s *scheduler) better(next, best *draft) bool {
	if s.weighed != nil {
		*s.weighed = append(*s.weighed, *next)
	}
	if want, ok := s.tunedTask(next); ok {
		if s.task(next) == want {
			return true
		}
		if best.cycles < math.Inf(1) && s.task(best) == want {
			return false
		}
	}
	return next.cycles < best.cycles
}

// registerTile chooses an op's register tile for a region's space, and
// whether it runs along pixels or down whole rows.
func (s *scheduler) registerTile(op *plannedOp, space Shape) (regTile, Run, float64) {
	vectors := (space.C + s.m.Lanes - 1) / s.m.Lanes
	if op.kind == KernelPool {
		return s.poolTile(op, space, vectors)
	}
	p := tileProblem{
		run: space.W, runs: space.T * space.H,
		vectors: vectors, steps: s.reduction(op),
	}
	best, cycles := s.bestTile(p)
	if space.H > 1 {
		p.run, p.runs, p.width = space.H, space.T, space.W
		if rows, c := s.bestTile(p); rows.rows > 1 && c < cycles {
			return rows, RunRows, c
		}
	}
	return best, RunPixels, cycles
}

// maxPoolVectors returns how many vectors of channels a pool keeps at once. An
// average has three sums of each.
func maxPoolVectors(kind PoolKind) int {
	if kind == PoolAverage {
		return 4
	}
	return 8
}

func (s *scheduler) poolTile(op *plannedOp, space Shape, vectors int) (regTile, Run, float64) {
	v := min(maxPoolVectors(op.pool), vectors)
	for vectors%v != 0 {
		v--
	}
	cycles := float64(space.Pixels()*vectors) * float64(op.window.Taps()) * s.m.Load
	return regTile{rows: 1, cols: 1, vectors: v}, RunPixels, cycles
}

// cuts lists the task tiles worth weighing for a single op: halving pixels
// from all to a register tile, and channels from all to a panel.
func (s *scheduler) cuts(space Shape, rt regTile, run Run) []Shape {
	panel := rt.vectors * s.m.Lanes
	panels := (space.C + panel - 1) / panel
	var tiles []Shape
	for _, px := range pixelCuts(space, rt, run) {
		for n := panels; ; n = (n + 1) / 2 {
			px.C = min(n*panel, roundUp(space.C, panel))
			tiles = append(tiles, px)
			if n == 1 {
				break
			}
		}
	}
	return tiles
}

// pixelCuts halves the outermost extent that can still be cut: frames, then
// rows, then pixels of a row, in whole register tiles.
func pixelCuts(space Shape, rt regTile, run Run) []Shape {
	tile := space
	cuts := []Shape{tile}
	for {
		switch {
		case tile.T > 1:
			tile.T = (tile.T + 1) / 2
		case tile.H > rt.rows:
			tile.H = roundUp((tile.H+1)/2, rt.rows)
		case run == RunPixels && tile.W > rt.cols:
			tile.W = roundUp((tile.W+1)/2, rt.cols)
		default:
			return cuts
		}
		cuts = append(cuts, tile)
	}
}
