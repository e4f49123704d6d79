package ir

import "fmt"

// Shape is the extent of one clip's feature map, channels last: T frames of
// H x W pixels with C channels each. Every extent is at least 1.
type Shape struct{ T, H, W, C int }

// Elems returns the number of values in the map.
func (s Shape) Elems() int { return s.T * s.H * s.W * s.C }

// Pixels returns the number of positions, T x H x W.
func (s Shape) Pixels() int { return s.T * s.H * s.W }

// String formats the shape as TxHxWxC.
func (s Shape) String() string { return fmt.Sprintf("%dx%dx%dx%d", s.T, s.H, s.W, s.C) }

// Valid reports whether every extent is at least 1.
func (s Shape) Valid() bool { return s.T > 0 && s.H > 0 && s.W > 0 && s.C > 0 }

// Axis is how a window moves along one axis: Kernel positions wide, Stride
// positions a step, Pad positions of padding before the first and after the
// last element.
type Axis struct{ Kernel, Stride, Pad int }

// Unit is the axis of a window that neither reaches nor skips.
var Unit = Axis{Kernel: 1, Stride: 1}

// Out returns how many windows fit on n elements: floor((n+2·Pad-Kernel)/Stride)+1,
// and 0 where not even one does.
func (a Axis) Out(n int) int {
	if n+2*a.Pad < a.Kernel {
		return 0
	}
	return (n+2*a.Pad-a.Kernel)/a.Stride + 1
}

// OutCeil is Out rounding up, as ceil-mode pooling does. A window that would
// start beyond the input and its leading padding is dropped, the rule of
// PyTorch and Caffe.
func (a Axis) OutCeil(n int) int {
	if n+2*a.Pad < 1 {
		return 0
	}
	span := n + 2*a.Pad - a.Kernel
	out := 1
	if span > 0 {
		out = (span+a.Stride-1)/a.Stride + 1
	}
	if (out-1)*a.Stride >= n+a.Pad {
		out--
	}
	return out
}

// Range returns the taps [lo, hi) of output position o that fall on one of
// the n input elements; the others lie on padding.
func (a Axis) Range(o, n int) (lo, hi int) {
	start := o*a.Stride - a.Pad
	lo, hi = max(0, -start), min(a.Kernel, n-start)
	return lo, max(lo, hi)
}

// Of returns the axis that visits the inputs of what b visits of a's results.
func (a Axis) Of(b Axis) Axis {
	return Axis{
		Kernel: (b.Kernel-1)*a.Stride + a.Kernel,
		Stride: b.Stride * a.Stride,
		Pad:    b.Pad*a.Stride + a.Pad,
	}
}

// Span returns the range of the n elements that windows at [lo, hi) visit.
func (a Axis) Span(lo, hi, n int) (from, to int) {
	return max(0, lo*a.Stride-a.Pad), min(n, (hi-1)*a.Stride-a.Pad+a.Kernel)
}

// Window is a kernel's extent, step and padding over the three axes.
type Window struct{ T, H, W Axis }

// UnitWindow visits every position by itself.
var UnitWindow = Window{Unit, Unit, Unit}

// Of is Axis.Of along each axis.
func (w Window) Of(v Window) Window { return Window{w.T.Of(v.T), w.H.Of(v.H), w.W.Of(v.W)} }

// Taps returns the number of kernel positions.
func (w Window) Taps() int { return w.T.Kernel * w.H.Kernel * w.W.Kernel }

// Pointwise reports whether the window is a single position that visits
// every pixel.
func (w Window) Pointwise() bool { return w == UnitWindow }

// Out returns the extents of a map after the window has moved over s, with c
// channels. An axis on which no window fits is 0.
func (w Window) Out(s Shape, c int) Shape {
	return Shape{T: w.T.Out(s.T), H: w.H.Out(s.H), W: w.W.Out(s.W), C: c}
}

// String formats the window as kernel/stride/pad, each TxHxW.
func (w Window) String() string {
	return fmt.Sprintf("%dx%dx%d/%dx%dx%d/%dx%dx%d",
		w.T.Kernel, w.H.Kernel, w.W.Kernel,
		w.T.Stride, w.H.Stride, w.W.Stride,
		w.T.Pad, w.H.Pad, w.W.Pad)
}
