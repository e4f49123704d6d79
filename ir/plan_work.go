package ir

// StepWork is what a step of a plan does on one clip, all tiles together.
type StepWork struct {
	// FLOPs is twice the multiply-adds that the code does, and 0 for what has
	// none. Taps on padding frames are skipped, those on padding in space are
	// zeros that are multiplied. Of a transform the products at its points count,
	// in patches that reach over the edge of the map, too; not the transforms,
	// which are sums. What two tiles of a region both compute counts twice;
	// output channels that only fill up a vector do not count.
	FLOPs int64
	// WeightBytes is the size of the weights, as transformed, and of the bias.
	WeightBytes int64
	// MapBytes are the bytes of feature maps that have to be read from and
	// written to the arena, each value once.
	MapBytes int64
}

// Bytes returns all that has to be moved.
func (w StepWork) Bytes() int64 { return w.WeightBytes + w.MapBytes }

// RegionWork returns the work of each step of a region, in their order. What
// one step has brought in from the arena, or written there, need not be moved
// again for a later one. The caller's clip lies outside of the arena.
func (p *Plan) RegionWork(r *Region) []StepWork {
	work := make([]StepWork, len(r.Steps))
	moved := make(map[BufferID]bool) // by a step before
	for i := range r.Steps {
		st := &r.Steps[i]
		work[i] = StepWork{FLOPs: 2 * p.multiplyAdds(r, st), WeightBytes: p.weightBytes(st)}
		read := func(id BufferID, values int) {
			if id != NoBuffer && p.Buffers[id].Space == Arena && !moved[id] {
				work[i].MapBytes += 4 * int64(values)
				moved[id] = true
			}
		}
		if k := &p.Kernels[st.Kernel]; k.Kind != KernelIngest {
			out := k.Block.computed(st.OutShape)
			read(st.In, visited(st.Window, st.InShape, out))
			read(st.Res, out.Pixels()*p.residualChannels(st))
		}
		if p.Buffers[st.Out].Space == Arena {
			work[i].MapBytes += 4 * int64(st.OutShape.Elems())
			moved[st.Out] = true
		}
	}
	return work
}

// multiplyAdds adds up the products of a step over the region's tiles.
func (p *Plan) multiplyAdds(r *Region, st *Step) int64 {
	if st.Pack == NoPack {
		return 0
	}
	pk, b := &p.Packs[st.Pack], &p.Kernels[st.Kernel].Block
	var sum int64
	n := r.Tiles()
	for i := range n.Elems() {
		lo, hi := r.tile(i, n)
		from, to := r.extent(st, lo, hi)
		sum += int64(to.C-from.C) * pk.products(st, b.computed(from), b.computed(to))
	}
	return sum
}

// products returns how many products each output channel takes on an extent of
// a step's result.
func (p *Pack) products(st *Step, from, to Shape) int64 {
	if f := p.Transform; f != (Transform{}) {
		times, _, rows := f.tileRows(from, to)
		tiles := times * rows * ceilDiv(st.OutShape.W, f.W.Size())
		return int64(tiles) * int64(f.products(p.In))
	}
	var sum int64
	for t := from.T; t < to.T; t++ {
		first, end := st.Window.T.Range(t, st.InShape.T)
		sum += int64((end-first)*st.Window.H.Kernel*st.Window.W.Kernel*p.In + p.ProjectIn)
	}
	return sum * int64((to.H-from.H)*(to.W-from.W))
}

func (p *Plan) weightBytes(st *Step) int64 {
	if st.Pack == NoPack {
		return 0
	}
	pk := &p.Packs[st.Pack]
	values := pk.PanelLen() / pk.Channels // of an output channel
	if hasBias(pk.Conv) || pk.Project != nil && hasBias(*pk.Project) {
		values++
	}
	return 4 * int64(values) * int64(pk.Conv.Out)
}

// residualChannels returns the channels of what a step adds, or projects.
func (p *Plan) residualChannels(st *Step) int {
	if st.Pack != NoPack && p.Packs[st.Pack].Project != nil {
		return p.Packs[st.Pack].ProjectIn
	}
	return st.OutShape.C
}

// visited returns how many values of its input a window reads: all, unless it
// strides over some.
func visited(w Window, in, out Shape) int {
	axis := func(a Axis, in, out int) int {
		if a.Stride > a.Kernel {
			return min(in, out*a.Kernel)
		}
		return in
	}
	return axis(w.T, in.T, out.T) * axis(w.H, in.H, out.H) * axis(w.W, in.W, out.W) * in.C
}
