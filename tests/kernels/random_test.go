package kernels

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

var (
	randomCount = flag.Int("n", 40, "number of random networks")
	randomSeed  = flag.Uint64("seed", 1, "seed of the first random network; the others follow")
)

// batch is how many random networks share a program.
const batch = 50

// TestRandom runs random networks. For more than the usual ones:
//
//	go test ./tests/kernels -run Random -args -n 500 -seed 1000
func TestRandom(t *testing.T) {
	count := *randomCount
	if testing.Short() {
		count = min(count, 10)
	}
	for first := 0; first < count; first += batch {
		var nets []*suite.Net
		want, sources := wanted{}, map[*suite.Net]string{}
		for i := first; i < min(first+batch, count); i++ {
			n, w, source := randomNet(t, *randomSeed+uint64(i))
			nets = append(nets, n)
			want[n], sources[n] = w, source
		}
		check(t, nets, want, sources)
	}
}

// randomNet returns the random network of a seed, what the interpreter
// computes for it, and its description.
func randomNet(t *testing.T, seed uint64) (*suite.Net, map[string][]float64, string) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	source := describe(r)
	g := lower(t, source)
	if average := strings.Replace(source, headPool, "pool average", 1); r.IntN(2) == 0 && averages(lower(t, average)) {
		source, g = average, lower(t, average)
	}
	if c := 1 + r.IntN(4); r.IntN(3) == 0 && inputChannels(g, c) {
		source = fmt.Sprintf("# with %d input channels\n%s", c, source)
	}
	if r.IntN(2) == 0 {
		g = suite.TapAll(g)
	}
	mode := fusions[r.IntN(len(fusions))]
	source = fmt.Sprintf("# seed %d, fusion %s, %d taps\n%s", seed, mode.name, len(g.Taps), source)
	n, want, err := makeNet(fmt.Sprintf("r%d", seed), g, ir.ScheduleOptions{Fusion: mode.mode, Winograd: ir.WinogradNever}, seed, source)
	if err != nil {
		t.Fatal(err)
	}
	return n, want, source
}

// pick returns one of the values.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// headPool is the pool over all pixels that ends a random network. An average
// would round unless its count is a power of two.
const headPool = "pool max # head"

// averages reports whether the average over all pixels that ends a network is
// exact.
func averages(g *ir.Graph) bool {
	for i := range g.Ops {
		if p, ok := g.Ops[i].Attr.(ir.Pool); ok && p.Kind == ir.PoolAverage {
			return averageUnit(p, g.Values[g.Ops[i].In[0]].Shape) != 0
		}
	}
	return false
}

// describe writes a random network. A layer that does not fit on what is left
// is taken back.
func describe(r *rand.Rand) string {
	order, channels := "rgb", 3
	if r.IntN(3) == 0 {
		order, channels = "flow", 2
	}
	mix := ""
	for range 1 + r.IntN(3) {
		mix += " " + pick(r, "A", "B", "C")
	}
	lines := []string{
		fmt.Sprintf("input %s %dx%dx%dx%d", order, channels, 1+r.IntN(9), 1+r.IntN(23), 1+r.IntN(23)),
		fmt.Sprintf("block bottleneck expansion %d mix%s", pick(r, 1, 2, 4, 3), mix),
		fmt.Sprintf("batchnorm epsilon %g", epsilon),
	}
	lines = try(lines, func() string { return randomConv(r) })
	if r.IntN(3) > 0 {
		lines = try(lines, func() string { return randomPool(r) })
	}
	for i := range 1 + r.IntN(3) {
		lines = try(lines, func() string { return randomStage(r, i) })
		if r.IntN(3) == 0 {
			lines = try(lines, func() string { return randomPool(r) })
		}
	}
	lines = append(lines, headPool)
	if r.IntN(4) > 0 {
		lines = append(lines, "dropout 0.5", fmt.Sprintf("linear %d", pick(r, 1, 5, 16, 33)))
	}
	return text(lines)
}

func text(lines []string) string {
	return "network net {\n    " + strings.Join(lines, "\n    ") + "\n}\n"
}

// try adds a line that the network so far can take, or none.
func try(lines []string, line func() string) []string {
	for range 5 {
		longer := append(lines[:len(lines):len(lines)], line())
		n, err := dsl.Parse("net.p3d", []byte(text(append(longer[:len(longer):len(longer)], "pool max"))))
		if err == nil && dsl.Check(n) == nil {
			return longer
		}
	}
	return lines
}

func randomConv(r *rand.Rand) string {
	k := pick(r, [3]int{1, 7, 7}, [3]int{1, 3, 3}, [3]int{3, 3, 3}, [3]int{1, 1, 1}, [3]int{3, 7, 7}, [3]int{3, 1, 1}, [3]int{2, 4, 3})
	s := fmt.Sprintf("conv %d kernel %dx%dx%d", pick(r, 16, 32, 8, 33, 5, 64), k[0], k[1], k[2])
	if r.IntN(2) == 0 {
		s += fmt.Sprintf(" stride %dx%dx%d", 1+r.IntN(2), 1+r.IntN(3), 1+r.IntN(3))
	}
	if r.IntN(3) == 0 {
		s += fmt.Sprintf(" pad %dx%dx%d", r.IntN(k[0]), r.IntN(k[1]), r.IntN(k[2]))
	}
	return s
}

func randomPool(r *rand.Rand) string {
	k := [3]int{1 + r.IntN(2), 1 + r.IntN(3), 1 + r.IntN(3)}
	s := fmt.Sprintf("pool max %dx%dx%d stride %dx%dx%d", k[0], k[1], k[2], 1+r.IntN(2), 1+r.IntN(2), 1+r.IntN(2))
	if r.IntN(2) == 0 {
		s += fmt.Sprintf(" pad %dx%dx%d", r.IntN(k[0]), r.IntN(k[1]), r.IntN(k[2]))
	}
	return s + pick(r, "", " floor", " ceil")
}

func randomStage(r *rand.Rand, i int) string {
	flat := r.IntN(4) == 0
	s := fmt.Sprintf("stage res%d width %d blocks %d", i+2, pick(r, 4, 8, 16, 12, 17, 32), 1+r.IntN(2))
	if r.IntN(2) == 0 {
		t := 1 + r.IntN(2)
		if flat {
			t = 1
		}
		s += fmt.Sprintf(" stride %dx%dx%d", t, 1+r.IntN(2), 1+r.IntN(2))
	}
	if flat {
		s += " flat"
	}
	return s
}

// inputChannels gives a graph that reads its input by convolutions alone
// another number of input channels, and reports whether it could.
func inputChannels(g *ir.Graph, c int) bool {
	for i := range g.Ops {
		if _, ok := g.Ops[i].Attr.(ir.Conv); !ok && g.Ops[i].In[0] == 0 {
			return false
		}
	}
	for i := range g.Ops {
		if conv, ok := g.Ops[i].Attr.(ir.Conv); ok && g.Ops[i].In[0] == 0 {
			g.Params[conv.Weight].Shape[1] = c
		}
	}
	g.Input.Shape.C, g.Values[0].Shape.C = c, c
	g.Input.Mean, g.Input.Std = make([]float64, c), make([]float64, c)
	for i := range c {
		g.Input.Std[i] = 1
	}
	return true
}
