package ir

// cacheLine is the size of a cache line in float32 values. Channel strides
// are whole lines, so that every vector of channels is aligned.
const cacheLine = 16

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// channelStride returns the distance between neighbouring pixels of a map
// with c channels. Strides of a multiple of 16 lines would put a register
// tile's pixels into a few sets of the first-level cache; one more line
// spreads them (K = 1024 runs at half speed without).
func channelStride(c int) int {
	n := roundUp(c, cacheLine)
	if n/cacheLine%16 == 0 {
		n += cacheLine
	}
	return n
}

// newBuffer lays out a map of shape s behind a zero border.
func newBuffer(name string, s Shape, borderH, borderW, pixel int) Buffer {
	b := Buffer{Name: name, Shape: s, BorderH: borderH, BorderW: borderW, Pixel: pixel}
	b.Row = (s.W + 2*borderW) * pixel
	b.Frame = (s.H + 2*borderH) * b.Row
	b.Len = roundUp(s.T*b.Frame, cacheLine)
	return b
}

// corner returns how far position 0 lies behind the start of the memory taken.
func (b *Buffer) corner() int { return b.BorderH*b.Row + b.BorderW*b.Pixel }

// denseRows reports whether the rows of a frame follow one another without a
// gap, so that they can be treated as one.
func (b *Buffer) denseRows() bool { return b.Row == b.Shape.W*b.Pixel }

// dense reports whether all pixels follow one another without a gap.
func (b *Buffer) dense() bool { return b.denseRows() && b.Frame == b.Shape.H*b.Row }

// At returns the place of position (t, h, w), channel c.
func (b *Buffer) At(t, h, w, c int) int {
	return b.Offset + t*b.Frame + h*b.Row + w*b.Pixel + c
}

// layouts decides the layout of every value: bordered as far as a
// convolution's padding reaches, channels padded to vectors except in an
// input that only convolutions read, a channel at a time.
func layouts(g *Graph) []Buffer {
	bufs := make([]Buffer, len(g.Values))
	borderH, borderW := make([]int, len(g.Values)), make([]int, len(g.Values))
	tight := true
	for i := range g.Ops {
		op := &g.Ops[i]
		for _, e := range op.Epi {
			tight = tight && (e.Kind != EpiAdd || e.Arg != 0)
		}
		conv, ok := op.Attr.(Conv)
		if !ok {
			tight = tight && op.In[0] != 0
			continue
		}
		in := op.In[0]
		borderH[in] = max(borderH[in], conv.H.Pad)
		borderW[in] = max(borderW[in], conv.W.Pad)
	}
	for i, v := range g.Values {
		pixel := channelStride(v.Shape.C)
		if i == 0 && tight {
			pixel = v.Shape.C
		}
		bufs[i] = newBuffer(v.Name, v.Shape, borderH[i], borderW[i], pixel)
	}
	return bufs
}
