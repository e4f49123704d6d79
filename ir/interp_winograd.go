package ir

// winogradPatches calls f for each tile of results on the worker's tile with
// its frame and the corner's row and column, and its place in scratch memory.
func (w *planWorker) winogradPatches(k *Kernel, height int, f func(t, h, x, row, col int)) {
	perFrame := (height + k.Rows - 1) / k.Rows
	for row := w.lo.H; row < w.hi.H; row++ {
		for col := w.lo.W; col < w.hi.W; col++ {
			f(row/perFrame, row%perFrame*k.Rows, col*k.Cols, row, col)
		}
	}
}

// winogradIn transforms the input's patches, in whole vectors of channels.
func (w *planWorker) winogradIn(st *Step, k *Kernel) {
	m := winogradOf(k.Rows)
	n := k.Rows + 2
	patch := make([]float64, n*n)
	w.winogradPatches(k, st.InShape.H, func(t, h, x, row, col int) {
		in, at := w.memory(st.In, t, h-1, x-1)
		out, to := w.memory(st.Out, 0, row, col)
		for c := range roundUp(st.InShape.C, w.p.Machine.Lanes) {
			for i := range patch {
				patch[i] = in[at+i/n*k.In.Row+i%n*k.In.Pixel+c]
			}
			for i, v := range sandwich(m.in, patch) {
				out[to+i*k.StepT+c] = v
			}
		}
	})
}

// winogradOut transforms the sums at the points and stores what of the tiles
// lies on the map.
func (w *planWorker) winogradOut(st *Step, k *Kernel) {
	m, bias := winogradOf(k.Rows), w.packed[w.p.Packs[st.Pack].Bias:]
	sums := make([]float64, winogradPoints(k.Rows))
	s := st.OutShape
	w.winogradPatches(k, s.H, func(t, h, x, row, col int) {
		in, at := w.memory(st.In, 0, row, col)
		out, to := w.memory(st.Out, t, h, x)
		var res []float64
		var from int
		if st.Res != NoBuffer {
			res, from = w.memory(st.Res, t*st.Every.T, h*st.Every.H, x*st.Every.W)
		}
		for c := w.lo.C; c < w.lo.C+roundUp(w.hi.C-w.lo.C, w.p.Machine.Lanes); c++ {
			for i := range sums {
				sums[i] = in[at+i*k.StepT+c]
			}
			y := sandwich(m.out, sums)
			for i := range y {
				r, q := i/k.Cols, i%k.Cols
				if h+r >= s.H || x+q >= s.W {
					continue
				}
				if res != nil {
					w.epilogue(y[i:i+1], k, bias[c:], res[from+r*k.Res.Row+q*k.Res.Pixel+c:])
				} else {
					w.epilogue(y[i:i+1], k, bias[c:], nil)
				}
				out[to+r*k.Out.Row+q*k.Out.Pixel+c] = y[i]
			}
		}
	})
}
