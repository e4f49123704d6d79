package ir

// cacheLine is the size of a cache line in float32 values. Channel strides
// are whole lines, so that every vector of channels is aligned.
const cacheLine = 16

func roundUp(n, to int) int { return (n + to - 1) / to * to }

func ceilDiv(n, d int) int { return (n + d - 1) / d }

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

// or returns the border that is as wide as either on each side.
func (b Border) or(o Border) Border {
	return Border{max(b.Top, o.Top), max(b.Left, o.Left), max(b.Bottom, o.Bottom), max(b.Right, o.Right)}
}

// newBuffer lays out a map of shape s within a border.
func newBuffer(name string, s Shape, border Border, pixel int) Buffer {
	b := Buffer{Name: name, Shape: s, Border: border, Pixel: pixel, Cover: UnitWindow}
	b.Row = (s.W + border.Left + border.Right) * pixel
	b.Frame = (s.H + border.Top + border.Bottom) * b.Row
	b.Len = roundUp(s.T*b.Frame, cacheLine)
	return b
}

// corner returns how far position 0 lies behind the start of the memory taken.
func (b *Buffer) corner() int { return b.Border.Top*b.Row + b.Border.Left*b.Pixel }

// Edges are the parts of a buffer's border, as lengths in memory: before position
// 0 of a frame, between the end of a row and the next row, and behind the end of
// a frame's last row.
type Edges struct{ Before, Between, Behind int }

// Edges returns the parts of the border.
func (b *Buffer) Edges() Edges {
	return Edges{
		Before:  b.corner(),
		Between: (b.Border.Left + b.Border.Right) * b.Pixel,
		Behind:  b.Border.Right*b.Pixel + b.Border.Bottom*b.Row,
	}
}

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
	border := make([]Border, len(g.Values))
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
		border[in] = border[in].or(Border{conv.H.Pad, conv.W.Pad, conv.H.Pad, conv.W.Pad})
	}
	for i, v := range g.Values {
		pixel := channelStride(v.Shape.C)
		if i == 0 && tight {
			pixel = v.Shape.C
		}
		bufs[i] = newBuffer(v.Name, v.Shape, border[i], pixel)
	}
	return bufs
}
