package ir

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWinogradMatrices compares the algorithms with the sums that they stand
// for.
func TestWinogradMatrices(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, side := range winogradSides {
		f, n := winogradOf(side), side+2
		g, d := make([]float64, 9), make([]float64, n*n)
		for i := range g {
			g[i] = r.NormFloat64()
		}
		for i := range d {
			d[i] = r.NormFloat64()
		}
		products := sandwich(f.in, d)
		for i, u := range f.transformWeights(g) {
			products[i] *= u
		}
		got := sandwich(f.out, products)
		for i := range got {
			want := 0.0
			for k := range g {
				want += g[k] * d[(i/side+k/3)*n+i%side+k%3]
			}
			if math.Abs(got[i]-want) > 1e-13 {
				t.Errorf("F(%dx%d,3x3): result %d is %g, want %g", side, side, i, got[i], want)
			}
		}
	}
}

// winogradNet is two layers for Winograd's algorithm, the second of which adds
// what goes into the first, with a layer before that keeps them whole.
func winogradNet(s Shape, channels int) *Graph {
	same := cube(1, 3, 3).pad(0, 1, 1)
	b := newBuilder("winograd", Shape{s.T, s.H, s.W, 3})
	x := b.cbr("first", 0, s.C, cube(1, 1, 1))
	y := b.cbr("a", x, channels, same)
	b.output("y", b.relu("relu", b.add("sum", b.conv("b", y, s.C, same, true), x)))
	return b.g
}

// TestWinogradSizes compares plans with the graph for maps of all sizes up to
// three tiles and a pixel.
func TestWinogradSizes(t *testing.T) {
	for _, mode := range []Winograd{WinogradF2, WinogradF4} {
		for h := 1; h <= 13; h++ {
			for w := 1; w <= 13; w += 1 + h%3 {
				g := fuse(t, winogradNet(Shape{h%3 + 1, h, w, 5 + 8*(w%4)}, 4+h*3))
				weights, clip := randomWeights(g, uint64(h)), randomClip(g, uint64(w))
				want, err := Interpret(g, weights, clip)
				if err != nil {
					t.Fatal(err)
				}
				m := testMachines[(h+w)%len(testMachines)]
				p := scheduleWith(t, g, m, ScheduleOptions{Winograd: mode})
				if n := len(winogradLayers(p)); n != 2 {
					t.Fatalf("%d layers by Winograd's algorithm, want 2\n%v", n, p)
				}
				got, err := InterpretPlan(p, weights, clip)
				if err != nil {
					t.Fatal(err)
				}
				comparePlan(t, p, fmt.Sprintf("%s, %dx%d", m.Name, h, w), got, want)
			}
		}
	}
}

// winogradLayers returns the sides of tiles by op.
func winogradLayers(p *Plan) map[string]int {
	sides := map[string]int{}
	for i := range p.Packs {
		if n := p.Packs[i].Winograd; n > 0 {
			sides[p.Packs[i].Op] = n
		}
	}
	return sides
}

// TestWinogradChoice checks what the cost model takes for P3D-63: large tiles
// where there are many, small ones where weights are most of the traffic, and
// neither where they are all of it.
func TestWinogradChoice(t *testing.T) {
	g := p3d63.build()
	g.Taps = nil
	want := map[string]int{
		"layer1.0.conv2": 4, "layer1.1.conv2": 4,
		"layer2.0.conv2": 4, "layer2.1.conv2": 4, "layer2.2.conv2": 4,
		"layer3.0.conv2": 2, "layer3.1.conv2": 2, "layer3.2.conv2": 2, "layer3.3.conv2": 2, "layer3.4.conv2": 2,
	}
	for _, m := range []Machine{wideMachine, halfMachine} {
		if diff := cmp.Diff(want, winogradLayers(schedule(t, fuse(t, g), m, FuseAuto))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", m.Name, diff)
		}
	}
	if got := winogradLayers(scheduleWith(t, fuse(t, g), wideMachine, ScheduleOptions{Winograd: WinogradNever})); len(got) > 0 {
		t.Errorf("never, but for %v", got)
	}
}

// TestWinogradIgnoresTaps checks that a network is computed by the same
// algorithms whether its values are looked into or not.
func TestWinogradIgnoresTaps(t *testing.T) {
	tapped := p3d63.build()
	if len(tapped.Taps) == 0 {
		t.Fatal("no taps")
	}
	bare := tapped.Clone()
	bare.Taps = nil
	for _, mode := range []Winograd{WinogradAuto, WinogradF2, WinogradF4} {
		o := ScheduleOptions{Winograd: mode}
		want := winogradLayers(scheduleWith(t, fuse(t, bare), wideMachine, o))
		got := winogradLayers(scheduleWith(t, fuse(t, tapped), wideMachine, o))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("mode %d (-without taps +with):\n%s", mode, diff)
		}
	}
}

// TestWinogradBorder checks that the last patches stay within the border.
func TestWinogradBorder(t *testing.T) {
	for _, tc := range []struct {
		mode Winograd
		h, w int
		want Border
	}{
		{WinogradNever, 10, 7, Border{1, 1, 1, 1}},
		{WinogradF2, 10, 7, Border{1, 1, 1, 2}},
		{WinogradF4, 10, 7, Border{1, 1, 3, 2}},
		{WinogradF4, 8, 1, Border{1, 1, 1, 4}},
	} {
		p := scheduleWith(t, fuse(t, winogradNet(Shape{2, tc.h, tc.w, 16}, 16)), wideMachine, ScheduleOptions{Winograd: tc.mode})
		for _, r := range p.Regions {
			if r.Name == "a" {
				if got := p.Buffers[r.Steps[0].In].Border; got != tc.want {
					t.Errorf("mode %d, %dx%d: border %v, want %v", tc.mode, tc.h, tc.w, got, tc.want)
				}
			}
		}
	}
}

// TestWinogradBorderVerified checks that a plan whose patches reach too far is
// refused.
func TestWinogradBorderVerified(t *testing.T) {
	p := scheduleWith(t, fuse(t, winogradNet(Shape{2, 10, 7, 16}, 16)), wideMachine, ScheduleOptions{Winograd: WinogradF4})
	for _, r := range p.Regions {
		if r.Name == "a" {
			p.Buffers[r.Steps[0].In].Border.Bottom = 2
		}
	}
	want := "a: patches reach 1x1..3x2 beyond the map, its border is 1x1..2x2"
	if err := p.Verify(); err == nil || err.Error() != want {
		t.Errorf("found  %v\nwant   %s", err, want)
	}
}
