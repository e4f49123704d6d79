package ir

import "slices"

// winograd runs a convolution by Winograd's algorithm on the worker's extent:
// some rows of tiles at a time become points, sums and results.
func (w *planWorker) winograd(st *Step, k *Kernel) {
	f, pk := w.p.Packs[st.Pack].Transform, &w.p.Packs[st.Pack]
	m := newPlanTransform(f)
	points, sums := &w.p.Buffers[st.Winograd.Points], &w.p.Buffers[st.Winograd.Sums]
	cols := points.Shape.W
	times, first, rows := f.tileRows(w.lo, w.hi)
	for chunk := 0; chunk < times*rows; chunk += st.Winograd.Rows {
		n := min(st.Winograd.Rows, times*rows-chunk)
		each := func(do func(at planTile)) {
			for i := range n {
				for col := range cols {
					row := chunk + i
					do(planTile{
						t: w.lo.T + row/rows*f.T.Size(), h: (first + row%rows) * f.H.Size(), x: col * f.W.Size(),
						row: i, col: col,
					})
				}
			}
		}
		each(func(at planTile) { w.spread(st, m, at) })
		parts := f.Parts()
		width := pk.Channels / parts
		for c := w.lo.C / parts; c < ceilDiv(w.hi.C, parts); c += width {
			panel := w.packed[pk.Weights+c/width*pk.PanelLen():]
			for p := range f.Points() {
				var weights []float64
				if f.Late() {
					weights = lateWeights(m, panel, p, points.Shape.C, width)
				} else {
					weights = panel[p*pk.PointLen():]
				}
				each(func(at planTile) {
					acc := make([]float64, width)
					w.reduce(acc, k, w.scratch, points.At(p, at.row, at.col, 0), weights, 1)
					copy(w.scratch[sums.At(p, at.row, at.col, c):], acc)
				})
			}
		}
		each(func(at planTile) { w.gather(st, m, at) })
	}
}

// planTile is a tile of results: its first, and its place in scratch memory.
type planTile struct{ t, h, x, row, col int }

// planTransform is a transform with its matrices by axis.
type planTransform struct {
	Transform
	axes [3]*Matrices
}

func newPlanTransform(f Transform) *planTransform {
	m := &planTransform{Transform: f}
	for i, l := range f.Lines() {
		m.axes[i] = l.Matrices()
	}
	return m
}

// weights returns the weights of one input channel and some output channels, KT x
// KH x KW x outs, at each point and phase: [point][phase][outs], with time first.
func (m *planTransform) weights(g []float64, w Window, outs int) []float64 {
	phases := m.Phases()
	y := make([]float64, m.Points()*phases*outs)
	lines := m.Lines()
	for phase := range phases {
		at := m.phase(phase)
		mats := [3][][]float64{}
		for i := range mats {
			mats[i] = m.axes[i].Weights[at[i]]
		}
		var taps []float64
		for t := range mats[0][0] {
			for h := range mats[1][0] {
				for x := range mats[2][0] {
					frame, tap := t*lines[0].Phases()+at[0], h*lines[1].Phases()+at[1]
					from := (frame*w.H.Kernel+tap)*w.W.Kernel + x*lines[2].Phases() + at[2]
					taps = append(taps, g[from*outs:][:outs]...)
				}
			}
		}
		for p, v := range slices.Collect(slices.Chunk(apply(mats, taps, outs), outs)) {
			copy(y[(p*phases+phase)*outs:], v)
		}
	}
	return y
}

// phase returns the i-th phase by axis.
func (m *planTransform) phase(i int) [3]int {
	h, w := m.H.Phases(), m.W.Phases()
	return [3]int{i / (h * w), i / w % h, i % w}
}

// spread makes the patch of a tile into points. What lies before the first or
// behind the last frame is 0.
func (w *planWorker) spread(st *Step, m *planTransform, at planTile) {
	win, s := st.Window, st.InShape
	lines := m.Lines()
	extent := [3]int{lines[0].Inputs(), lines[1].Inputs(), lines[2].Inputs()}
	out, to := w.scratch, w.p.Buffers[st.Winograd.Points].At(0, at.row, at.col, 0)
	step := w.p.Buffers[st.Winograd.Points].Frame
	channels, parts := s.C, m.Parts()
	if !m.Strided() {
		channels = roundUp(s.C, w.p.Machine.Lanes)
	}
	pitch := w.p.Buffers[st.In]
	for phase := range m.Phases() {
		of := m.phase(phase)
		mats := [3][][]float64{m.axes[0].In[of[0]], m.axes[1].In[of[1]], m.axes[2].In[of[2]]}
		patch := make([]float64, extent[0]*extent[1]*extent[2]*channels)
		for i := range len(patch) / channels {
			t := at.t*win.T.Stride - win.T.Pad + i/(extent[1]*extent[2])*lines[0].Phases() + of[0]
			h := i/extent[2]%extent[1]*lines[1].Phases() + of[1]
			x := i%extent[2]*lines[2].Phases() + of[2]
			if t < 0 || t >= s.T {
				continue
			}
			in, from := w.memory(st.In, t, at.h*win.H.Stride-win.H.Pad, at.x*win.W.Stride-win.W.Pad)
			copy(patch[i*channels:][:channels], in[from+h*pitch.Row+x*pitch.Pixel:])
		}
		for p, v := range slices.Collect(slices.Chunk(apply(mats, patch, channels/parts), channels/parts)) {
			copy(out[to+p*step+phase*s.C:], v)
		}
	}
}

// gather makes the sums at the points of a tile into results, and stores those
// that lie on the map.
func (w *planWorker) gather(st *Step, m *planTransform, at planTile) {
	s, bias := st.OutShape, w.packed[w.p.Packs[st.Pack].Bias:]
	from, step := w.p.Buffers[st.Winograd.Sums].At(0, at.row, at.col, 0), w.p.Buffers[st.Winograd.Sums].Frame
	k := &w.p.Kernels[st.Winograd.Gather[0]]
	parts := m.Parts()
	channels := roundUp(w.hi.C-w.lo.C, w.p.Machine.Lanes)
	var sums []float64
	for i := range m.Points() {
		sums = append(sums, w.scratch[from+i*step+w.lo.C/parts:][:channels/parts]...)
	}
	results := apply([3][][]float64{m.axes[0].Out, m.axes[1].Out, m.axes[2].Out}, sums, channels/parts)
	results = interleave(results, channels, parts, w.p.Machine.Lanes)
	for i := range len(results) / channels {
		t := at.t + i/(m.H.Size()*m.W.Size())
		h, x := at.h+i/m.W.Size()%m.H.Size(), at.x+i%m.W.Size()
		if t >= s.T || h >= s.H || x >= s.W {
			continue
		}
		acc := results[i*channels:][:channels]
		if st.Res != NoBuffer {
			res, add := w.memory(st.Res, t*st.Every.T, h*st.Every.H, x*st.Every.W)
			w.epilogue(acc, k, bias[w.lo.C:], res[add+w.lo.C:])
		} else {
			w.epilogue(acc, k, bias[w.lo.C:], nil)
		}
		out, to := w.memory(st.Out, t, h, x)
		copy(out[to+w.lo.C:], acc)
	}
}

// interleave brings the channels of each position, so many in all and part after
// part, into the map's order: a vector of each part after the other.
func interleave(x []float64, channels, parts, lanes int) []float64 {
	y := make([]float64, 0, len(x))
	for position := range slices.Chunk(x, channels) {
		for c := 0; c < channels/parts; c += lanes {
			for part := range parts {
				y = append(y, position[part*channels/parts+c:][:lanes]...)
			}
		}
	}
	return y
}

// apply multiplies a block, with so many channels at each position, by a matrix
// along each axis.
func apply(ms [3][][]float64, x []float64, channels int) []float64 {
	for axis := range 3 {
		m := ms[axis]
		inner := channels
		for _, later := range ms[axis+1:] {
			inner *= len(later[0])
		}
		n := len(m[0])
		if n == 1 && len(m) == 1 {
			continue // an axis that is left as it is
		}
		outer := len(x) / (n * inner)
		y := make([]float64, outer*len(m)*inner)
		for o := range outer {
			for i, row := range m {
				for j, c := range row {
					if c == 0 {
						continue
					}
					for k := range inner {
						y[(o*len(m)+i)*inner+k] += c * x[(o*n+j)*inner+k]
					}
				}
			}
		}
		x = y
	}
	return x
}

// lateWeights makes a panel's taps into the weights at a point, [input
// channel][width].
func lateWeights(m *planTransform, panel []float64, point, k, width int) []float64 {
	rows, cols := m.axes[1].Weights[0][point/m.W.Points()], m.axes[2].Weights[0][point%m.W.Points()]
	weights := make([]float64, k*width)
	for h, x := range rows {
		for t, y := range cols {
			for i := range weights {
				weights[i] += x * y * panel[(i/width*len(rows)*len(cols)+h*len(cols)+t)*width+i%width]
			}
		}
	}
	return weights
}
