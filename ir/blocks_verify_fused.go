package ir

// fusedRegion checks a block of layers: the first step alone reads the map that
// its kernel is given, the last one alone adds what another region wrote and
// writes the result. Between them, maps hold what the next steps' windows reach,
// a tile's positions have room in the kernels' tiles, and weights are one stream.
func (v *planVerifier) fusedRegion(r *Region) {
	p := v.p
	end := len(r.Steps) - 1
	if total, _ := p.Shared(r); total > p.Machine.Blocks.Shared {
		v.fail(r.Name, "takes %d bytes of shared memory, a block may have %d", total, p.Machine.Blocks.Shared)
	}
	if p.Kernels[r.Steps[end].Kernel].Kind == KernelPool {
		v.pooledRegion(r)
		return
	}
	for i := range r.Steps {
		st := &r.Steps[i]
		k := &p.Kernels[st.Kernel]
		scratch := func(id BufferID) bool { return p.Buffers[id].Space == Scratch }
		switch {
		case (k.Kind == KernelLoad) != (i == 0) || i > 0 && k.Kind != KernelConv:
			v.fail(st.Op, "step %d of a fused block is a %v", i, k.Kind)
			return
		case scratch(st.In) != (i > 0) || scratch(st.Out) != (i < end) || st.Res != NoBuffer && i < end && !scratch(st.Res):
			v.fail(st.Op, "step %d of %d of a fused block reads the %v and writes the %v", i, end, p.Buffers[st.In].Space, p.Buffers[st.Out].Space)
		case k.Block.Tile != r.Tile:
			v.fail(st.Op, "%s is for tiles of %v, its region's are %v", k.Name, k.Block.Tile, r.Tile)
		case k.Block.Pairs && i < end:
			v.fail(st.Op, "%s pairs frames before the end of a fused block", k.Name)
		case i > 0 && k.Cols < k.Block.Frames()*r.Tile.H*r.Tile.W:
			v.fail(st.Op, "%s has %d positions, %d frames of %v tiles have more", k.Name, k.Cols, k.Block.Frames(), r.Tile)
		case i > 0 && !p.Buffers[st.In].Cover.reaches(st.Window):
			v.fail(st.Op, "%s holds %v of the picture, the window is %v", p.Buffers[st.In].Name, p.Buffers[st.In].Cover, st.Window)
		case i > 1 && !v.follows(&r.Steps[i-1], st):
			v.fail(st.Op, "its weights or panels do not follow those of %s", r.Steps[i-1].Op)
		}
	}
}

// pooledRegion checks a convolution and its pool: what the pool's windows visit is
// what the convolution computes, from what is loaded, and has room in its kernel's tile.
func (v *planVerifier) pooledRegion(r *Region) {
	p := v.p
	if len(r.Steps) != 3 {
		v.fail(r.Name, "has %d steps, a convolution with a pool behind it has 3", len(r.Steps))
		return
	}
	load, conv, pool := &r.Steps[0], &r.Steps[1], &r.Steps[2]
	k, m := &p.Kernels[conv.Kernel], &p.Buffers[conv.Out]
	reads, source := behind(m.Cover, k.Block.LaidOut()), p.Buffers[load.Out].Cover
	if r.Space.T == 1 {
		reads.T = wholeAxis(load.InShape.T)
	}
	switch {
	case p.Kernels[load.Kernel].Kind != KernelLoad || k.Kind != KernelConv || k.Block.Pairs || conv.In != load.Out || pool.In != conv.Out ||
		m.Space != Scratch || p.Buffers[conv.In].Space != Scratch || p.Buffers[pool.Out].Space != Arena || conv.Res != NoBuffer || conv.Window != k.Block.Window:
		v.fail(r.Name, "is no convolution with a pool behind it")
	case source != reads:
		v.fail(conv.Op, "%s covers %v, the windows at %v reach %v", p.Buffers[conv.In].Name, source, m.Cover, reads)
	case k.Block.Tile != r.Tile || p.Kernels[pool.Kernel].Block.Tile != r.Tile:
		v.fail(r.Name, "%s is for tiles of %v, the region's are %v", k.Name, k.Block.Tile, r.Tile)
	case conv.Cover != m.Cover || !m.Cover.reaches(pool.Window) || r.Space.T > 1 && m.Cover.T != pool.Window.T:
		v.fail(pool.Op, "%s covers %v, the window is %v", m.Name, m.Cover, pool.Window)
	case m.Shape.Pixels() > k.Cols || conv.OutShape.C > k.Vectors*p.Machine.Lanes:
		v.fail(conv.Op, "%s has %d positions of %d channels, a tile's windows visit %v", k.Name, k.Cols, k.Vectors*p.Machine.Lanes, m.Shape)
	}
}

// reaches reports whether a tile that covers so much of the picture has what a
// window visits at each of the tile's positions.
func (w Window) reaches(need Window) bool {
	axis := func(have, need Axis) bool {
		return have.Stride == need.Stride && have.Pad >= need.Pad && have.Kernel-have.Pad >= need.Kernel-need.Pad
	}
	return axis(w.H, need.H) && axis(w.W, need.W)
}

// follows reports whether a step's weights are the next in the stream.
func (v *planVerifier) follows(before, st *Step) bool {
	a, b := &v.p.Packs[before.Pack], &v.p.Packs[st.Pack]
	return a.Weights+a.Panels()*a.PanelLen() == b.Weights && a.Channels == b.Channels && a.Depth == b.Depth
}

// takeTurns reports whether two scratch buffers of one region may share memory: one
// is done with when the other is first written, or a step adds to the one and
// writes the other to the same place.
func (v *planVerifier) takeTurns(a, b BufferID) bool {
	p := v.p
	steps := p.Regions[p.Buffers[a].First].Steps
	life := func(id BufferID) (first, last int) {
		first = len(steps)
		for i := range steps {
			if st := &steps[i]; st.In == id || st.Out == id || st.Res == id {
				first, last = min(first, i), i
			} else if w := st.Winograd; w != nil && (w.Points == id || w.Sums == id) {
				first, last = min(first, i), i
			}
		}
		return first, last
	}
	if aFirst, _ := life(a); aFirst > 0 {
		if bFirst, _ := life(b); bFirst < aFirst {
			a, b = b, a
		}
	}
	_, last := life(a)
	first, _ := life(b)
	if last < first {
		return true
	}
	x, y := &p.Buffers[a], &p.Buffers[b]
	return last == first && steps[first].Res == a && steps[first].In != a && x.Base == y.Base && sameLayout(x, y)
}
