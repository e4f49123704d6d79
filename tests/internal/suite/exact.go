package suite

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Epsilon is that of batch norms that exact data passes: with a variance of 3.5
// and a gamma of 2 a batch norm multiplies by 2/sqrt(3.5+0.5) = 1, without
// rounding.
const Epsilon = 0.5

const (
	variance = 3.5
	gamma    = 2
)

// exactLimit is where integers stop being exact in float32.
const exactLimit = 1 << 24

// attempts is how many seeds are tried for data that is exact and not zero.
const attempts = 40

// Exact chooses integer weights and an integer clip for a fused graph, such that
// every sum in it is exact in float32 and every result has values that are not
// zero, and returns those results, too. Batch norms must have [Epsilon]. The
// error says what stands in the way of some graphs: an average that rounds, a
// softmax, or values that grow too large.
func Exact(name string, g *ir.Graph, o ir.ScheduleOptions, seed uint64) (*Net, map[string][]float64, error) {
	if why := rounds(g); why != "" {
		return nil, nil, fmt.Errorf("%s: no exact data: %s", name, why)
	}
	why := ""
	for i := range uint64(attempts) {
		n := &Net{Name: name, Graph: g, Schedule: o, Threads: []int{3}}
		// Half of the attempts spread the weights thinly, for deep networks.
		n.Weights, n.Clip = data(g, rand.New(rand.NewPCG(seed, i)), i >= attempts/2)
		want, err := ir.Interpret(TapAll(g), n.Weights, n.Clip)
		if err != nil {
			return nil, nil, err
		}
		if why = inexact(g, n.Weights, n.Clip, want); why != "" {
			continue
		}
		if want, err = ir.Interpret(g, n.Weights, n.Clip); err != nil {
			return nil, nil, err
		}
		if why = vacuous(want); why == "" {
			return n, want, nil
		}
	}
	return nil, nil, fmt.Errorf("%s: no exact data: %s", name, why)
}

// ExactNorms gives the batch norms of a graph before the passes [Epsilon].
func ExactNorms(g *ir.Graph) {
	for i := range g.Ops {
		if norm, ok := g.Ops[i].Attr.(ir.BatchNorm); ok {
			norm.Epsilon = Epsilon
			g.Ops[i].Attr = norm
		}
	}
}

// rounds says which op of a graph rounds whatever the data, "" if none does.
func rounds(g *ir.Graph) string {
	for i := range g.Ops {
		for _, e := range g.Ops[i].Epi {
			if e.Kind == ir.EpiProject && e.Conv.Norm != nil && e.Conv.Norm.Epsilon != Epsilon {
				return fmt.Sprintf("%s projects by a batch norm with epsilon %g", g.Ops[i].Name, e.Conv.Norm.Epsilon)
			}
		}
		switch a := g.Ops[i].Attr.(type) {
		case ir.Conv:
			if a.Norm != nil && a.Norm.Epsilon != Epsilon {
				return fmt.Sprintf("%s has a batch norm with epsilon %g", g.Ops[i].Name, a.Norm.Epsilon)
			}
		case ir.Pool:
			if a.Kind == ir.PoolAverage && AverageUnit(a, g.Values[g.Ops[i].In[0]].Shape) == 0 {
				return g.Ops[i].Name + " is an average of a number of values that is no power of two"
			}
		case ir.Softmax:
			return "softmax rounds"
		}
	}
	return ""
}

// data returns integer parameters and clip.
func data(g *ir.Graph, r *rand.Rand, thin bool) (weights map[string][]float32, clip []float32) {
	weights = map[string][]float32{}
	for _, p := range g.Params {
		w := make([]float32, p.Elems())
		switch {
		case p.Role == ir.RoleVariance || strings.HasSuffix(p.Name, "running_var"):
			fill(w, func() float32 { return variance })
		case len(p.Shape) > 1:
			weight(w, p.Shape[0], r, thin)
		case p.Role == ir.RoleGamma || p.Role == ir.RoleUnknown && strings.HasSuffix(p.Name, "weight"):
			fill(w, func() float32 { return gamma })
		case p.Role == ir.RoleMean || strings.HasSuffix(p.Name, "running_mean"):
			fill(w, func() float32 { return float32(r.IntN(4) - 2) })
		default:
			fill(w, func() float32 { return float32(r.IntN(5) - 1) })
		}
		weights[p.Name] = w
	}
	clip = make([]float32, g.Input.Shape.Elems())
	fill(clip, func() float32 { return float32(r.IntN(9) - 4) })
	return weights, clip
}

func fill(dst []float32, f func() float32) {
	for i := range dst {
		dst[i] = f()
	}
}

// weight gives each position of the window and each input channel a weight
// that is not zero in at least one output channel, so that all of them are
// read; as few as that, or the sums of a deep network would grow too large.
// Thin weights leave positions out.
func weight(w []float32, out int, r *rand.Rand, thin bool) {
	per := len(w) / out
	order := r.Perm(per)
	n := max(per, out, 2*out)
	if thin {
		n = min(n, 3*out)
	}
	for i := range n {
		w[i%out*per+order[i%per]] = float32(1 - 2*r.IntN(2))
	}
}

// inexact says which op of the graph may round in float32, "" if none does.
// The values are those of TapAll. A sum's partial sums, in whatever
// order, are at most the largest input times the sum of a channel's weights.
// Behind an average over 2^k positions values are multiples of 2^-k, and
// count in that unit.
func inexact(g *ir.Graph, weights map[string][]float32, clip []float32, values map[string][]float64) string {
	most := make([]float64, len(g.Values))
	unit := make([]float64, len(g.Values)) // what a value must be multiplied by to be an integer
	for _, x := range clip {
		most[0] = max(most[0], math.Abs(float64(x)))
	}
	unit[0] = 1
	for i := range g.Ops {
		op := &g.Ops[i]
		in := op.In[0]
		unit[op.Out] = unit[in]
		sum := most[in]
		switch a := op.Attr.(type) {
		case ir.Conv:
			w, b, err := ir.FoldConv(a, g, weights)
			if err != nil {
				return err.Error()
			}
			sum = most[in]*largestSum(w, a.Out) + largestSum(b, a.Out)
		case ir.Linear:
			sum = most[in]*largestSum64(weights[g.Params[a.Weight].Name], a.Out) + 8
		case ir.Pool:
			if a.Kind == ir.PoolAverage {
				sum *= float64(a.Taps())
				unit[op.Out] *= AverageUnit(a, g.Values[in].Shape)
			}
		}
		for _, e := range op.Epi {
			switch e.Kind {
			case ir.EpiAdd:
				sum += most[e.Arg]
				unit[op.Out] = max(unit[op.Out], unit[e.Arg])
			case ir.EpiProject:
				w, b, err := ir.FoldConv(*e.Conv, g, weights)
				if err != nil {
					return err.Error()
				}
				sum += most[e.Arg]*largestSum(w, e.Conv.Out) + largestSum(b, e.Conv.Out)
				unit[op.Out] = max(unit[op.Out], unit[e.Arg])
			}
		}
		if u := unit[op.Out]; u == 0 || sum*u >= exactLimit {
			return fmt.Sprintf("%s: values up to %g in units of 1/%g", op.Name, sum, u)
		}
		for _, x := range values[fmt.Sprintf("value%d", op.Out)] {
			most[op.Out] = max(most[op.Out], math.Abs(x))
		}
	}
	return ""
}

// largestSum is the largest sum of absolute weights of an output channel.
func largestSum(w []float64, out int) float64 {
	per, most := len(w)/out, 0.0
	for o := range out {
		sum := 0.0
		for _, x := range w[o*per : (o+1)*per] {
			sum += math.Abs(x)
		}
		most = max(most, sum)
	}
	return most
}

func largestSum64(w []float32, out int) float64 {
	w64 := make([]float64, len(w))
	for i, x := range w {
		w64[i] = float64(x)
	}
	return largestSum(w64, out)
}

// AverageUnit returns the largest count of an average's windows, or 0 where a
// count is no power of two, so that dividing by it rounds.
func AverageUnit(p ir.Pool, in ir.Shape) float64 {
	unit := 0
	out := p.OutShape(in)
	for t := range out.T {
		for h := range out.H {
			for w := range out.W {
				n := 1
				for _, a := range []struct{ lo, hi int }{span(p.T, t, in.T), span(p.H, h, in.H), span(p.W, w, in.W)} {
					n *= a.hi - a.lo
				}
				if n&(n-1) != 0 {
					return 0
				}
				unit = max(unit, n)
			}
		}
	}
	return float64(unit)
}

func span(a ir.Axis, o, n int) struct{ lo, hi int } {
	lo, hi := a.Range(o, n)
	return struct{ lo, hi int }{lo, hi}
}

// vacuous says which result shows nothing, "" if none does.
func vacuous(values map[string][]float64) string {
	for name, v := range values {
		zeros := 0
		for _, x := range v {
			if x == 0 {
				zeros++
			}
		}
		if zeros == len(v) {
			return name + " is all zero"
		}
	}
	return ""
}
