package ir

import "fmt"

// Pass is a named step from one graph to another that computes the same. Run
// leaves its argument as it is. An error of Run begins with the op's name.
type Pass struct {
	Name string
	Run  func(*Graph) (*Graph, error)
}

// Passes returns the pipeline that prepares a lowered graph for scheduling,
// in order. After it, every elementwise op that could join a convolution or a
// linear layer has become a step of its epilogue.
func Passes() []Pass {
	return []Pass{
		{"remove-dropout", removeDropout},
		{"absorb-flatten", absorbFlatten},
		{"fold-batch-norm", foldBatchNorm},
		{"fuse-epilogues", fuseEpilogues},
		{"absorb-projections", absorbProjections},
		{"narrow-demand", narrowDemand},
		{"remove-dead", removeDead},
	}
}

// RunPasses runs the passes in order and verifies the graph before the first
// and after every one. An error names the pass and the op.
func RunPasses(g *Graph, passes []Pass) (*Graph, error) {
	if err := g.Verify(); err != nil {
		return nil, fmt.Errorf("before the passes: %w", err)
	}
	for _, p := range passes {
		next, err := p.Run(g)
		if err != nil {
			return nil, fmt.Errorf("pass %s: %w", p.Name, err)
		}
		if err := next.Verify(); err != nil {
			return nil, fmt.Errorf("after pass %s: %w", p.Name, err)
		}
		g = next
	}
	return g, nil
}

// uses counts, for every value, the reads by ops and epilogues, and the
// outputs and taps that return it.
func (g *Graph) uses() []int {
	n := make([]int, len(g.Values))
	for i := range g.Ops {
		for _, in := range g.Ops[i].In {
			n[in]++
		}
		for _, e := range g.Ops[i].Epi {
			if e.reads() {
				n[e.Arg]++
			}
		}
	}
	for _, o := range g.Outputs {
		n[o.Value]++
	}
	for _, o := range g.Taps {
		n[o.Value]++
	}
	return n
}

// mapValues replaces every value that ops read or write and that the graph
// returns by f of it.
func (g *Graph) mapValues(f func(ValueID) ValueID) {
	for i := range g.Ops {
		op := &g.Ops[i]
		op.Out = f(op.Out)
		for j := range op.In {
			op.In[j] = f(op.In[j])
		}
		for j := range op.Epi {
			if op.Epi[j].reads() {
				op.Epi[j].Arg = f(op.Epi[j].Arg)
			}
		}
	}
	for i := range g.Outputs {
		g.Outputs[i].Value = f(g.Outputs[i].Value)
	}
	for i := range g.Taps {
		g.Taps[i].Value = f(g.Taps[i].Value)
	}
}
