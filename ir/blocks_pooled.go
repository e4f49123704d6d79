package ir

import "fmt"

// pools reports whether the ops [i, j) are a convolution and the pool of its
// result, and may be one region: nothing else reads the result, and a block of
// threads has all its channels.
func (s *scheduler) pools(i, j int) bool {
	if j != i+2 {
		return false
	}
	conv, pool := &s.ops[i], &s.ops[i+1]
	_, convolves := conv.Attr.(Conv)
	return convolves && conv.res == NoBuffer && conv.paired == nil && pool.kind == KernelPool && pool.in == conv.out && s.local(conv.out, i, j)
}

// draftPooled weighs all tiles of a pool's result: the positions of the
// convolution's result that its windows visit are computed at once, those of
// neighbouring tiles again.
func (s *scheduler) draftPooled(i int) (best fusedBlock, ok bool) {
	conv, pool := &s.ops[i], &s.ops[i+1]
	out, w := s.g.Values[pool.Out].Shape, pool.window
	reads := s.readBy(conv, w)
	if out.T == 1 { // as in every region of a single frame
		w.T, reads.T = wholeAxis(s.g.Values[conv.Out].Shape.T), wholeAxis(s.g.Values[conv.in].Shape.T)
	}
	for _, t := range BlockTiles() {
		if out.C > t.Channels {
			continue
		}
		for frames := 1; frames <= out.T && w.T.reach(frames) <= t.Positions; frames++ {
			for rows := 1; rows <= out.H && w.T.reach(frames)*w.H.reach(rows) <= t.Positions; rows++ {
				most := t.Positions / (w.T.reach(frames) * w.H.reach(rows))
				if most < w.W.Kernel {
					continue
				}
				across := ceilDiv(out.W, (most-w.W.Kernel)/w.W.Stride+1)
				d := fusedBlock{first: i, end: i + 2, frames: frames, rows: rows, cols: ceilDiv(out.W, across), tile: t}
				visited := s.sharedMap(conv.Out, w, d.frames, d.rows, d.cols)
				read := s.sharedMap(ValueID(conv.in), reads, d.frames, d.rows, d.cols)
				visited.Base = read.Len
				d.maps = []sharedMap{read, visited}
				d.shared = s.m.Blocks.fusedShared(read.Len+visited.Len, t, s.fusedDepth(), false)
				if d.shared > s.m.Blocks.Shared {
					continue
				}
				d.blocks = ceilDiv(out.T, frames) * ceilDiv(out.H, rows) * across * s.m.Blocks.Clips
				if d.cost = s.pooledCost(&d); !ok || d.better(&best) {
					best, ok = d, true
				}
			}
		}
	}
	return best, ok
}

// wholeAxis is the window that visits all of an axis.
func wholeAxis(n int) Axis { return Axis{Kernel: n, Stride: n} }

// readBy returns what a convolution reads for the positions of its result that a window
// visits.
func (s *scheduler) readBy(conv *plannedOp, visited Window) Window {
	own := conv.window
	row, lead := s.rowTaps(conv)
	own.W.Kernel, own.W.Pad = row, own.W.Pad+lead
	return behind(visited, own)
}

// behind returns the window that a window visits through another one.
func behind(w, through Window) Window {
	axis := func(a, b Axis) Axis {
		return Axis{Kernel: b.reach(a.Kernel), Stride: a.Stride * b.Stride, Pad: a.Pad*b.Stride + b.Pad}
	}
	return Window{axis(w.T, through.T), axis(w.H, through.H), axis(w.W, through.W)}
}

// pooledRegion builds the region of a convolution and its pool.
func (s *scheduler) pooledRegion(d *fusedBlock) Region {
	conv, pool := &s.ops[d.first], &s.ops[d.first+1]
	space := s.g.Values[pool.Out].Shape
	space.C = 1
	s.plan.Buffers[conv.out] = d.maps[1].Buffer
	source := BufferID(len(s.plan.Buffers))
	s.plan.Buffers = append(s.plan.Buffers, d.maps[0].Buffer)
	r := Region{
		Name: conv.Name + ".." + pool.Name, Space: space, Tile: d.extent(), Algorithm: directName,
		Why: fmt.Sprintf("pooled: %d blocks for %d clips on %d multiprocessors, %d KiB shared", d.blocks, s.m.Blocks.Clips, s.m.Cores, ceilDiv(d.shared, 1<<10)),
	}
	load, first, second := s.loadStep(d, source), s.fusedStep(d, conv, source), s.fusedStep(d, pool, pool.in)
	first.Cover = d.maps[1].Cover
	first.Pack = s.addPack(conv, d.tile.Channels, s.fusedDepth())
	s.placePacks(first.Pack)
	r.Steps = []Step{load, first, second}
	return r
}
