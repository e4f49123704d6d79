package cuda

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/draw"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

var (
	drawnCount = flag.Int("n", 3, "number of random networks")
	drawnSeed  = flag.Uint64("seed", 1, "seed of the first random network; the others follow")
)

// TestDrawn runs random networks on small integers, whose every sum is exact, in
// float32, whose three products of tf32 are exact, too: every value must be equal
// to the interpreter's. For more than the usual ones:
//
//	go test ./tests/cuda -run Drawn -args -n 100 -seed 1000
func TestDrawn(t *testing.T) {
	compiler(t)
	for seed, found := *drawnSeed, 0; found < *drawnCount; seed++ {
		n, want, err := drawn(t, seed)
		if err != nil {
			continue // an average that rounds, a softmax or values that grow too large
		}
		found++
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			defer func() {
				if t.Failed() {
					t.Log(n.Graph)
				}
			}()
			b := prepare(t, plan(t, n.Graph, cuda.FP32), cuda.FP32, n.Weights)
			compile(t, b.dir, "main.cpp", "program")
			in, exact := input{clips: 1, floats: n.Clip}, []map[string][]float64{want}
			exactly(t, b.run(t, in), exact)
			t.Run("PTX", func(t *testing.T) { exactly(t, b.runPTX(t, in), exact) })
		})
	}
}

// drawn returns the network of a seed, and what it should compute. The error says
// why no data of it is exact.
func drawn(t *testing.T, seed uint64) (*suite.Net, map[string][]float64, error) {
	t.Helper()
	text, taps := draw.Text(rand.New(rand.NewPCG(seed, 1))), []string{""}
	if seed%2 == 0 {
		taps = nil // as in packages, of which more is in one kernel
	}
	return suite.Exact(fmt.Sprintf("drawn%d", seed), withNorms(t, text, taps...), ir.ScheduleOptions{}, seed)
}

// withNorms returns a fused graph whose batch norms multiply by one, with these of
// its taps, or all with "".
func withNorms(t *testing.T, source string, taps ...string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = slices.DeleteFunc(g.Taps, func(o ir.Output) bool { return !slices.Contains(taps, "") && !slices.Contains(taps, o.Name) })
	suite.ExactNorms(g)
	return suite.Fuse(t, g)
}
