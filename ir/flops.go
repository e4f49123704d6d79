package ir

// FLOPs returns what op, one of the graph's, computes on one clip: twice the
// multiply-adds of convolutions and linear layers as if computed directly, taps
// on padding included, the count that papers and frameworks give. Elementwise
// ops, pools and elementwise steps of epilogues count as nothing. What a plan
// really does is [Plan.RegionWork].
func (g *Graph) FLOPs(op *Op) int64 {
	out := g.Values[op.Out].Shape
	sum := g.attrFLOPs(op)
	for _, e := range op.Epi {
		if e.Kind == EpiProject {
			sum += convFLOPs(*e.Conv, g.Values[e.Arg].Shape.C, out)
		}
	}
	return sum
}

func (g *Graph) attrFLOPs(op *Op) int64 {
	in, out := g.Values[op.In[0]].Shape, g.Values[op.Out].Shape
	switch a := op.Attr.(type) {
	case Conv:
		return convFLOPs(a, in.C, out)
	case Linear:
		return convFLOPs(a.asConv(), in.C, out)
	}
	return 0
}

func convFLOPs(c Conv, in int, out Shape) int64 {
	return 2 * int64(in) * int64(c.Taps()) * int64(out.Elems())
}

// TotalFLOPs returns the sum of FLOPs over all ops.
func (g *Graph) TotalFLOPs() int64 {
	var sum int64
	for i := range g.Ops {
		sum += g.FLOPs(&g.Ops[i])
	}
	return sum
}
