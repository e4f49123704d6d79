package ir

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAxisOut(t *testing.T) {
	for _, tc := range []struct {
		axis        Axis
		n           int
		floor, ceil int
	}{
		{Unit, 7, 7, 7},
		{Axis{Kernel: 7, Stride: 2, Pad: 3}, 160, 80, 81}, // the 81st window begins on the input
		{Axis{Kernel: 3, Stride: 2}, 80, 39, 40},          // the stem's pool in Caffe
		{Axis{Kernel: 3, Stride: 2, Pad: 1}, 80, 40, 41},  // and in PyTorch
		{Axis{Kernel: 2, Stride: 2}, 16, 8, 8},
		{Axis{Kernel: 2, Stride: 2}, 5, 2, 3},
		{Axis{Kernel: 3, Stride: 1}, 2, 0, 1},         // no whole window fits
		{Axis{Kernel: 1, Stride: 3}, 5, 2, 2},         // a third would begin beyond the input
		{Axis{Kernel: 2, Stride: 2, Pad: 1}, 3, 2, 2}, // a third would begin on the trailing padding
		{Axis{Kernel: 3, Stride: 3, Pad: 1}, 1, 1, 1},
	} {
		if got := tc.axis.Out(tc.n); got != tc.floor {
			t.Errorf("%+v on %d: Out %d, want %d", tc.axis, tc.n, got, tc.floor)
		}
		if got := tc.axis.OutCeil(tc.n); got != tc.ceil {
			t.Errorf("%+v on %d: OutCeil %d, want %d", tc.axis, tc.n, got, tc.ceil)
		}
	}
}

// TestAxisAgainstCounting slides windows one by one.
func TestAxisAgainstCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kernel := rapid.IntRange(1, 7).Draw(t, "kernel")
		a := Axis{
			Kernel: kernel,
			Stride: rapid.IntRange(1, 5).Draw(t, "stride"),
			Pad:    rapid.IntRange(0, kernel-1).Draw(t, "pad"),
		}
		n := rapid.IntRange(1, 20).Draw(t, "n")
		whole, started := 0, 0
		for start := -a.Pad; start < n+a.Pad; start += a.Stride {
			end := start + a.Kernel
			if end <= n+a.Pad {
				whole++
			}
			// Ceil mode has one window past the last whole one, where
			// elements are left over and it begins before the trailing padding.
			if end <= n+a.Pad && start < n || end > n+a.Pad && end-a.Stride < n+a.Pad && start < n || start == -a.Pad {
				started++
			}
		}
		if got := a.Out(n); got != whole {
			t.Errorf("Out %d, want %d", got, whole)
		}
		if got := a.OutCeil(n); got != started {
			t.Errorf("OutCeil %d, want %d", got, started)
		}
		for o := range a.OutCeil(n) {
			lo, hi := a.Range(o, n)
			for tap := range a.Kernel {
				at := o*a.Stride - a.Pad + tap
				if inside := at >= 0 && at < n; inside != (lo <= tap && tap < hi) {
					t.Errorf("output %d tap %d: Range gives [%d,%d)", o, tap, lo, hi)
				}
			}
			if lo >= hi {
				t.Errorf("output %d of %+v on %d has no tap", o, a, n)
			}
		}
	})
}

func TestAxisRangeAllPadding(t *testing.T) {
	a := Axis{Kernel: 2, Stride: 1, Pad: 3}
	for _, o := range []int{0, 1, 5, 6} {
		if lo, hi := a.Range(o, 2); lo < hi {
			t.Errorf("output %d: Range gives [%d,%d), want nothing", o, lo, hi)
		}
	}
}

func TestShape(t *testing.T) {
	s := Shape{T: 2, H: 3, W: 4, C: 5}
	if s.Elems() != 120 || s.Pixels() != 24 || s.String() != "2x3x4x5" || !s.Valid() {
		t.Errorf("%v: %d elements, %d pixels, valid %t", s, s.Elems(), s.Pixels(), s.Valid())
	}
	for _, s := range []Shape{{}, {0, 1, 1, 1}, {1, -1, 1, 1}, {1, 1, 0, 1}, {1, 1, 1, 0}} {
		if s.Valid() {
			t.Errorf("%v counts as valid", s)
		}
	}
}

func TestWindow(t *testing.T) {
	w := cube(1, 7, 7).stride(1, 2, 2).pad(0, 3, 3)
	if got, want := w.String(), "1x7x7/1x2x2/0x3x3"; got != want {
		t.Errorf("String %s, want %s", got, want)
	}
	if got, want := w.Out(Shape{16, 160, 112, 3}, 64), (Shape{16, 80, 56, 64}); got != want {
		t.Errorf("Out %v, want %v", got, want)
	}
	if w.Taps() != 49 || w.Pointwise() {
		t.Errorf("%v: %d taps, pointwise %t", w, w.Taps(), w.Pointwise())
	}
	if !cube(1, 1, 1).Pointwise() || cube(1, 1, 1).stride(1, 2, 2).Pointwise() {
		t.Error("pointwise is one tap that visits every pixel")
	}
}
