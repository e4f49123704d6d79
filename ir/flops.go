package ir

// Work is how much an op computes on one clip, and how many weights it reads
// for it.
type Work struct {
	// FLOPs is twice the multiply-adds of convolutions and linear layers,
	// taps on padding included: the count that papers and frameworks give.
	FLOPs int64
	// Executed is FLOPs without the taps on padding frames, which are skipped.
	// Padding in space is a border of zeros and multiplied like the rest.
	Executed int64
	// WeightBytes is the size of weight and bias in float32, batch norm folded.
	WeightBytes int64
}

// Plus returns the sum of both.
func (w Work) Plus(o Work) Work {
	return Work{w.FLOPs + o.FLOPs, w.Executed + o.Executed, w.WeightBytes + o.WeightBytes}
}

// Work returns what op, one of the graph's, computes. Elementwise ops, pools
// and elementwise steps of epilogues count as nothing.
func (g *Graph) Work(op *Op) Work {
	out := g.Values[op.Out].Shape
	sum := g.attrWork(op)
	for _, e := range op.Epi {
		if e.Kind == EpiProject {
			in := e.Every.of(g.Values[e.Arg].Shape)
			sum = sum.Plus(convWork(*e.Conv, in, out))
		}
	}
	return sum
}

func (g *Graph) attrWork(op *Op) Work {
	in, out := g.Values[op.In[0]].Shape, g.Values[op.Out].Shape
	switch a := op.Attr.(type) {
	case Conv:
		return convWork(a, in, out)
	case Linear:
		return convWork(a.asConv(), in, out)
	}
	return Work{}
}

func convWork(c Conv, in, out Shape) Work {
	channels := int64(in.C) * int64(out.C)
	w := Work{
		FLOPs:       2 * channels * int64(out.Pixels()) * int64(c.Taps()),
		Executed:    2 * channels * c.T.inside(in.T) * int64(out.H*c.H.Kernel) * int64(out.W*c.W.Kernel),
		WeightBytes: 4 * channels * int64(c.Taps()),
	}
	if hasBias(c) {
		w.WeightBytes += 4 * int64(out.C)
	}
	return w
}

// TotalWork returns the sum of Work over all ops.
func (g *Graph) TotalWork() Work {
	var sum Work
	for i := range g.Ops {
		sum = sum.Plus(g.Work(&g.Ops[i]))
	}
	return sum
}

// inside returns how many taps, over all output positions, fall on one of the
// n input elements.
func (a Axis) inside(n int) int64 {
	sum := 0
	for o := range a.Out(n) {
		lo, hi := a.Range(o, n)
		sum += hi - lo
	}
	return int64(sum)
}
