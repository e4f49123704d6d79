package support

// winograd runs a convolution by Winograd's algorithm on what the step is to
// compute: some rows of tiles at a time become points, sums and results. Tiles
// begin at multiples of their size.
func (w *worker) winograd(st *step, k *kernel) {
	wg, pk := st.winograd, &w.model.plan.packs[st.pack]
	f := pk.transform
	rows := tileRows{st: st, f: f}
	rows.first = w.lo.h / f[1].results
	rows.perTime = (w.hi.h+f[1].results-1)/f[1].results - rows.first
	all := (w.hi.t - w.lo.t + f[0].results - 1) / f[0].results * rows.perTime
	rows.cols = (st.to.w + f[2].results - 1) / f[2].results
	for done := 0; done < all; done += wg.rows {
		n := min(wg.rows, all-done)
		for i := range n {
			if w.same && n == all {
				break // the points are there already
			}
			t, h := rows.place(w.lo.t, done+i)
			w.spread(&rows, t, h, i)
		}
		w.products(st, k, n*rows.cols)
		for i := range n {
			t, h := rows.place(w.lo.t, done+i)
			w.gather(&rows, t, h, i)
		}
	}
}

// tileRows are the transform's tiles that cover what a step computes: cols in a
// row, perTime rows for each place in time.
type tileRows struct {
	st             *step
	f              *transform
	first, perTime int
	cols           int
}

// place returns the first frame and row of the results of a row of tiles.
func (r *tileRows) place(start, row int) (t, h int) {
	return start + row/r.perTime*r.f[0].results, (r.first + row%r.perTime) * r.f[1].results
}

// kernelAt returns which of the kernels is for tiles that begin at frame t.
func (r *tileRows) kernelAt(kernels []int, t int) int {
	if len(kernels) == 1 {
		return kernels[0]
	}
	return kernels[t/r.f[0].results]
}

// products multiplies the points by their weights: panel by panel, point by
// point, a run of so many tiles. A call takes as many points as it may, unless
// there is a tail: then a point's weights are read again at once.
func (w *worker) products(st *step, k *kernel, units int) {
	pk := &w.model.plan.packs[st.pack]
	points, sums := &w.model.plan.buffers[st.winograd.points], &w.model.plan.buffers[st.winograd.sums]
	parts, all, most := pk.transform.parts(), pk.transform.points(), 1
	if units%k.cols == 0 {
		most = max(1, st.maxTiles/(units/k.cols))
	}
	for c := w.lo.c / parts; c < (w.hi.c+parts-1)/parts; c += k.width {
		panel := w.packed[pk.weights+c/pk.width*pk.panelLen():]
		if pk.transform.late() {
			w.lateProducts(st, k, units, most, c, panel)
			continue
		}
		for p := 0; p < all; p += most {
			w.tiles(st, k, units, min(most, all-p), operands{
				in: w.scratch, weights: panel[p*pk.pointLen():], bias: w.packed[pk.bias+c:], out: w.scratch,
				from: points.at(p, 0, 0), to: sums.at(p, 0, 0) + c,
			})
		}
	}
}

// lateProducts multiplies the points by a panel of weights that the kernel makes
// into points itself, so many of their rows in a call.
func (w *worker) lateProducts(st *step, k *kernel, units, most, c int, panel []float32) {
	p, wg := w.model.plan, st.winograd
	pk, points, sums, made := &p.packs[st.pack], &p.buffers[wg.points], &p.buffers[wg.sums], &p.buffers[wg.weights]
	rows, cols := pk.transform[1].points, pk.transform[2].points
	for row := 0; row < rows; row += most {
		n, done := min(most, rows-row), 0
		run := func(k *kernel, tiles int) {
			w.prefetch()
			from, to := points.at(row*cols, 0, done), sums.at(row*cols, 0, done)+c
			ahead := row * pk.panelLen() / rows
			k.late(&w.scratch[from], &panel[0], &w.scratch[made.offset], &panel[ahead], &w.scratch[to], tiles, row, n)
			done += tiles * k.cols
		}
		for units-done >= k.cols {
			run(k, min((units-done)/k.cols, st.maxTiles))
		}
		if left := units - done; left > 0 {
			run(&p.kernels[st.tails[left]], 1)
		}
	}
}

// spread transforms the patches of one row of tiles, the i-th in scratch
// memory, whose results begin in row h of frame t: those of each frame that has
// a phase of its own, or of all frames.
func (w *worker) spread(r *tileRows, t, h, i int) {
	for phase := range r.f[0].phases {
		frame := r.st.window[0].start(t) + phase
		if r.f[0].phases > 1 && (frame < 0 || frame >= r.st.from.t) {
			w.clearPoints(r, phase, i)
		} else {
			w.spreadFrame(r, t, frame, h, phase, i)
		}
	}
}

// clearPoints zeroes the points of a frame that is not on the map.
func (w *worker) clearPoints(r *tileRows, phase, i int) {
	points, n := &w.model.plan.buffers[r.st.winograd.points], r.f.ofFrame()*r.st.from.c
	for p := range r.f.points() {
		for col := range r.cols {
			clear(w.scratch[points.at(p, i, col)+phase*n:][:n])
		}
	}
}

// spreadFrame is spread of patches from a frame on.
func (w *worker) spreadFrame(r *tileRows, t, frame, h, phase, i int) {
	st, wg := r.st, r.st.winograd
	k := &w.model.plan.kernels[r.kernelAt(wg.spread, t)]
	points := &w.model.plan.buffers[wg.points]
	vectors := (st.from.c/r.f.parts() + k.width - 1) / k.width
	for col := 0; col < r.cols; col += wg.maxSpread {
		n := min(wg.maxSpread, r.cols-col)
		in, from := w.place(st.in, frame+k.from, st.window[1].start(h), st.window[2].start(col*r.f[2].results))
		to := points.at(0, i, col) + phase*r.f.ofFrame()*st.from.c
		if k.spread == nil {
			k.spreadGeneric(r.f, st.from.c, in[from:], w.scratch[to:], n)
			continue
		}
		k.spread(&in[from], &w.scratch[to], n, vectors)
	}
}

// gather transforms the sums of one row of tiles. Those that reach over the
// map's edge are cut.
func (w *worker) gather(r *tileRows, t, h, i int) {
	st, side := r.st, r.f[2].results
	rows := min(r.f[1].results, st.to.h-h)
	whole := st.to.w / side
	for col := 0; col < r.cols; {
		n, cols := min(st.winograd.maxGather, whole-col), side
		if n < 1 {
			n, cols = 1, st.to.w-col*side
		}
		w.gatherTiles(r, t, h, i, col, n, rows, cols)
		col += n
	}
}

// gatherTiles transforms the sums of n tiles from col on, of which rows x cols
// results each are on the map.
func (w *worker) gatherTiles(r *tileRows, t, h, i, col, n, rows, cols int) {
	st, wg := r.st, r.st.winograd
	k := &w.model.plan.kernels[r.kernelAt(wg.gather, t)]
	x, c := col*r.f[2].results, w.lo.c
	out, to := w.place(st.out, t, h, x)
	var res []float32
	if st.res != none {
		all, add := w.place(st.res, t*st.every[0], h*st.every[1], x*st.every[2])
		res = all[add+c:]
	}
	in := w.scratch[w.model.plan.buffers[wg.sums].at(0, i, col)+c/r.f.parts():]
	bias := w.packed[w.model.plan.packs[st.pack].bias+c:]
	vectors := ((w.hi.c-c)/r.f.parts() + k.width - 1) / k.width
	if k.gather == nil {
		k.gatherGeneric(r.f, in, bias, res, out[to+c:], n, vectors, rows, cols)
		return
	}
	var add *float32
	if res != nil {
		add = &res[0]
	}
	k.gather(&in[0], &bias[0], add, &out[to+c], n, vectors, rows, cols)
}

// spreadGeneric is the portable kernel: see spreadFunc. in begins with the
// first input that is on the map.
func (k *kernel) spreadGeneric(f *transform, channels int, in, out []float32, tiles int) {
	var b block
	channels /= f.parts()
	for i := range tiles {
		for phase := range f.ofFrame() {
			ph, pw := phase/f[2].phases, phase%f[2].phases
			for c := 0; c < channels; c += genericWidth {
				n := genericWidth
				if f.ofFrame() > 1 {
					n = min(n, channels-c)
				}
				k.patch(f, &b, in[i*k.cols*f[2].phases*k.in.pixel+pw*k.in.pixel+ph*k.in.row+c:], n)
				b.multiply([3][][]float64{f[0].in[0], f[1].in[ph], f[2].in[pw]})
				for p := range f.points() {
					copy(out[i*k.out.pixel+p*k.stepT+phase*channels+c:][:n], b[p][:n])
				}
			}
		}
	}
}

// patch reads n channels of one phase of a patch.
func (k *kernel) patch(f *transform, b *block, in []float32, n int) {
	if f[0].inputs > 1 {
		for t := range f[0].inputs {
			for part := range f.parts() {
				x := &b[t*f.parts()+part]
				*x = [genericWidth]float32{}
				if t >= k.from && t < k.to {
					copy(x[:n], in[(t-k.from)*k.in.row+part*k.k:])
				}
			}
		}
		return
	}
	for r := range f[1].inputs {
		for q := range f[2].inputs {
			copy(b[r*f[2].inputs+q][:n], in[r*f[1].phases*k.in.row+q*f[2].phases*k.in.pixel:])
		}
	}
}

// gatherGeneric is the portable kernel: see gatherFunc.
func (k *kernel) gatherGeneric(f *transform, in, bias, res, out []float32, tiles, vectors, rows, cols int) {
	if f[0].results > 1 {
		rows = k.to // of results along time
	}
	parts := f.parts()
	var b block
	for i := range tiles {
		for v := range vectors {
			for p := range f.points() {
				copy(b[p][:], in[i*k.in.pixel+v*genericWidth+p*k.stepT:])
			}
			b.multiply([3][][]float64{f[0].out, f[1].out, f[2].out})
			for j := range rows * cols * parts {
				r, q, c := j/parts/cols, j/parts%cols, (v*parts+j%parts)*genericWidth
				add := at(res, i*k.cols*k.res.pixel+r*k.res.row+q*k.res.pixel+c)
				y := &b[(r*f[2].results+q)*parts+j%parts]
				k.finish(y[:], bias[c:], add)
				copy(out[i*k.cols*k.out.pixel+r*k.out.row+q*k.out.pixel+c:], y[:])
			}
		}
	}
}
