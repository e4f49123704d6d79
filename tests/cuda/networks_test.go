package cuda

import (
	"fmt"
	"math"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// networks are small, with each kind of block. Sides are odd and unequal, so
// that ragged tiles and a mix-up of axes show.
var networks = []struct{ name, source string }{
	{"mixed", `network mixed {
    input rgb 3x6x27x21
    block bottleneck expansion 2 mix A B C
    conv 24 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 pad 0x1x1 as pool1
    stage res2 width 20 blocks 3 then pool average 2x3x3 stride 1x1x1 pad 1x1x1 as middle
    stage res3 width 24 blocks 3 stride 1x2x2 then pool max 2x2x2 ceil
    stage res4 width 33 blocks 1 flat
    pool average
    linear 19
    softmax
}`},
}

// TestNetworks compares every value of every network with the interpreter.
func TestNetworks(t *testing.T) {
	for _, n := range networks {
		g := lower(t, n.source)
		values := weights.Synthetic(g.Params)
		clips := 3
		in := input{clips: clips}
		var want []map[string][]float64
		for clip := range clips {
			x := weights.SyntheticClip(clips * g.Input.Shape.Elems())[clip*g.Input.Shape.Elems():][:g.Input.Shape.Elems()]
			in.floats = append(in.floats, x...)
			r, err := ir.Interpret(g, values, x)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, r)
		}
		depths := depths(g)
		for _, p := range cuda.Precisions() {
			t.Run(fmt.Sprintf("%s/%v", n.name, p), func(t *testing.T) {
				t.Parallel()
				b := build(t, g, p, values)
				for _, clips := range []int{1, 3} {
					got := b.run(t, input{clips: clips, floats: in.floats[:clips*g.Input.Shape.Elems()]})
					check(t, b, got, want, depths)
				}
			})
		}
	}
}

func check(t *testing.T, b *program, got map[string][][]float32, want []map[string][]float64, depths map[string]int) {
	t.Helper()
	worst := 0.0
	for name, clips := range got {
		for i, values := range clips {
			d, most := suite.Distance(values, want[i][name]), tolerance(b.precision, depths[name])
			worst = max(worst, d/most)
			if !(d <= most) {
				t.Errorf("%s of clip %d of %d is off by %.3g (relative L2), at most %.3g expected behind %d layers", name, i, len(clips), d, most, depths[name])
			}
		}
	}
	t.Logf("%d clips: at worst %.2g of the tolerance", len(got), worst)
}

func tolerance(p cuda.Precision, depth int) float64 {
	unit := map[cuda.Precision]float64{cuda.BF16: 0x1p-9, cuda.FP16: 0x1p-12, cuda.TF32: 0x1p-12, cuda.FP32: 0x1p-22}[p]
	return 3 * unit * math.Sqrt(float64(depth))
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
