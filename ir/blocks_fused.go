package ir

import "fmt"

// fusedBlock is several ops as one region: which, cut how, and what a tile has in
// shared memory. A tile of a block of layers is some rows and columns of the last
// op's result with all frames and channels.
type fusedBlock struct {
	first, end int       // the ops [first, end)
	frames     int       // of a tile; 1 where that has all of them
	rows, cols int       // of a tile
	tile       BlockTile // of one op's results, at once
	blocks     int       // for as many clips as the machine is cut for
	cost       float64
	maps       []sharedMap
	shared     int // bytes
}

// mostFused is the most ops that share a region, which is what a block has behind
// its reduction.
const mostFused = 3

// fuse returns the region of several ops that begins with an op, the longest that
// can be and is expected to pay.
func (s *scheduler) fuse(i int, f Fusion) (fusedBlock, bool) {
	for j := min(len(s.ops), i+mostFused); j >= i+2 && f != FuseNever; j-- {
		var d fusedBlock
		ok := false
		switch {
		case s.chains(i, j):
			d, ok = s.draftBlock(i, j)
		case s.pools(i, j):
			d, ok = s.draftPooled(i)
		}
		if ok && (f == FuseAlways || d.cost < s.apart(i, j)) {
			return d, true
		}
	}
	return fusedBlock{}, false
}

// chains reports whether the ops [i, j) may be one region: convolutions, of which
// only those that read what the first one reads need more of the picture than a
// tile has. What flows between them must not be read elsewhere, and only the
// last one may add or project what another region wrote, or pair frames.
func (s *scheduler) chains(i, j int) bool {
	in, space := s.ops[i].in, s.g.Values[s.ops[j-1].Out].Shape
	first := s.ops[i].window
	for k := i; k < j; k++ {
		op, out := &s.ops[k], s.g.Values[s.ops[k].Out].Shape
		if _, conv := op.Attr.(Conv); !conv || out.H != space.H || out.W != space.W {
			return false
		}
		if k < j-1 && (op.paired != nil || !s.local(op.out, i, j)) {
			return false
		}
		switch w := op.window; {
		case op.in == in:
			if w.H.Stride != first.H.Stride || w.W.Stride != first.W.Stride || s.narrowPixels(in) {
				return false
			}
		case !s.writtenBy(op.in, i, k) || reachesOut(w):
			return false
		}
		if op.res == NoBuffer {
			continue
		}
		if inner := s.writtenBy(op.res, i, k); inner && (op.every != NoSkip || op.project != nil) ||
			!inner && (k < j-1 || s.narrowPixels(op.res)) {
			return false
		}
	}
	return true
}

// narrowPixels reports whether a value's pixels are half an access.
func (s *scheduler) narrowPixels(v BufferID) bool { return s.m.HalfAccess(s.plan.Buffers[v].Pixel) }

// halo returns what a tile of the ops [i, j) needs of the picture that the first
// one reads.
func (s *scheduler) halo(i, j int) Window {
	both := func(a, b Axis) Axis {
		pad := max(a.Pad, b.Pad)
		return Axis{Kernel: pad + max(a.Kernel-a.Pad, b.Kernel-b.Pad), Stride: a.Stride, Pad: pad}
	}
	w := Window{Unit, s.ops[i].window.H, s.ops[i].window.W}
	for k := i + 1; k < j; k++ {
		if op := &s.ops[k]; op.in == s.ops[i].in {
			w.H, w.W = both(w.H, op.window.H), both(w.W, op.window.W)
		}
	}
	return w
}

// draftBlock weighs all tiles of the ops [i, j) that have room in shared memory.
func (s *scheduler) draftBlock(i, j int) (best fusedBlock, ok bool) {
	space, frames := s.g.Values[s.ops[j-1].Out].Shape, 0
	for k := i; k < j; k++ {
		frames = max(frames, s.frames(&s.ops[k]))
	}
	for _, t := range BlockTiles() {
		for rows := 1; rows <= space.H && frames*rows <= t.Positions; rows++ {
			across := ceilDiv(space.W, t.Positions/(frames*rows))
			d := fusedBlock{first: i, end: j, frames: 1, rows: rows, cols: ceilDiv(space.W, across), tile: t}
			s.placeShared(&d)
			if d.shared > s.m.Blocks.Shared {
				continue
			}
			d.blocks = ceilDiv(space.H, d.rows) * ceilDiv(space.W, d.cols) * s.m.Blocks.Clips
			if d.cost = s.fusedCost(&d); !ok || d.better(&best) {
				best, ok = d, true
			}
		}
	}
	return best, ok
}

// better reports whether a draft is expected to be faster or, if it is as fast, has fewer
// blocks.
func (d *fusedBlock) better(than *fusedBlock) bool {
	return d.cost < than.cost || d.cost == than.cost && d.blocks < than.blocks
}

// fusedRegion builds a drafted region. That of a block of layers has a step that brings the
// picture to shared memory, then one for each op.
func (s *scheduler) fusedRegion(d *fusedBlock) Region {
	if s.pools(d.first, d.end) {
		return s.pooledRegion(d)
	}
	last := &s.ops[d.end-1]
	space := s.g.Values[last.Out].Shape
	r := Region{
		Name:  s.ops[d.first].Name + ".." + last.lastName(),
		Space: Shape{1, space.H, space.W, 1}, Tile: d.extent(), Algorithm: directName,
		Why: fmt.Sprintf("fused: %d blocks for %d clips on %d multiprocessors, %d KiB shared", d.blocks, s.m.Blocks.Clips, s.m.Cores, ceilDiv(d.shared, 1<<10)),
	}
	for k := d.first; k < d.end-1; k++ {
		s.plan.Buffers[s.ops[k].out] = d.maps[k-d.first+1].Buffer
	}
	source := BufferID(len(s.plan.Buffers))
	s.plan.Buffers = append(s.plan.Buffers, d.maps[0].Buffer)
	r.Steps = append(r.Steps, s.loadStep(d, source))
	for k := d.first; k < d.end; k++ {
		in := s.ops[k].in
		if in == s.ops[d.first].in {
			in = source
		}
		r.Steps = append(r.Steps, s.fusedStep(d, &s.ops[k], in))
	}
	var packs []PackID
	for k := range r.Steps[1:] {
		r.Steps[k+1].Pack = s.addPack(&s.ops[d.first+k], d.tile.Channels, s.fusedDepth())
		packs = append(packs, r.Steps[k+1].Pack)
	}
	s.placePacks(packs...)
	return r
}

// loadStep brings what a tile needs of the picture to shared memory.
func (s *scheduler) loadStep(d *fusedBlock, source BufferID) Step {
	in := s.ops[d.first].in
	shape, from, to := s.g.Values[in].Shape, &s.plan.Buffers[in], &s.plan.Buffers[source]
	k := s.kernel(Kernel{
		Kind: KernelLoad, Rows: 1, Cols: d.tile.Positions, Vectors: 1,
		In: Pitch{Pixel: from.Pixel}, Out: Pitch{to.Pixel, to.Row},
		Block: Block{Window: UnitWindow, In: shape, Out: shape, Every: NoSkip, Tile: d.extent()},
	})
	return Step{
		Op: s.ops[d.first].Name + ".load", Kernel: k, In: in, Out: source, Res: NoBuffer, Every: NoSkip, Pack: NoPack,
		Window: UnitWindow, Cover: to.Cover, InShape: shape, OutShape: shape, MaxTiles: 1,
	}
}

// extent returns the extents of a tile.
func (d *fusedBlock) extent() Shape { return Shape{d.frames, d.rows, d.cols, 1} }

// fusedStep is one op on a tile, which reads a buffer in place of its input's, and
// whose weights have no place yet.
func (s *scheduler) fusedStep(d *fusedBlock, op *plannedOp, in BufferID) Step {
	k := s.blockKernel(op)
	pitch := func(v BufferID) Pitch { return Pitch{s.plan.Buffers[v].Pixel, s.plan.Buffers[v].Row} }
	k.In, k.Out = pitch(in), pitch(op.out)
	if op.res != NoBuffer {
		k.Res = pitch(op.res)
	}
	if op.kind == KernelConv {
		s.tiledConv(&k, op, d.tile, s.fusedDepth(), fusedStages)
	} else {
		k.Cols, k.Vectors = d.tile.Positions, 1
	}
	k.Block.Tile = d.extent()
	return Step{
		Op: op.Name, Kernel: s.kernel(k), In: in, Out: op.out, Res: op.res, Every: op.every, Pack: NoPack,
		Window: op.window, Cover: UnitWindow, InShape: k.Block.In, OutShape: k.Block.Out, MaxTiles: 1,
	}
}
