package ir

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTransforms compares the algorithms with the sums that they stand for.
func TestTransforms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	line := func(results, taps, stride int) Line { return Line{Results: results, Taps: taps, Stride: stride} }
	late := func(results int) Line { return Line{Results: results, Taps: 3, Stride: 1, Late: true} }
	for _, f := range []Transform{
		{H: line(2, 3, 1), W: line(2, 3, 1)}, {H: line(4, 3, 1), W: line(4, 3, 1)},
		{T: line(2, 3, 1)}, {T: line(4, 3, 1)}, {T: Line{Results: 2, Taps: 3, Stride: 1, Closed: true}},
		{H: line(4, 7, 2), W: line(4, 7, 2)}, {H: line(2, 7, 2), W: line(4, 7, 2)}, {H: line(2, 7, 2), W: line(2, 7, 2)},
		{H: late(4), W: late(4)}, {H: late(5), W: late(5)},
		{H: line(2, 5, 2), W: line(4, 5, 2)}, {H: line(2, 3, 2), W: line(4, 3, 2)}, {H: line(2, 7, 3), W: line(4, 7, 3)},
	} {
		t.Run(f.String(), func(t *testing.T) { checkTransform(t, r, f) })
	}
}

// TestWithoutLast makes a line's matrices of those without the last finite point.
func TestWithoutLast(t *testing.T) {
	for _, l := range []Line{{Results: 4, Taps: 7, Stride: 2}, {Results: 2, Taps: 7, Stride: 2}, {Results: 4, Taps: 5, Stride: 2}, {Results: 2, Taps: 3, Stride: 2}, {Results: 4, Taps: 6, Stride: 2}, {Results: 4, Taps: 7, Stride: 3}} {
		e, rest := l.WithoutLast()
		n := l.Inputs()
		for phase, in := range l.Matrices().In {
			taps := (l.Taps - phase + l.Stride - 1) / l.Stride
			want := zeros(n, n)
			for i, row := range rest {
				to := i
				if i == n-2 {
					to = n - 1
				}
				for j, c := range row {
					if taps < (l.Taps+l.Stride-1)/l.Stride {
						want[to][j] += c
						continue
					}
					want[to][j+1] += c
					want[to][j] -= e * c
				}
			}
			if taps == (l.Taps+l.Stride-1)/l.Stride {
				copy(want[n-2], rest[n-2])
			}
			for i := range want {
				for j := range want[i] {
					if math.Abs(in[i][j]-want[i][j]) > 1e-12 {
						t.Errorf("%v, phase %d: element %d of point %d is %g, want %g", l, phase, j, i, in[i][j], want[i][j])
					}
				}
			}
		}
	}
}

func checkTransform(t *testing.T, r *rand.Rand, f Transform) {
	taps, stride, extent := [3]int{1, 1, 1}, [3]int{1, 1, 1}, [3]int{1, 1, 1}
	for i, l := range f.Lines() {
		if l != (Line{}) {
			taps[i], stride[i] = l.Taps, l.Stride
			extent[i] = l.Inputs() * l.Stride
		}
	}
	g := make([]float64, taps[0]*taps[1]*taps[2])
	for i := range g {
		g[i] = r.NormFloat64()
	}
	at := func(i [3]int) int { return (i[0]*extent[1]+i[1])*extent[2] + i[2] }
	d := make([]float64, extent[0]*extent[1]*extent[2])
	for i := range d {
		d[i] = r.NormFloat64()
	}
	if f.T.Closed {
		d[0], d[3] = 0, 0
	}
	m := newPlanTransform(f)
	u := m.weights(g, Window{T: Axis{Kernel: taps[0]}, H: Axis{Kernel: taps[1]}, W: Axis{Kernel: taps[2]}}, 1)
	sums := make([]float64, f.Points())
	lines := f.Lines()
	for phase := range f.Phases() {
		ph, pw := phase/lines[2].Phases(), phase%lines[2].Phases()
		var patch []float64
		for a := range lines[0].Inputs() {
			for b := range lines[1].Inputs() {
				for c := range lines[2].Inputs() {
					patch = append(patch, d[at([3]int{a, b*stride[1] + ph, c*stride[2] + pw})])
				}
			}
		}
		for p, v := range apply([3][][]float64{m.axes[0].In[0], m.axes[1].In[ph], m.axes[2].In[pw]}, patch, 1) {
			sums[p] += v * u[p*f.Phases()+phase]
		}
	}
	got := apply([3][][]float64{m.axes[0].Out, m.axes[1].Out, m.axes[2].Out}, sums, 1)
	mh, mw := f.H.Size(), f.W.Size()
	for i := range got {
		o := [3]int{i / (mh * mw), i / mw % mh, i % mw}
		want := 0.0
		for k, w := range g {
			tap := [3]int{k / (taps[1] * taps[2]), k / taps[2] % taps[1], k % taps[2]}
			for j := range o {
				tap[j] += o[j] * stride[j]
			}
			want += w * d[at(tap)]
		}
		if math.Abs(got[i]-want) > 1e-11 {
			t.Errorf("result %d is %g, want %g", i, got[i], want)
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
	for _, mode := range []Winograd{WinogradF2, WinogradMixed, WinogradF4, WinogradLate} {
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

// winogradLayers returns the transforms by op.
func winogradLayers(p *Plan) map[string]string {
	found := map[string]string{}
	for i := range p.Packs {
		if f := p.Packs[i].Transform; f != (Transform{}) {
			found[p.Packs[i].Op] = f.String()
		}
	}
	return found
}

// TestWinogradChoice checks what the cost model takes for P3D-63: large tiles,
// late ones if the machine can, else smaller ones where weights are most of the
// traffic, and neither where they are all of it. Strassen's algorithm is for long
// reductions to many channels.
func TestWinogradChoice(t *testing.T) {
	g := p3d63.build()
	g.Taps = nil
	const f4, mixed, late = "F(4,3) squared", "F(5,3) x F(2,3)", "F(5,3) late squared"
	const time, strassen = "F(4,3) in time", "Strassen"
	want := map[string]string{
		"conv1_custom":   "F(4,7/2) squared",
		"layer1.0.conv2": f4, "layer1.1.conv2": f4,
		"layer1.0.conv3": time, "layer1.1.conv3": time, "layer1.2.conv3": time,
		"layer2.0.conv2": f4, "layer2.1.conv2": f4, "layer2.2.conv2": f4,
		"layer2.0.conv3": time, "layer2.1.conv3": time, "layer2.2.conv3": time, "layer2.3.conv3": time,
		"layer3.0.conv2": mixed, "layer3.1.conv2": mixed, "layer3.2.conv2": mixed, "layer3.3.conv2": mixed, "layer3.4.conv2": mixed,
	}
	for i := range 6 { // two frames
		want[fmt.Sprintf("layer3.%d.conv1", i)] = strassen
		want[fmt.Sprintf("layer3.%d.conv3", i)] = "F(2,3) closed in time"
	}
	for i := range 4 {
		want[fmt.Sprintf("layer2.%d.conv1", i)] = strassen
		want[fmt.Sprintf("layer3.%d.conv4", i+1)] = strassen
	}
	want["layer3.5.conv4"] = strassen
	for _, m := range []Machine{halfMachine, wideMachine} {
		if m.Broadcast {
			delete(want, "layer2.3.conv4")
			for op, way := range want {
				if way == f4 || way == mixed {
					want[op] = late
				}
			}
		} else {
			want["layer2.3.conv4"] = strassen // every other pixel of a row of ten, in fewer vectors
		}
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
	for _, mode := range []Winograd{WinogradAuto, WinogradF2, WinogradMixed, WinogradF4, WinogradLate} {
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

// TestLateWeightsVerified checks that a plan without room for what a late transform
// makes of its weights is refused.
func TestLateWeightsVerified(t *testing.T) {
	const want = "a: no room for the weights of a row of points, 768 values"
	for _, harm := range []func(*Plan, *WinogradStep){
		func(_ *Plan, w *WinogradStep) { w.Weights = NoBuffer },
		func(p *Plan, w *WinogradStep) { p.Buffers[w.Weights].Len-- },
	} {
		p := scheduleWith(t, fuse(t, winogradNet(Shape{2, 10, 7, 16}, 16)), wideMachine, ScheduleOptions{Winograd: WinogradLate})
		for _, r := range p.Regions {
			if r.Name == "a" {
				harm(p, r.Steps[0].Winograd)
			}
		}
		if err := p.Verify(); err == nil || err.Error() != want {
			t.Errorf("found  %v\nwant   %s", err, want)
		}
	}
}
