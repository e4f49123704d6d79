package kernels

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// winogradTolerance is the relative L2 error of a value behind a layer by
// Winograd's algorithm, or a few of them.
const winogradTolerance = 2e-5

type winogradMode struct {
	name string
	mode ir.Winograd
}

var (
	winogradModes = []winogradMode{{"f2", ir.WinogradF2}, {"mixed", ir.WinogradMixed}, {"f4", ir.WinogradF4}}
	lateMode      = winogradMode{"late", ir.WinogradLate}
)

// TestWinogradSizes runs maps of all sizes up to three tiles and a pixel, with
// channels that fill vectors and that do not, through layers that end in every
// epilogue, on all instruction sets.
func TestWinogradSizes(t *testing.T) { checkClose(t, winogradSizes(t)) }

func winogradSizes(t *testing.T) []*suite.Net {
	t.Helper()
	var nets []*suite.Net
	for i := range 13 {
		modes := winogradModes
		if i%2 == 0 { // kernels over one frame
			modes = slices.Concat(modes, []winogradMode{lateMode})
		}
		h, w, frames := i+1, (i*5+7)%13+1, i%3+1
		channels, kernel := []int{16, 5, 33, 48, 24}[i%5], []string{"1x3x3", "3x3x3"}[i%2]
		source := fmt.Sprintf(`network net {
    input rgb 3x%dx%dx%d
    block bottleneck expansion 2 mix C A
    conv %d kernel 1x1x1
    conv 40 kernel %s
    stage res2 width %d blocks 2
    pool average
    linear 7
}
`, frames, h, w, channels, kernel, channels)
		for _, m := range modes {
			nets = append(nets, winogradNet(fmt.Sprintf("n%d%s", i, m.name), suite.TapAll(lower(t, source)), m.mode))
		}
	}
	return nets
}

// TestWinogradStems runs strided convolutions on an input of few channels: all
// windows that can be transformed, whose phases have equal numbers of taps or not,
// and fill a vector or do not.
func TestWinogradStems(t *testing.T) { checkClose(t, winogradStems(t)) }

func winogradStems(t *testing.T) []*suite.Net {
	t.Helper()
	var nets []*suite.Net
	for c := 1; c <= 4; c++ {
		for stride := 2; stride*c <= ir.PhaseLanes; stride++ {
			for _, m := range winogradModes {
				b := newGrapher("stem", ir.Shape{T: 2, H: 21, W: 19 + c, C: c})
				var last ir.ValueID
				for kernel := stride + 1; kernel <= min(4*stride, 12); kernel++ {
					a := axis(kernel, stride, kernel/2)
					frames := axis(1+kernel%2*2, 1, kernel%2) // three for odd windows
					last = b.conv(0, 20, ir.Window{T: frames, H: a, W: a}, false, bias, relu)
				}
				name := fmt.Sprintf("c%ds%d%s", c, stride, m.name)
				nets = append(nets, winogradNet(name, suite.TapAll(b.done(last, 7)), m.mode))
			}
		}
	}
	for _, n := range nets {
		plans, err := avx.Plans(n.Graph, n.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		if count(plans[0], counts); counts["tiles of phases"] == 0 {
			t.Errorf("%s: no tiles of phases in\n%v", n.Name, plans[0])
		}
	}
	return nets
}

// TestWinogradDescribed runs whole networks, strides, pools and all, as they
// are deployed.
func TestWinogradDescribed(t *testing.T) { checkClose(t, winogradDescribed(t)) }

func winogradDescribed(t *testing.T) []*suite.Net {
	t.Helper()
	var nets []*suite.Net
	for i, d := range described {
		g := lower(t, "network net {\n    "+d.body+"\n    pool average\n    linear 7\n}\n")
		for _, m := range []winogradMode{winogradModes[0], winogradModes[1], lateMode} {
			nets = append(nets, winogradNet(fmt.Sprintf("n%d%s", i, m.name), g, m.mode))
		}
	}
	return nets
}

func winogradNet(name string, g *ir.Graph, mode ir.Winograd) *suite.Net {
	return &suite.Net{
		Name: name, Graph: g, Schedule: ir.ScheduleOptions{Winograd: mode},
		Weights: weights.Synthetic(g.Params), Clip: weights.SyntheticClip(g.Input.Shape.Elems()), Threads: []int{3},
	}
}

// checkClose runs all networks on all instruction sets and compares every
// value with the interpreter's.
func checkClose(t *testing.T, nets []*suite.Net) {
	t.Helper()
	want := wanted{}
	for _, n := range nets {
		values, err := ir.Interpret(n.Graph, n.Weights, n.Clip)
		if err != nil {
			t.Fatal(err)
		}
		want[n] = values
	}
	guard(nets)
	p := suite.Build(t, nets)
	worst := map[string]float64{}
	for _, r := range p.Run(t, p.ISAs(t)) {
		for name, got := range r.Values {
			e := relL2(got, want[r.Net][name])
			worst[r.ISA] = max(worst[r.ISA], e)
			if !(e <= winogradTolerance) {
				t.Errorf("%s on %s: %s, %v: relative error %.2g", r.Net.Name, r.ISA, name, shapeOf(r.Net.Graph, name), e)
			}
		}
	}
	t.Logf("largest relative errors: %v", worst)
}

// relL2 returns ‖got-want‖/‖want‖, NaN where lengths differ.
func relL2(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	var difference, norm float64
	for i, w := range want {
		d := float64(got[i]) - w
		difference, norm = difference+d*d, norm+w*w
	}
	return math.Sqrt(difference / norm)
}
