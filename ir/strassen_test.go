package ir

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestStrassenMatrices multiplies 2x2 matrices of small integers: the products
// at the points make exactly the elements of the product.
func TestStrassenMatrices(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := strassen.Matrices()
	multiply := func(m [][]float64, x []float64) []float64 {
		y := make([]float64, len(m))
		for i, row := range m {
			for j, c := range row {
				y[i] += c * x[j]
			}
		}
		return y
	}
	for range 20 {
		a, b := make([]float64, 4), make([]float64, 4)
		for i := range a {
			a[i], b[i] = float64(r.IntN(19)-9), float64(r.IntN(19)-9)
		}
		points, weights := multiply(m.In[0], a), multiply(m.Weights[0], b)
		if len(points) != strassen.Points() {
			t.Fatalf("%d points, want %d", len(points), strassen.Points())
		}
		for i := range points {
			points[i] *= weights[i]
		}
		for i, got := range multiply(m.Out, points) {
			if want := a[i/2*2]*b[i%2] + a[i/2*2+1]*b[2+i%2]; got != want {
				t.Errorf("%v by %v: element %d is %g, want %g", a, b, i, got, want)
			}
		}
	}
}

// pointwiseNet is two pointwise layers, the second of which adds what goes into
// the first.
func pointwiseNet(s Shape, channels int) *Graph {
	b := newBuilder("pointwise", Shape{s.T, s.H, s.W, 3})
	x := b.cbr("first", 0, s.C, cube(1, 3, 3).pad(0, 1, 1))
	y := b.cbr("a", x, channels, cube(1, 1, 1))
	b.output("y", b.relu("relu", b.add("sum", b.conv("b", y, s.C, cube(1, 1, 1), true), x)))
	return b.g
}

// TestStrassenSizes compares plans with the graph, for maps and channels of
// several sizes, alone and sharing a region.
func TestStrassenSizes(t *testing.T) {
	for i, m := range testMachines {
		for _, tc := range []struct{ frames, in, out int }{{2, 2, 2}, {4, 4, 2}, {6, 2, 8}} {
			for _, fusion := range []Fusion{FuseNever, FuseAlways} {
				s := Shape{tc.frames, 3 + i, 9 - i, tc.in * m.Lanes}
				g := fuse(t, pointwiseNet(s, tc.out*m.Lanes))
				weights, clip := randomWeights(g, uint64(i)), randomClip(g, uint64(tc.out))
				want, err := Interpret(g, weights, clip)
				if err != nil {
					t.Fatal(err)
				}
				p := scheduleWith(t, g, m, ScheduleOptions{Winograd: WinogradF2, Fusion: fusion})
				if found := winogradLayers(p); found["a"] != "Strassen" || found["b"] != "Strassen" {
					t.Fatalf("computed by %v, want Strassen's algorithm\n%v", found, p)
				}
				got, err := InterpretPlan(p, weights, clip)
				if err != nil {
					t.Fatal(err)
				}
				comparePlan(t, p, fmt.Sprintf("%s, %v", m.Name, s), got, want)
			}
		}
	}
}

// TestStrassenFits checks what is left to direct convolution: an odd number of
// frames, and channels that are not two parts of whole vectors.
func TestStrassenFits(t *testing.T) {
	for _, s := range []Shape{{3, 4, 4, 32}, {2, 4, 4, 48}, {1, 4, 4, 64}} {
		p := scheduleWith(t, fuse(t, pointwiseNet(s, s.C)), wideMachine, ScheduleOptions{Winograd: WinogradF2})
		for op, f := range winogradLayers(p) {
			if f == "Strassen" {
				t.Errorf("%v: %s by %s", s, op, f)
			}
		}
	}
}

// TestStrassenVerified checks that a plan whose channels do not make whole parts
// is refused.
func TestStrassenVerified(t *testing.T) {
	p := scheduleWith(t, fuse(t, pointwiseNet(Shape{2, 4, 4, 64}, 64)), wideMachine, ScheduleOptions{Winograd: WinogradF2, Fusion: FuseNever})
	for i := range p.Packs {
		if p.Packs[i].Op == "a" {
			p.Packs[i].In = 48
		}
	}
	want := "a: 48 to 64 channels of 2 frames are not cut in parts of whole vectors and whole tiles"
	if err := p.Verify(); err == nil || err.Error() != want {
		t.Errorf("found  %v\nwant   %s", err, want)
	}
}

// TestStrassenNarrowed has layers of which every third frame is read, two of
// four: with a tap they have all, which would be other pairs, so neither plan has
// Strassen's algorithm.
func TestStrassenNarrowed(t *testing.T) {
	for _, frames := range []int{4, 5} {
		for _, tapped := range []bool{false, true} {
			b := newBuilder("narrowed", Shape{frames, 4, 4, 3})
			x := b.cbr("first", 0, 64, cube(1, 3, 3).pad(0, 1, 1))
			y := b.cbr("a", x, 64, cube(1, 1, 1))
			every := cube(1, 1, 1)
			every.T.Stride = 3
			b.output("y", b.cbr("third", y, 8, every))
			if tapped {
				b.tap("a", y)
			}
			for mode := WinogradAuto; mode <= WinogradLate; mode++ {
				p := scheduleWith(t, fuse(t, b.g), wideMachine, ScheduleOptions{Winograd: mode})
				for i := range p.Packs {
					if p.Packs[i].Transform.T.Strassen {
						t.Errorf("%d frames, tapped %t, Winograd %d: %s is computed by Strassen's algorithm", frames, tapped, mode, p.Packs[i].Op)
					}
				}
			}
		}
	}
}
