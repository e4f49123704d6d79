package ir

import "math"

// block runs the layer of a block's kernel on the worker's extent. Outside of
// fused regions positions are strung together, so that a tile may begin and end
// within a row.
func (w *planWorker) block(st *Step, k *Kernel) {
	b := &k.Block
	do := w.blockConv
	switch k.Kind {
	case KernelPool:
		do = w.blockPool
	case KernelLoad:
		do = w.blockLoad
	}
	if b.Tile == (Shape{}) {
		for p := w.lo.W; p < w.hi.W; p++ {
			do(st, k, Shape{T: p / (b.Out.H * b.Out.W), H: p / b.Out.W % b.Out.H, W: p % b.Out.W})
		}
		return
	}
	for t := w.lo.T; t < w.hi.T; t++ {
		for h := w.lo.H; h < w.hi.H; h++ {
			for x := w.lo.W; x < w.hi.W; x++ {
				do(st, k, Shape{T: t, H: h, W: x})
			}
		}
	}
}

// blockLoad copies the channels of one position.
func (w *planWorker) blockLoad(st *Step, k *Kernel, at Shape) {
	in, from := w.memory(st.In, at.T, at.H, at.W)
	out, to := w.memory(st.Out, at.T, at.H, at.W)
	copy(out[to:to+k.In.Pixel], in[from:])
}

// blockConv computes the channels of one position, and zeros as far as its
// channels are padded.
func (w *planWorker) blockConv(st *Step, k *Kernel, at Shape) {
	b := &k.Block
	out, to := w.memory(st.Out, at.T, at.H, at.W)
	if b.Pairs {
		at.T *= 2
	}
	acc := w.blockSums(st, k, at)
	if b.Pairs {
		at.T++
		for i, x := range w.blockSums(st, k, at) {
			acc[i] = max(acc[i], x)
		}
	}
	copy(out[to+w.lo.C:], acc)
	if w.hi.C == b.Out.C {
		clear(out[to+b.Out.C : to+k.Out.Pixel])
	}
}

// blockSums returns the channels of one position, behind the epilogue.
func (w *planWorker) blockSums(st *Step, k *Kernel, at Shape) []float64 {
	b, pk := &k.Block, &w.p.Packs[st.Pack]
	acc := make([]float64, w.hi.C-w.lo.C)
	each := func(to Shape, win Window, tap int) {
		in, from := w.memory(st.In, to.T*win.T.Stride-win.T.Pad, to.H*win.H.Stride-win.H.Pad, to.W*win.W.Stride-win.W.Pad)
		kt, kh, kw := tap/(win.H.Kernel*win.W.Kernel), tap/win.W.Kernel%win.H.Kernel, tap%win.W.Kernel
		buf := &w.p.Buffers[st.In]
		from += kt*buf.Frame + kh*buf.Row + kw*buf.Pixel
		for c, x := range in[from : from+b.In.C] {
			for j := range acc {
				acc[j] += x * w.packed[pk.Weights+pk.At(w.lo.C+j, tap, c)]
			}
		}
	}
	b.visit(at, func(tap int) { each(at, b.Window, tap) })
	var res []float64
	if st.Res != NoBuffer {
		r, from := w.memory(st.Res, at.T*b.Every.T, at.H*b.Every.H, at.W*b.Every.W)
		res = r[from:]
	}
	for c := range k.K2 {
		for j := range acc {
			acc[j] += res[c] * w.packed[pk.Weights+pk.ProjectAt(w.lo.C+j, c)]
		}
	}
	if res != nil && k.K2 == 0 {
		res = res[w.lo.C:]
	}
	w.epilogue(acc, k, w.packed[pk.Bias+w.lo.C:], res)
	return acc
}

// visit calls f for each tap of a position that lies on the map.
func (b *Block) visit(at Shape, f func(tap int)) {
	t0, t1 := b.Window.T.Range(at.T, b.In.T)
	h0, h1 := b.Window.H.Range(at.H, b.In.H)
	w0, w1 := b.Window.W.Range(at.W, b.In.W)
	for t := t0; t < t1; t++ {
		for h := h0; h < h1; h++ {
			for x := w0; x < w1; x++ {
				f((t*b.Window.H.Kernel+h)*b.Window.W.Kernel + x)
			}
		}
	}
}

// blockPool computes the channels of one position, padding included.
func (w *planWorker) blockPool(st *Step, k *Kernel, at Shape) {
	b, buf := &k.Block, &w.p.Buffers[st.In]
	win := b.Window
	in, from := w.memory(st.In, at.T*win.T.Stride-win.T.Pad, at.H*win.H.Stride-win.H.Pad, at.W*win.W.Stride-win.W.Pad)
	out, to := w.memory(st.Out, at.T, at.H, at.W)
	hi := w.hi.C
	if hi == b.Out.C {
		hi = min(k.In.Pixel, k.Out.Pixel)
	}
	for c := w.lo.C; c < hi; c++ {
		sum, most, n := 0.0, math.Inf(-1), 0
		b.visit(at, func(tap int) {
			kt, kh, kw := tap/(win.H.Kernel*win.W.Kernel), tap/win.W.Kernel%win.H.Kernel, tap%win.W.Kernel
			x := in[from+kt*buf.Frame+kh*buf.Row+kw*buf.Pixel+c]
			sum, most, n = sum+x, max(most, x), n+1
		})
		if k.Pool == PoolAverage {
			most = sum / float64(n)
		}
		out[to+c] = most
	}
	if w.hi.C == b.Out.C {
		clear(out[to+hi : to+k.Out.Pixel])
	}
}
