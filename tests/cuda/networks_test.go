package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

type network struct {
	name, source string
	precisions   []cuda.Precision
	apart        bool // every layer in a kernel of its own
}

// networks are small, each for what it says. Sides are odd and unequal, so that
// ragged tiles and a mix-up of axes show. What they compute is the same code in
// every precision, and float32's sees the smallest mistakes; the others run where
// their own part of the code differs.
var networks = []network{
	{name: "mixed", source: `input rgb 3x6x27x21
    block bottleneck expansion 2 mix A B C
    conv 24 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 pad 0x1x1 as pool1
    stage res2 width 20 blocks 3 then pool average 2x3x3 stride 1x1x1 pad 1x1x1 as middle
    stage res3 width 24 blocks 1 stride 1x2x2 then pool max 2x2x2 ceil
    stage res4 width 33 blocks 1 flat
    pool average
    linear 19
    softmax`, precisions: cuda.Precisions()},
	{name: "caffe", source: `input bgr 3x4x18x22 {
        range 0..255
        mean  104 117 123
        std   50 60 70
    }
    block bottleneck expansion 4 mix C B
    conv 17 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 ceil as pool1
    stage res2 width 70 blocks 2 then pool max 2x1x1 ceil
    pool average
    linear 10`, precisions: []cuda.Precision{cuda.BF16, cuda.FP32}, apart: true},
	{name: "flow", source: `input flow 2x9x11x13
    block bottleneck expansion 2 mix B C A
    conv 12 kernel 3x3x3 stride 2x1x1
    stage res2 width 12 blocks 2 stride 2x1x1
    stage res3 width 16 blocks 1 stride 3x1x2
    pool max
    linear 5`, precisions: []cuda.Precision{cuda.FP16, cuda.FP32}},
	{name: "narrow", source: `input rgb 3x3x7x5
    block bottleneck expansion 3 mix B C A
    conv 1 kernel 1x1x1
    stage res2 width 1 blocks 2
    stage res3 width 3 blocks 1 stride 2x2x1
    pool average`, precisions: []cuda.Precision{cuda.BF16, cuda.FP32}},
	{name: "pixel", source: `input rgb 3x9x1x1
    block bottleneck expansion 4 mix A B C
    conv 40 kernel 5x1x1 stride 2x1x1
    stage res2 width 10 blocks 3
    pool average`, precisions: []cuda.Precision{cuda.FP32}},
	{name: "flattened", source: `input bgr 3x4x11x9 {
        range 0..255
        mean  90 98 102
    }
    conv 10 kernel 3x3x3 bias
    pool max 2x2x2 pad 0x1x1
    flatten
    linear 36 relu features as fc6
    linear 5 as fc7
    names { linear "{name}" }`, precisions: []cuda.Precision{cuda.FP32}},
	{name: "split", source: `input rgb 3x6x13x10
    block basic mix split mid matched
    conv 9 kernel 1x3x3 stride 1x2x2
    conv 12 kernel 3x1x1 as stem
    stage layer1 width 12 blocks 1
    stage layer2 width 20 blocks 1 stride 2x2x2
    pool average
    linear 5
    names torchvision-video`, precisions: []cuda.Precision{cuda.BF16}},
	{name: "unstemmed", source: `input rgb 3x2x6x10
    block bottleneck expansion 2 mix C A
    pool max 1x2x2 stride 1x1x1
    stage res2 width 16 blocks 2
    pool average
    linear 3`, precisions: []cuda.Precision{cuda.BF16}},
}

// TestNetworks compares every value of every network with the interpreter, for
// one clip and for three, and to the bit with what PTX computes.
func TestNetworks(t *testing.T) {
	compiler(t)
	for _, n := range networks {
		g := lower(t, fmt.Sprintf("network %s {\n    %s\n}", n.name, n.source))
		c := newComparison(t, g, 3)
		for _, p := range n.precisions {
			t.Run(fmt.Sprintf("%s/%v", n.name, p), func(t *testing.T) {
				t.Parallel()
				b := prepare(t, n.plan(t, g, p), p, c.weights)
				compile(t, b.dir, "main.cpp", "program")
				var got []map[string][][]float32
				for i, in := range c.inputs(g) {
					got = append(got, b.run(t, in))
					c.check(t, b, got[i])
				}
				t.Run("PTX", func(t *testing.T) {
					all := c.inputs(g)
					for _, i := range ptxInputs {
						b.sameAsPTX(t, all[i], got[i])
					}
				})
			})
		}
	}
}

// plan schedules the network's graph.
func (n *network) plan(t *testing.T, g *ir.Graph, p cuda.Precision) *ir.Plan {
	t.Helper()
	fusion := ir.FuseAuto
	if n.apart {
		fusion = ir.FuseNever
	}
	plan, err := ir.ScheduleBlocks(g, p.Machine(), fusion)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// comparison is what a network should compute of some clips.
type comparison struct {
	weights map[string][]float32
	frames  []byte
	floats  []float32 // of the same clips, normalised
	want    []map[string][]float64
	depths  map[string]int
}

func newComparison(t *testing.T, g *ir.Graph, clips int) *comparison {
	t.Helper()
	c := &comparison{weights: weights.Synthetic(g.Params), depths: depths(g)}
	r := rand.New(rand.NewPCG(5, 6))
	for range clips {
		frames := make([]byte, g.Input.Shape.Elems())
		for i := range frames {
			frames[i] = byte(r.IntN(256))
		}
		x := normalise(&g.Input, frames)
		values, err := ir.Interpret(g, c.weights, x)
		if err != nil {
			t.Fatal(err)
		}
		c.frames, c.floats, c.want = append(c.frames, frames...), append(c.floats, x...), append(c.want, values)
	}
	return c
}

// inputs are one of the clips, and all of them in either form.
func (c *comparison) inputs(g *ir.Graph) []input {
	clips := len(c.want)
	return []input{
		{clips: 1, floats: c.floats[:g.Input.Shape.Elems()]},
		{clips: clips, floats: c.floats},
		{clips: clips, frames: c.frames},
	}
}

// normalise turns frames, T x H x W x C, into a clip, C x T x H x W.
func normalise(in *ir.Input, frames []byte) []float32 {
	channels, pixels := in.Shape.C, in.Shape.Pixels()
	x := make([]float32, len(frames))
	for c := range channels {
		from := c
		if in.Order == ir.BGR {
			from = channels - 1 - c
		}
		for p := range pixels {
			x[c*pixels+p] = float32((float64(frames[p*channels+from])*in.Scale - in.Mean[c]) / in.Std[c])
		}
	}
	return x
}

func (c *comparison) check(t *testing.T, b *program, got map[string][][]float32) {
	t.Helper()
	for _, err := range c.errors(b, got) {
		t.Error(err)
	}
}

// errors lists what is too far from what it should be.
func (c *comparison) errors(b *program, got map[string][][]float32) (list []error) {
	for name, clips := range got {
		for i, values := range clips {
			d, most := suite.Distance(values, c.want[i][name]), tolerance(b.precision, c.depths[name])
			if !(d <= most) {
				list = append(list, fmt.Errorf("%s of clip %d of %d is off by %.3g (relative L2), at most %.3g expected behind %d layers",
					name, i, len(clips), d, most, c.depths[name]))
			}
		}
	}
	return list
}

// tolerance is how far a value behind so many layers may be from float64's, as
// a relative L2 error.
//
// Rounding to nearest errs by at most u of a value, by u/√3 in the root mean
// square over values that are spread evenly. A layer's products have two
// rounded factors, with errors that have no common sign, and so has their
// sum, relative to it: √(2/3)·u. Layers add up likewise, and the residual
// sums dilute what comes from before. Twice that is allowed; a wrong tap,
// channel or pixel is off by 1e-2 at least in maps as small as these, and
// float32 sees what bfloat16 might hide.
//
// u is 2^-9 for bfloat16 and 2^-12 for half precision, of which the smallest
// values have less, and the products of tf32. What three products of tf32 make
// of a float32 lacks the product of two rests, of 2^-12 each, and rounds one of
// 2^-12 to 2^-12 of it: 2^-23 or so; and sums round to float32, as those of
// the interpreters of other backends do, by 2^-24 a step.
func tolerance(p cuda.Precision, depth int) float64 {
	unit := map[cuda.Precision]float64{cuda.BF16: 0x1p-9, cuda.FP16: 0x1p-12, cuda.TF32: 0x1p-12, cuda.FP32: 0x1p-22}[p]
	return 2 * math.Sqrt(2.0/3*float64(depth+1)) * unit
}

// depths returns, for each output and tap, the most layers on a path to it.
func depths(g *ir.Graph) map[string]int {
	at := make([]int, len(g.Values))
	for i := range g.Ops {
		op := &g.Ops[i]
		for _, v := range op.In {
			at[op.Out] = max(at[op.Out], at[v]+1)
		}
		for _, e := range op.Epi {
			if e.Kind == ir.EpiAdd || e.Kind == ir.EpiProject {
				at[op.Out] = max(at[op.Out], at[e.Arg]+1)
			}
		}
	}
	named := map[string]int{}
	for _, list := range [][]ir.Output{g.Outputs, g.Taps} {
		for _, o := range list {
			named[o.Name] = at[o.Value]
		}
	}
	return named
}

func lower(t *testing.T, source string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return suite.Fuse(t, g)
}
