package ir

import "fmt"

// Winograd says which convolutions are computed by Winograd's algorithm, and
// pointwise ones by Strassen's: see
// [Schedule]. The zero value leaves it to the cost model.
type Winograd int

// The ways to choose.
const (
	WinogradAuto  Winograd = iota // where it is expected to pay, with the best tile
	WinogradNever                 // no layer
	WinogradF2                    // every layer that it can compute, two results along each axis
	WinogradMixed                 // likewise, the axes of the plane not alike
	WinogradF4                    // likewise with four
	WinogradLate                  // likewise, the weights made into points when they are used, if the machine can
)

// Transform is Winograd's or Strassen's algorithm for a convolution: a line along
// each axis.
// A tile of results is the product of the lines' results, a point that of
// their points. The products of one point are summed over phases and input
// channels before they are made into results, so they are a convolution of
// one tap that has other weights for each point. The zero Transform is a
// direct convolution.
type Transform struct{ T, H, W Line }

// String formats the transform by its lines.
func (f Transform) String() string {
	frames := ""
	if n := f.T.Phases(); n > 1 {
		frames = fmt.Sprintf(" of %d frames", n)
	}
	switch {
	case f.T.Strassen:
		return f.T.String()
	case f.T.Size() > 1:
		return f.T.String() + " in time"
	case f.H == f.W:
		return f.W.String() + " squared" + frames
	}
	return fmt.Sprintf("%v x %v", f.H, f.W) + frames
}

// ofFrame returns the transform of a single frame where frames are not
// transformed, only summed.
func (f Transform) ofFrame() Transform {
	if f.T.Size() == 1 {
		f.T = Line{}
	}
	return f
}

// Late reports whether the weights are made into points when they are used:
// along rows by a kernel of their own, a panel at a time, along columns in the
// registers of the kernel that multiplies them.
func (f Transform) Late() bool { return f.W.Late }

// Points returns the number of points.
func (f Transform) Points() int { return f.T.Points() * f.H.Points() * f.W.Points() }

// Parts returns in how many parts the transform cuts input and output channels.
func (f Transform) Parts() int { return f.T.Parts() }

// products returns how many weights, and so products in a tile, there are for
// each output channel behind so many input channels.
func (f Transform) products(in int) int {
	return f.Points() * f.Phases() * in / (f.Parts() * f.Parts())
}

// packed returns how many values a pack has for each output channel behind so
// many input channels.
func (f Transform) packed(in int) int {
	if f.Late() {
		return f.H.Taps * f.W.Taps * in
	}
	return f.products(in)
}

// Phases returns how many values of each channel are summed at a point.
func (f Transform) Phases() int { return f.T.Phases() * f.H.Phases() * f.W.Phases() }

// Lines returns the lines by axis.
func (f Transform) Lines() [3]Line { return [3]Line{f.T, f.H, f.W} }

// transformsOf lists the ways to transform a convolution of a map on vectors of so
// many lanes: in the plane three by three taps, along time three, a single tap by
// Strassen's algorithm, and windows that stride in the plane over an input of so
// few channels that the phases of a row are one vector. Taps on several frames are
// phases of those in the plane. Where there are several ways, the middle one is
// mixed. Late ones come last, for machines that broadcast in multiply-adds: their
// register tiles are one vector wide.
func transformsOf(a Attr, in *Buffer, m *Machine) []Transform {
	conv, ok := a.(Conv)
	if !ok {
		return nil
	}
	side := Axis{Kernel: 3, Stride: 1, Pad: 1}
	var fs []Transform
	var frames Line
	w := conv.Window
	if w.T.Kernel > 1 {
		frames = Line{Results: 1, Taps: w.T.Kernel, Stride: w.T.Kernel}
	}
	switch {
	case w.T != Unit && w.T.Kernel == 1:
		return nil
	case w.H == side && w.W == side:
		for _, n := range [][2]int{{2, 2}, {5, 2}, {4, 4}} {
			line := func(n int) Line { return Line{Results: n, Taps: 3, Stride: 1} }
			fs = append(fs, Transform{T: frames, H: line(n[0]), W: line(n[1])})
		}
		for _, n := range []int{4, 5} {
			late := Line{Results: n, Taps: 3, Stride: 1, Late: true}
			if frames == (Line{}) && m.FitsLate(late, 1, 1) {
				fs = append(fs, Transform{H: late, W: late})
			}
		}
	case strassenFits(conv, in.Shape, m.Lanes):
		return []Transform{{T: strassen}}
	case w == Window{side, Unit, Unit}:
		if in.Shape.T == 2 {
			return []Transform{{T: Line{Results: 2, Taps: 3, Stride: 1, Closed: true}}}
		}
		for _, n := range []int{2, 4} {
			fs = append(fs, Transform{T: Line{Results: n, Taps: 3, Stride: 1}})
		}
	case w.H == w.W && w.W.Stride > 1 && in.Pixel == in.Shape.C && w.W.Stride*in.Pixel <= PhaseLanes:
		taps := (w.W.Kernel + w.W.Stride - 1) / w.W.Stride
		if w.W.Kernel <= w.W.Stride || taps > 4 {
			return nil
		}
		for _, n := range [][2]int{{2, 2}, {2, 4}, {4, 4}} {
			line := func(n int) Line { return Line{Results: n, Taps: w.W.Kernel, Stride: w.W.Stride} }
			fs = append(fs, Transform{T: frames, H: line(n[0]), W: line(n[1])})
		}
	}
	return fs
}

// PhaseLanes is the most values that the phases of a row's pixel may have: the
// kernel that transforms them works on a vector of that many.
const PhaseLanes = 8

// Strided reports whether the transform has phases in the plane.
func (f Transform) Strided() bool { return f.H.Phases()*f.W.Phases() > 1 }

// patchBorder returns how far the patches of a convolution may reach over the
// sides of its input. Tiles of results begin at multiples of their size, and
// the last ones reach over the result's edge.
func (f Transform) patchBorder(conv Conv, in, out Shape) Border {
	reach := func(l Line, a Axis, n, results int) (before, behind int) {
		if l == (Line{}) {
			return a.Pad, a.Pad
		}
		last := roundUp(results, l.Results) - l.Results
		return a.Pad, max(0, last*a.Stride-a.Pad+l.Stride*l.Inputs()-n)
	}
	var b Border
	b.Top, b.Bottom = reach(f.H, conv.H, in.H, out.H)
	b.Left, b.Right = reach(f.W, conv.W, in.W, out.W)
	if f.Strided() {
		b.Right++ // vectors are longer than a row's phases
	}
	return b
}
