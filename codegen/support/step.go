package support

// step runs one step on the worker's tile: for each panel of channels, each
// frame, each run of pixels or rows.
func (w *worker) step(st *step) {
	k := &w.model.plan.kernels[st.kernel]
	switch {
	case k.kind == kindIngest:
		w.ingest(st)
		return
	case k.kind == kindSoftmax:
		w.softmax(st)
		return
	case st.winograd != nil:
		w.winograd(st, k)
		return
	}
	for c := w.lo.c; c < w.hi.c; c += k.width {
		for t := w.lo.t; t < w.hi.t; t++ {
			switch st.run {
			case runPixels:
				for h := w.lo.h; h < w.hi.h; h++ {
					w.call(st, k, t, h, c, w.hi.w-w.lo.w)
				}
			case runFlat:
				w.call(st, k, t, w.lo.h, c, (w.hi.h-w.lo.h)*(w.hi.w-w.lo.w))
			case runRows:
				w.call(st, k, t, w.lo.h, c, w.hi.h-w.lo.h)
			}
		}
	}
}

func (w *worker) call(st *step, k *kernel, t, h, c, units int) {
	if k.kind == kindConv {
		w.conv(st, k, t, h, c, units)
	} else {
		w.poolRow(st, k, t, h, c)
	}
}

// clearBorder zeroes the border around what a step has written, all channels of
// it with the first ones: other maps have been where it lies.
func (w *worker) clearBorder(st *step) {
	b := &w.model.plan.buffers[st.out]
	if b.edges == (edges{}) || w.lo.c > 0 {
		return
	}
	arena := w.arenas[w.clip]
	for t := w.lo.t; t < w.hi.t; t++ {
		if w.lo.h == 0 && w.lo.w == 0 {
			first := b.at(t, 0, 0)
			clear(arena[first-b.edges.before : first])
		}
		for h := w.lo.h; h < w.hi.h && w.hi.w == st.to.w; h++ {
			end, n := b.at(t, h, st.to.w), b.edges.between
			if h == st.to.h-1 {
				n = b.edges.behind
			}
			clear(arena[end : end+n])
		}
	}
}

// place returns a buffer's memory and the place in it of the pixel (t, h, x).
func (w *worker) place(b int, t, h, x int) ([]float32, int) {
	buf := &w.model.plan.buffers[b]
	if buf.scratch {
		return w.scratch, buf.at(t-buf.cover[0].start(w.corner.t), h-buf.cover[1].start(w.corner.h), x)
	}
	return w.arenas[w.clip], buf.at(t, h, x)
}

// conv runs one panel of a convolution along a run of units. Taps on frames
// before the first or after the last are skipped; a zero border stands in for
// padding in space.
func (w *worker) conv(st *step, k *kernel, t, h, c, units int) {
	win := &st.window
	lo, hi := win[0].span(t, st.from.t)
	x := w.lo.w
	in, from := w.place(st.in, t*win[0].stride-win[0].pad+lo, h*win[1].stride-win[1].pad, x*win[2].stride-win[2].pad)
	out, to := w.place(st.out, t, h, x)
	to += c
	var res []float32
	var add int
	if st.res != none {
		res, add = w.place(st.res, t*st.every[0], h*st.every[1], x*st.every[2])
		if k.k2 == 0 {
			add += c
		}
	}
	pk := &w.model.plan.packs[st.pack]
	w.tiles(st, k, units, hi-lo, operands{
		in: in, weights: w.packed[pk.weights+c/pk.width*pk.panelLen()+lo*k.tapsH*k.tapsW*k.k*k.width:],
		bias: w.packed[pk.bias+c:], res: res, out: out, from: from, add: add, to: to,
	})
}

// operands are a conv kernel's, with the places of the first pixel in in, res
// and out.
type operands struct {
	in, weights, bias, res, out []float32
	from, add, to               int
}

// tiles runs a conv kernel along a run of units, and its tail for the rest.
func (w *worker) tiles(st *step, k *kernel, units, taps int, o operands) {
	inStep, outStep, resStep := k.in.pixel*k.cols, k.out.pixel*k.cols, k.res.pixel*k.cols
	if st.run == runRows {
		inStep, outStep, resStep = k.in.row*k.rows, k.out.row*k.rows, k.res.row*k.rows
	}
	size := k.units(st.run)
	w.prefetch()
	for whole := units / size; whole > 0; {
		n := min(whole, st.maxTiles)
		k.convolve(o.in[o.from:], o.weights, o.bias, at(o.res, o.add), o.out[o.to:], n, taps)
		o.from, o.to, o.add = o.from+n*inStep, o.to+n*outStep, o.add+n*resStep
		whole -= n
	}
	if left := units % size; left > 0 {
		tail := &w.model.plan.kernels[st.tails[left]]
		tail.convolve(o.in[o.from:], o.weights, o.bias, at(o.res, o.add), o.out[o.to:], 1, taps)
	}
}

// at returns s from i on, or nil where there is no operand.
func at(s []float32, i int) []float32 {
	if s == nil {
		return nil
	}
	return s[i:]
}

func (k *kernel) convolve(in, weights, bias, res, out []float32, tiles, taps int) {
	if k.conv == nil {
		k.convGeneric(in, weights, bias, res, out, tiles, taps)
		return
	}
	var add *float32
	if res != nil {
		add = &res[0]
	}
	k.conv(&in[0], &weights[0], &bias[0], add, &out[0], tiles, taps)
}

// poolRow runs one panel of a pool along a row of the tile: pixel by pixel
// where the window hangs over the map's edge, at once in between.
func (w *worker) poolRow(st *step, k *kernel, t, h, c int) {
	whole := func(x int) bool {
		lo, hi := st.window[2].span(x, st.from.w)
		return lo == 0 && hi == st.window[2].kernel
	}
	for x := w.lo.w; x < w.hi.w; {
		n := 1
		if whole(x) {
			for x+n < w.hi.w && n < st.maxTiles && whole(x+n) {
				n++
			}
		}
		w.pool(st, k, t, h, x, c, n)
		x += n
	}
}

// pool reduces the windows of n pixels that have the same taps.
func (w *worker) pool(st *step, k *kernel, t, h, x, c, n int) {
	win := &st.window
	t0, t1 := win[0].span(t, st.from.t)
	h0, h1 := win[1].span(h, st.from.h)
	w0, w1 := win[2].span(x, st.from.w)
	in, from := w.place(st.in, t*win[0].stride-win[0].pad+t0, h*win[1].stride-win[1].pad+h0, x*win[2].stride-win[2].pad+w0)
	out, to := w.place(st.out, t, h, x)
	nt, nh, nw := t1-t0, h1-h0, w1-w0
	scale := 1 / float32(nt*nh*nw)
	if k.pool == nil {
		k.poolGeneric(in[from+c:], out[to+c:], n, nt, nh, nw, scale)
		return
	}
	k.pool(&in[from+c], &out[to+c], n, nt, nh, nw, scale)
}
