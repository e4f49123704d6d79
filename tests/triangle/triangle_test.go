package triangle

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// Tolerances, in relative L2 error.
//
// The plan interpreter adds the same float64 numbers as the graph interpreter
// in another order. A sum of n terms is off by at most n·2^-53 of the sum of
// their magnitudes; n is at most 4608 (512 channels x 9 taps), so that a layer
// adds 5e-13 at the very most. Roundings fall either way, which leaves the
// root of n, 8e-15, and layers add up likewise: the 199 of the deepest preset
// make 1e-13, and two results differ by twice that. Winograd's algorithm sums
// numbers a few times as large as its results, of both signs: another factor
// of five.
//
// A generated package rounds after each multiply-add; 2e-6 is the least of what
// follows from that for a whole network, see verify.Tolerance, and all that these
// networks need. What is really wrong is not as small: one wrong tap is 1e-2.
const (
	planTolerance  = 1e-12
	floatTolerance = 2e-6
)

// A triangle is a network of the tests.
type triangle struct {
	name     string
	graph    *ir.Graph
	schedule ir.ScheduleOptions
	threads  []int
	plans    bool // also interpret the plans, which is slow
}

// manyThreads are fewer, as many and more threads than the machine has cores,
// and a number that divides nothing.
var manyThreads = []int{1, 2, 3, 7}

// fewThreads are for the deeper presets, whose blocks are P3D-63's.
var fewThreads = []int{1, 3}

// preset returns a preset with the given settings, fused. Its taps are the
// stages.
func preset(t *testing.T, name string, settings ...string) *ir.Graph {
	t.Helper()
	n, err := dsl.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(settings); i += 2 {
		if err := dsl.Set(n, settings[i], settings[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return lower(t, n)
}

// described returns a network written in the language, fused.
func described(t *testing.T, source string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return lower(t, n)
}

func lower(t *testing.T, n *dsl.Network) *ir.Graph {
	t.Helper()
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return suite.Fuse(t, g)
}

func TestPresets(t *testing.T) {
	list := []triangle{
		{name: "p3d63", graph: preset(t, "p3d63", "input", "3x16x64x64"), threads: manyThreads, plans: !testing.Short()},
	}
	if !testing.Short() {
		list = append(list,
			triangle{name: "p3d131", graph: preset(t, "p3d131", "input", "3x16x32x32"), threads: fewThreads, plans: true},
			triangle{name: "p3d199", graph: preset(t, "p3d199", "input", "3x16x32x32"), threads: fewThreads})
	}
	compare(t, list)
}

// TestFull runs P3D-63 in full size, which takes long in portable Go: that is left to
// smaller clips here and in tests/reference.
func TestFull(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	compare(t, []triangle{{name: "full", graph: preset(t, "p3d63"), threads: []int{2}}}, "generic")
}

// small networks hold each kind of block, strides, both roundings of pools,
// averages over windows, and a head with softmax.
const small = `network net {
    input rgb 3x6x27x21
    block bottleneck expansion 2 mix KIND
    conv 24 kernel 1x7x7 stride 1x2x2 as stem
    pool max 2x3x3 stride 2x2x2 pad 0x1x1 as pool1
    stage res2 width 20 blocks 3 then pool average 2x3x3 stride 1x1x1 pad 1x1x1 as middle
    stage res3 width 24 blocks 2 stride 1x2x2 then pool max 2x2x2 ceil
    stage res4 width 33 blocks 1 flat
    pool average
    linear 19
    softmax
}`

// fusions are the ways to schedule, by name.
var fusions = []struct {
	name string
	mode ir.Fusion
}{{"auto", ir.FuseAuto}, {"never", ir.FuseNever}, {"always", ir.FuseAlways}}

func TestSmall(t *testing.T) {
	var list []triangle
	for _, kind := range []string{"A", "B", "C", "A B C"} {
		for _, f := range fusions {
			g := described(t, strings.Replace(small, "KIND", kind, 1))
			if f.mode != ir.FuseAuto {
				g.Taps = nil // so that all that can stays in scratch memory
			}
			list = append(list, triangle{
				name: "small" + f.name + strings.ReplaceAll(kind, " ", ""), graph: g,
				schedule: ir.ScheduleOptions{Fusion: f.mode}, threads: manyThreads, plans: true,
			})
		}
	}
	compare(t, list)
}

// relatives are the networks beside P3D in small: full and split convolutions in
// basic blocks, strides over frames, and layers with a bias up to a map that is
// flattened.
var relatives = []struct{ name, source string }{
	{"full", `network net {
    input rgb 3x9x20x24
    block basic mix full
    conv 24 kernel 3x7x7 stride 1x2x2 as stem
    stage res2 width 24 blocks 2
    stage res3 width 33 blocks 1 stride 2x2x2
    stage res4 width 40 blocks 2 stride 2x2x2 mix spatial full
    pool average
    linear 19
    names torchvision-video
}`},
	{"split", `network net {
    input rgb 3x9x20x24
    block basic mix split mid matched
    conv 13 kernel 1x7x7 stride 1x2x2
    conv 24 kernel 3x1x1 as stem
    stage res2 width 24 blocks 2
    stage res3 width 33 blocks 2 stride 2x2x2
    stage res4 width 16 blocks 1 stride 2x2x2 mid 21
    pool average
    linear 19
    names torchvision-video
}`},
	{"images", `network net {
    input rgb 3x3x43x37
    block bottleneck expansion 2 stride middle
    conv 24 kernel 7x7 stride 2x2
    pool max 3x3 stride 2x2 pad 1x1 as pool1
    stage res2 width 20 blocks 2 flat
    stage res3 width 24 blocks 2 stride 2x2 flat
    pool average
    linear 19
    names torchvision
}`},
	{"flattened", `network net {
    input bgr 3x6x22x18
    conv 20 kernel 3x3x3 bias as conv1
    pool max 1x2x2
    conv 33 kernel 3x3x3 bias as conv2
    pool max 2x2x2
    conv 48 kernel 3x3x3 bias as conv3
    pool max 2x2x2 pad 0x1x1
    flatten
    linear 100 relu features as fc4
    dropout 0.5
    linear 40 relu as fc5
    linear 19 as fc6
    names {
        linear "{name}"
    }
}`},
}

func TestRelatives(t *testing.T) {
	var list []triangle
	for _, r := range relatives {
		for _, f := range fusions {
			if f.mode == ir.FuseNever {
				continue // which auto does with most of these layers
			}
			g := described(t, r.source)
			if f.mode != ir.FuseAuto {
				g.Taps = nil
			}
			list = append(list, triangle{
				name: r.name + f.name, graph: g, schedule: ir.ScheduleOptions{Fusion: f.mode}, threads: manyThreads, plans: true,
			})
		}
	}
	compare(t, list)
}

// TestLargeAverage pools 32768 positive values a channel, whose plain float32
// sum would be off by more than all layers before it.
func TestLargeAverage(t *testing.T) {
	compare(t, []triangle{{name: "largeaverage", graph: described(t, `network net {
    input rgb 3x16x64x64
    block bottleneck mix A
    conv 8 kernel 1x3x3
    stage res2 width 8 blocks 1 then pool max 2x1x1
    pool average
    linear 10
}`), threads: manyThreads, plans: true}})
}

// compare runs all networks all three ways, on all instruction sets but those named.
func compare(t *testing.T, list []triangle, without ...string) {
	nets := make([]*suite.Net, len(list))
	want := map[*suite.Net]map[string][]float64{}
	for i, tr := range list {
		n := &suite.Net{
			Name: tr.name, Graph: tr.graph, Schedule: tr.schedule, Threads: tr.threads,
			Weights: weights.Synthetic(tr.graph.Params), Clip: weights.SyntheticClip(tr.graph.Input.Shape.Elems()),
		}
		values, err := ir.Interpret(n.Graph, n.Weights, n.Clip)
		if err != nil {
			t.Fatal(err)
		}
		nets[i], want[n] = n, values
	}
	p := suite.Build(t, nets)
	isas := slices.DeleteFunc(p.ISAs(t), func(isa string) bool { return slices.Contains(without, isa) })
	results := p.Run(t, isas)
	worst := map[string]float64{}
	for _, r := range results {
		for name, got := range r.Values {
			d := suite.Distance(got, want[r.Net][name])
			worst[r.Net.Name+" "+r.ISA] = max(worst[r.Net.Name+" "+r.ISA], d)
			if !(d <= floatTolerance) {
				t.Errorf("%s on %s, %d threads: %s is off by %.3g (relative L2)", r.Net.Name, r.ISA, r.Threads, name, d)
			}
		}
	}
	t.Log(worst)
	sameBits(t, results)
	for i, n := range nets {
		if list[i].plans {
			interpretPlans(t, n, want[n])
		}
	}
}

// sameBits checks that the number of threads changes nothing. Instruction sets
// are not compared: each may have another algorithm for a layer.
func sameBits(t *testing.T, results []suite.Result) {
	t.Helper()
	type key struct {
		net *suite.Net
		isa string
	}
	first := map[key]suite.Result{}
	for _, r := range results {
		k := key{r.Net, r.ISA}
		f, ok := first[k]
		if !ok {
			first[k] = r
			continue
		}
		for name, got := range r.Values {
			if i := differs(got, f.Values[name]); i >= 0 {
				t.Errorf("%s on %s: element %d of %s is %v with %d threads, %v with %d", r.Net.Name, r.ISA, i, name,
					got[i], r.Threads, f.Values[name][i], f.Threads)
			}
		}
	}
}

// interpretPlans compares the interpreted plan of every machine with the
// graph.
func interpretPlans(t *testing.T, n *suite.Net, want map[string][]float64) {
	t.Helper()
	plans, err := avx.Plans(n.Graph, n.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		values, err := ir.InterpretPlan(p, n.Weights, n.Clip)
		if err != nil {
			t.Fatal(err)
		}
		if len(values) != len(want) {
			t.Errorf("%s, plan for %s: %d results, want %d", n.Name, p.Machine.Name, len(values), len(want))
		}
		for name := range want {
			if d := suite.Distance(values[name], want[name]); !(d <= planTolerance) {
				t.Errorf("%s, plan for %s: %s is off by %.3g (relative L2)", n.Name, p.Machine.Name, name, d)
			}
		}
	}
}

// differs returns the first element whose bits differ, or -1.
func differs(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}
