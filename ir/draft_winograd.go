package ir

import "fmt"

// chooseWinograd decides which layers are computed by Winograd's algorithm,
// and gives their inputs a border that the last patches do not reach over.
//
// A layer is compared by itself, before it is known what it could share a
// region with: less arithmetic gains more than fusing does. Nor do taps count.
// They may keep a layer whole that otherwise would stride over what nobody
// reads, and what is looked into must be computed as it is without.
func (s *scheduler) chooseWinograd(mode Winograd) error {
	bare := s.g.Clone()
	bare.Taps = nil
	bare, err := narrowDemand(bare)
	if err != nil {
		return err
	}
	for i := range s.ops {
		op := &s.ops[i]
		in := &s.plan.Buffers[op.in]
		whole := in.Pixel >= roundUp(in.Shape.C, s.m.Lanes) // a channel more is a pixel's neighbour
		if !whole || !transformable(op.Attr) || !transformable(bare.Ops[i].Attr) {
			continue
		}
		op.winograd = s.bestSide(i, mode)
	}
	for i := range s.ops {
		if op := &s.ops[i]; op.winograd > 0 {
			b := &s.plan.Buffers[op.in]
			*b = newBuffer(b.Name, b.Shape, b.Border.or(patchBorder(b.Shape, op.winograd)), b.Pixel)
		}
	}
	return nil
}

// bestSide returns the side of the tiles for op i, or 0. All weights come from
// memory once a clip, whoever reads them then, and there are up to four times
// as many behind the transform: that decides where pixels are few.
func (s *scheduler) bestSide(i int, mode Winograd) int {
	switch mode {
	case WinogradNever:
		return 0
	case WinogradF2:
		return 2
	case WinogradF4:
		return 4
	}
	weights := func(places int) float64 {
		op := &s.ops[i]
		return float64(4*places*s.g.Values[op.in].Shape.C*op.conv.Out) * s.m.Memory
	}
	best, cycles := 0, s.draftDirect(i).cycles+weights(s.ops[i].conv.Taps())
	for _, side := range winogradSides {
		if c := s.draftWinograd(i, side).cycles + weights(winogradPoints(side)); c < cycles {
			best, cycles = side, c
		}
	}
	return best
}

// draftWinograd plans a layer by F(side x side, 3x3): tasks are some tile rows
// of the frames that follow one another, and some panels of output channels.
func (s *scheduler) draftWinograd(i, side int) draft {
	op := &s.ops[i]
	in, out := s.g.Values[op.in].Shape, s.g.Values[op.Out].Shape
	up := func(n, d int) int { return (n + d - 1) / d }
	d := draft{
		first: i, end: i + 1, winograd: side, runs: []Run{RunFlat}, tiles: make([]regTile, 1),
		space: Shape{1, out.T * up(out.H, side), up(out.W, side), out.C}, cycles: -1,
	}
	vectors := up(out.C, s.m.Lanes)
	for rows := 1; rows <= d.space.H; rows++ {
		if n := up(d.space.H, rows); rows > 1 && n == up(d.space.H, rows-1) {
			continue // as many tasks, less even
		}
		rt, gemm := bestTile(&s.m, tileProblem{
			runs: []int{rows * d.space.W}, counts: []int{winogradPoints(side)}, vectors: vectors, steps: in.C,
		})
		panels := vectors / rt.vectors
		for n := panels; ; n = (n + 1) / 2 {
			tile := Shape{1, rows, d.space.W, min(n*rt.vectors*s.m.Lanes, out.C)}
			c := s.winogradCycles(op, &d, tile, rt, gemm*float64(n)/float64(panels))
			if d.cycles < 0 || c < d.cycles {
				d.cycles, d.tile, d.tiles[0] = c, tile, rt
			}
			if n == 1 {
				break
			}
		}
	}
	tasks := (&Region{Space: d.space, Tile: d.tile}).Tiles().Elems()
	d.why = fmt.Sprintf("F(%dx%d,3x3): %d tasks, %.0f kcycles; direct %.0f", side, side, tasks, d.cycles/1e3, s.draftDirect(i).cycles/1e3)
	return d
}

// winogradCycles predicts a region of tasks of the given tile, whose sums at
// the points take gemm cycles each. What a task transforms stays in its cache as far
// as the weights, which stream through it a panel at a time, leave it there.
func (s *scheduler) winogradCycles(op *plannedOp, d *draft, tile Shape, rt regTile, gemm float64) float64 {
	m, cin := &s.m, s.g.Values[op.in].Shape.C
	inOps, outOps := winogradOps(d.winograd)
	vectors := func(c int) int { return (c + m.Lanes - 1) / m.Lanes }
	n, points := tile.Pixels(), winogradPoints(d.winograd)
	transform := float64(n*(vectors(cin)*inOps+vectors(tile.C)*outOps)) * m.Transform

	pixels := n * d.winograd * d.winograd
	in, out := 4*pixels*cin, 4*pixels*tile.C
	if op.res != NoBuffer {
		out *= 2 // read, then written
	}
	panels := (tile.C + rt.vectors*m.Lanes - 1) / (rt.vectors * m.Lanes)
	scratch, weights := 4*points*n*(cin+tile.C), 4*points*cin*tile.C
	move := float64(in+out)*m.L3 + float64(2*scratch)*m.crowded(scratch+weights/panels) + float64(weights)*m.L2
	return m.spread(transform+gemm+move, (&Region{Space: d.space, Tile: tile}).Tiles().Elems())
}
