package kernels

import (
	"fmt"
	"math"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// fusions are the ways to schedule, by name.
var fusions = []struct {
	name string
	mode ir.Fusion
}{{"auto", ir.FuseAuto}, {"never", ir.FuseNever}, {"always", ir.FuseAlways}}

// described are networks in the language, each for what its name says. Sides
// are odd and unequal, so that tails and a mix-up of axes show.
var described = []struct{ name, body string }{
	{"cascade", `input rgb 3x4x9x11
    block bottleneck expansion 4 mix A
    conv 16 kernel 1x3x3
    stage res2 width 16 blocks 2`},
	{"parallel", `input rgb 3x3x11x7
    block bottleneck expansion 4 mix B
    conv 16 kernel 1x3x3
    stage res2 width 16 blocks 2`},
	{"hybrid", `input rgb 3x5x8x13
    block bottleneck expansion 4 mix C
    conv 16 kernel 1x3x3
    stage res2 width 16 blocks 2`},
	{"flat", `input rgb 3x2x9x12
    block bottleneck expansion 4
    conv 16 kernel 1x3x3
    stage res2 width 16 blocks 1 flat
    stage res3 width 24 blocks 1 stride 1x2x2 flat`},
	{"mixed", `input flow 2x8x17x13
    block bottleneck expansion 2 mix A B C
    conv 32 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 pad 0x1x1 as pool1
    stage res2 width 16 blocks 2 then pool max 2x1x1
    stage res3 width 24 blocks 1 stride 1x2x2`},
	{"caffe", `input bgr 3x6x18x22
    block bottleneck expansion 2 mix C B
    conv 17 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 ceil as pool1
    stage res2 width 5 blocks 2 then pool max 2x1x1 ceil`},
	{"narrow", `input rgb 3x3x7x5
    block bottleneck expansion 3 mix B C A
    conv 1 kernel 1x1x1
    stage res2 width 1 blocks 2
    stage res3 width 3 blocks 1 stride 2x2x1`},
	{"ragged", `input rgb 3x2x6x10
    block bottleneck expansion 2 mix C A B
    conv 33 kernel 3x3x3
    stage res2 width 17 blocks 2
    stage res3 width 20 blocks 1 stride 1x2x2 flat`},
	{"one frame", `input rgb 3x1x13x6
    block bottleneck expansion 4 mix A B C
    conv 8 kernel 1x5x5 stride 1x3x1 pad 0x0x4
    stage res2 width 8 blocks 3`},
	{"one pixel", `input rgb 3x9x1x1
    block bottleneck expansion 4 mix A B C
    conv 40 kernel 5x1x1 stride 2x1x1
    stage res2 width 10 blocks 3`},
	{"one row", `input flow 2x2x1x23
    block bottleneck expansion 1 mix B
    conv 16 kernel 1x1x7 stride 1x1x2
    stage res2 width 16 blocks 2`},
	{"strided frames", `input rgb 3x9x5x4
    block bottleneck expansion 2 mix A C
    conv 12 kernel 3x3x3 stride 2x1x1
    stage res2 width 12 blocks 2 stride 2x1x1
    stage res3 width 16 blocks 1 stride 3x1x2`},
	{"full", `input rgb 3x5x9x7
    block basic mix full
    conv 16 kernel 3x7x7 stride 1x2x2
    stage res2 width 16 blocks 1
    stage res3 width 20 blocks 2 stride 2x2x2
    names torchvision-video`},
	{"split", `input rgb 3x6x9x11
    block basic mix split mid matched
    conv 11 kernel 1x7x7 stride 1x2x2
    conv 16 kernel 3x1x1
    stage res2 width 16 blocks 1
    stage res3 width 17 blocks 2 stride 2x2x2
    names torchvision-video`},
	{"middle", `input rgb 3x4x13x10
    block bottleneck expansion 2 stride middle mix A B C full
    conv 16 kernel 7x7 stride 2x2
    pool max 3x3 stride 2x2 pad 1x1
    stage res2 width 8 blocks 2 stride 2x1x1
    stage res3 width 12 blocks 2 stride 1x2x2
    stage res4 width 8 blocks 1 stride 2x2 flat`},
	{"biased", `input bgr 3x6x12x10
    conv 16 kernel 3x3x3 bias
    pool max 1x2x2
    conv 24 kernel 3x3x3 bias
    conv 20 kernel 3x3x3 bias
    pool max 2x2x2 pad 0x1x1`},
}

// TestDescribed runs each network deployed, where fused regions keep values in
// scratch memory, and with every value read back, in all ways to schedule.
func TestDescribed(t *testing.T) {
	nets, want, sources := describedNets(t)
	check(t, nets, want, sources)
}

func describedNets(t *testing.T) ([]*suite.Net, wanted, map[*suite.Net]string) {
	t.Helper()
	var nets []*suite.Net
	want, sources := wanted{}, map[*suite.Net]string{}
	for i, d := range described {
		source := "network net {\n    batchnorm epsilon 0.5\n    " + d.body + "\n    pool max\n    linear 7\n}\n"
		deployed := lower(t, source)
		for j, f := range fusions {
			g := deployed
			if (i+j)%3 == 0 {
				g = suite.TapAll(g)
			}
			n, w, err := suite.Exact(fmt.Sprintf("n%d%s", i, f.name), g, ir.ScheduleOptions{Fusion: f.mode, Winograd: ir.WinogradNever}, uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			nets = append(nets, n)
			want[n], sources[n] = w, "# "+d.name+"\n"+source
		}
	}
	return nets, want, sources
}

// TestNaN runs clips with a few NaNs: they must come out where the interpreter
// has them, through every ReLU and every maximum, and nowhere else.
func TestNaN(t *testing.T) {
	all, _, sources := describedNets(t)
	var nets []*suite.Net
	want := wanted{}
	nans, others := 0, 0
	for i, n := range all {
		if i/len(fusions)%len(fusions) != i%len(fusions) {
			continue // one schedule of each network will do
		}
		nets = append(nets, n)
		n.Graph = suite.TapAll(n.Graph)
		for j := range 1 + i%3 {
			n.Clip[(j+1)*len(n.Clip)/4] = float32(math.NaN())
		}
		var err error
		if want[n], err = ir.Interpret(n.Graph, n.Weights, n.Clip); err != nil {
			t.Fatal(err)
		}
		for _, v := range want[n] {
			for _, x := range v {
				if math.IsNaN(x) {
					nans++
				} else {
					others++
				}
			}
		}
	}
	if nans < 1000 || others < 1000 {
		t.Fatalf("%d NaNs and %d other values show nothing", nans, others)
	}
	check(t, nets, want, sources)
}

// lower compiles a description as far as a fused graph.
func lower(t testing.TB, source string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(source))
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	g.Taps = nil
	return suite.Fuse(t, g)
}
