package cuda

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// pairedNets have a pool over pairs of frames, whose maps have odd sides, so that
// tiles hang over their edges.
var pairedNets = []struct {
	name, source string
	precision    cuda.Precision
	alone        bool // every layer in a kernel of its own
	steps        int  // of the region that ends in the pool
}{
	{"A projects", behindBlock("3x6x7x5", "A", 24, 1), cuda.FP16, false, 4},
	{"B projects", behindBlock("3x4x9x3", "B", 40, 1), cuda.TF32, false, 4},
	{"C projects", behindBlock("3x2x5x11", "C", 17, 2), cuda.BF16, false, 4},
	{"A adds", behindBlock("3x6x7x5", "A", 10, 1), cuda.BF16, false, 4},
	{"B adds", behindBlock("3x4x9x3", "B", 10, 1), cuda.FP32, false, 4},
	{"C adds", behindBlock("3x2x5x11", "C", 10, 1), cuda.FP16, false, 4},
	{"alone, projects", behindBlock("3x6x7x5", "B", 33, 2), cuda.BF16, true, 1},
	{"alone, adds", behindBlock("3x8x3x5", "A", 10, 1), cuda.TF32, true, 1},
	{"a stem", behindConv("3x8x9x7", "3x3x3 stride 2x2x1", "max 2x1x1"), cuda.FP16, false, 1},
	{"a pixel", behindConv("3x12x1x1", "3x1x1", "max 2x1x1"), cuda.FP32, false, 1},
}

// behindBlock is a network of a block of a stage, which adds its input where its
// width is 10, and a pool.
func behindBlock(input, kind string, width, stride int) string {
	return fmt.Sprintf(`input rgb %s
    block bottleneck expansion 2 mix %s
    conv 20 kernel 1x1x1
    stage s width %d blocks 1 stride 1x%dx%d
    pool max 2x1x1 as pool
    pool max`, input, kind, width, stride, stride)
}

// behindConv is a network of a convolution and a pool.
func behindConv(input, conv, pool string) string {
	return fmt.Sprintf("input rgb %s\n    conv 40 kernel %s\n    pool %s as pool\n    pool max", input, conv, pool)
}

// TestPairs compares every value of small integers, which are exact in every
// precision, with the interpreter's, for one clip and for three.
func TestPairs(t *testing.T) {
	compiler(t)
	for _, n := range pairedNets {
		t.Run(n.name, func(t *testing.T) {
			t.Parallel()
			g := withNorms(t, "network paired {\n    "+n.source+"\n}", "pool")
			c := exactClips(t, g)
			fusion := ir.FuseAlways
			if n.alone {
				fusion = ir.FuseNever
			}
			plan, err := ir.ScheduleBlocks(g, n.precision.Machine(), fusion)
			if err != nil {
				t.Fatal(err)
			}
			steps := 0
			for i := range plan.Regions {
				r := &plan.Regions[i]
				if plan.Kernels[r.Steps[len(r.Steps)-1].Kernel].Block.Pairs {
					steps = len(r.Steps)
				}
			}
			if steps != n.steps {
				t.Errorf("the region that ends in the pool has %d steps, want %d\n%v", steps, n.steps, plan)
			}
			b := prepare(t, plan, n.precision, c.weights)
			compile(t, b.dir, "main.cpp", "program")
			run := func(t *testing.T, by func(*testing.T, input) map[string][][]float32) {
				for _, clips := range []int{1, 3} {
					exactly(t, by(t, input{clips: clips, floats: c.floats[:clips*g.Input.Shape.Elems()]}), c.want)
				}
			}
			run(t, b.run)
			t.Run("PTX", func(t *testing.T) { run(t, b.runPTX) })
		})
	}
}

// exactly compares values with what they must be, clip by clip.
func exactly(t *testing.T, got map[string][][]float32, want []map[string][]float64) {
	t.Helper()
	for name, clips := range got {
		for clip, values := range clips {
			for i, x := range values {
				if y := want[clip][name][i]; float64(x) != y && !(math.IsNaN(float64(x)) && math.IsNaN(y)) {
					t.Fatalf("element %d of %s of clip %d of %d is %v, want %v", i, name, clip, len(clips), x, y)
				}
			}
		}
	}
}

// exactClips returns weights and three clips of which every value is an integer
// that all precisions have, or follows from a pixel that is no number.
func exactClips(t *testing.T, g *ir.Graph) *comparison {
	t.Helper()
	const most = 1 << 8 // bf16 has 8 bits
search:
	for seed := range uint64(1000) {
		n, _, err := suite.Exact(g.Name, g, ir.ScheduleOptions{}, seed)
		if err != nil {
			continue
		}
		c := &comparison{weights: n.Weights}
		for clip := range 3 {
			x := slices.Concat(n.Clip[clip*7:], n.Clip[:clip*7])
			values, err := ir.Interpret(suite.TapAll(g), n.Weights, x)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				if slices.ContainsFunc(v, func(x float64) bool { return math.Abs(x) > most }) {
					continue search
				}
			}
			// Windows over time reach one more frame: in one clip only the second of a
			// pair is no number, in one only the first.
			if s := g.Input.Shape; clip > 0 {
				x[min(clip, s.T-1)*s.H*s.W] = float32(math.NaN())
			}
			if values, err = ir.Interpret(g, n.Weights, x); err != nil {
				t.Fatal(err)
			}
			c.floats, c.want = append(c.floats, x...), append(c.want, values)
		}
		return c
	}
	t.Fatalf("%s has no exact data", g.Name)
	return nil
}
