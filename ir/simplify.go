package ir

import "slices"

// removeDropout takes out dropout, which does nothing at inference: readers
// of its result read its operand.
func removeDropout(g *Graph) (*Graph, error) {
	g = g.Clone()
	same := make([]ValueID, len(g.Values)) // same[v] holds what v holds
	for i := range same {
		same[i] = ValueID(i)
	}
	g.Ops = slices.DeleteFunc(g.Ops, func(op Op) bool {
		if _, ok := op.Attr.(Dropout); !ok || len(op.Epi) > 0 {
			return false
		}
		same[op.Out] = same[op.In[0]]
		return true
	})
	g.mapValues(func(v ValueID) ValueID { return same[v] })
	return g, nil
}

// removeDead takes out ops whose result nothing reads, values without an op
// and parameters without a reader, and numbers the rest afresh, values in
// execution order.
func removeDead(g *Graph) (*Graph, error) {
	g = g.Clone()
	removeDeadOps(g)
	removeDeadValues(g)
	removeDeadParams(g)
	return g, nil
}

func removeDeadOps(g *Graph) {
	uses := g.uses()
	live := make([]bool, len(g.Ops))
	for i := len(g.Ops) - 1; i >= 0; i-- {
		op := &g.Ops[i]
		if live[i] = uses[op.Out] > 0; live[i] {
			continue
		}
		for _, in := range op.In {
			uses[in]--
		}
		for _, e := range op.Epi {
			if e.reads() {
				uses[e.Arg]--
			}
		}
	}
	ops := g.Ops[:0]
	for i, op := range g.Ops {
		if live[i] {
			ops = append(ops, op)
		}
	}
	g.Ops = slices.Clip(ops)
}

func removeDeadValues(g *Graph) {
	renamed := make([]ValueID, len(g.Values))
	values := []Value{g.Values[0]}
	for i := range g.Ops {
		out := g.Ops[i].Out
		renamed[out] = ValueID(len(values))
		values = append(values, g.Values[out])
	}
	g.Values = values
	g.mapValues(func(v ValueID) ValueID { return renamed[v] })
}

func removeDeadParams(g *Graph) {
	used := make([]bool, len(g.Params))
	g.mapParams(func(p ParamID) ParamID { used[p] = true; return p })
	renamed := make([]ParamID, len(g.Params))
	var params []Param
	for i, p := range g.Params {
		if used[i] {
			renamed[i] = ParamID(len(params))
			params = append(params, p)
		}
	}
	g.Params = params
	g.mapParams(func(p ParamID) ParamID { return renamed[p] })
}

// mapParams replaces every parameter that an op has by f of it.
func (g *Graph) mapParams(f func(ParamID) ParamID) {
	optional := func(p ParamID) ParamID {
		if p == NoParam {
			return p
		}
		return f(p)
	}
	norm := func(n BatchNorm) BatchNorm {
		n.Gamma, n.Beta, n.Mean, n.Var = f(n.Gamma), f(n.Beta), f(n.Mean), f(n.Var)
		return n
	}
	conv := func(c Conv) Conv {
		c.Weight, c.Bias = f(c.Weight), optional(c.Bias)
		if c.Norm != nil {
			n := norm(*c.Norm)
			c.Norm = &n
		}
		return c
	}
	for i := range g.Ops {
		for j, e := range g.Ops[i].Epi {
			if e.Conv != nil {
				c := conv(*e.Conv)
				g.Ops[i].Epi[j].Conv = &c
			}
		}
		switch a := g.Ops[i].Attr.(type) {
		case Conv:
			g.Ops[i].Attr = conv(a)
		case BatchNorm:
			g.Ops[i].Attr = norm(a)
		case Linear:
			a.Weight, a.Bias = f(a.Weight), optional(a.Bias)
			g.Ops[i].Attr = a
		}
	}
}
