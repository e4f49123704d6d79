package ir

// narrowDemand computes only what is read. Where every reader of a value takes
// only each n-th frame, row or column, the value is made that much smaller: the
// op that computes it strides, its readers do not any more. Going backwards
// this carries a stride up through everything that is pointwise along its axis.
//
// In a residual network it reaches the last block of a stage: the next stage's
// first block reads every second row and column, in the reduction and in the
// projection, and a pool over time between them changes nothing. Only a quarter
// of the block's expanding, temporal and spatial convolutions is ever used.
func narrowDemand(g *Graph) (*Graph, error) {
	g = g.Clone()
	for i := len(g.Ops) - 1; i >= 0; i-- {
		op := &g.Ops[i]
		if n := g.demand(op.Out); n != NoSkip && g.canSkip(op, n) {
			g.skip(op, n)
		}
	}
	return g, nil
}

// demand returns the largest steps of which all readers' steps are multiples.
func (g *Graph) demand(v ValueID) Skip {
	var n Skip
	read := func(s Skip) { n = Skip{gcd(n.T, s.T), gcd(n.H, s.H), gcd(n.W, s.W)} }
	for i := range g.Ops {
		op := &g.Ops[i]
		if op.In[0] == v {
			w := windowOf(op.Attr)
			read(Skip{w.T.skips(), w.H.skips(), w.W.skips()})
		}
		for _, in := range op.In[1:] {
			if in == v {
				read(NoSkip)
			}
		}
		for _, e := range op.Epi {
			if e.reads() && e.Arg == v {
				read(e.Every)
			}
		}
	}
	for _, outs := range [][]Output{g.Outputs, g.Taps} {
		for _, o := range outs {
			if o.Value == v {
				read(NoSkip)
			}
		}
	}
	if n == (Skip{}) {
		return NoSkip // nobody reads it
	}
	return n
}

// skips returns how far apart the elements are that a window reads.
func (a Axis) skips() int {
	if a.Kernel == 1 && a.Pad == 0 {
		return a.Stride
	}
	return 1
}

// canSkip reports whether an op can compute every n-th position of its result
// alone: by its stride, and not beyond where the result begins.
func (g *Graph) canSkip(op *Op, n Skip) bool {
	in, out := g.Values[op.In[0]].Shape, g.Values[op.Out].Shape
	switch a := op.Attr.(type) {
	case Conv:
		return n.stretch(a.Window).Out(in, out.C) == n.of(out)
	case Pool:
		a.Window = n.stretch(a.Window)
		return a.OutShape(in) == n.of(out)
	}
	return false
}

// skip makes an op compute every n-th position of its result, and the readers
// visit all of what is left.
func (g *Graph) skip(op *Op, n Skip) {
	op.Attr = withWindow(op.Attr, n.stretch)
	for i := range op.Epi {
		if e := &op.Epi[i]; e.reads() {
			e.Every = Skip{e.Every.T * n.T, e.Every.H * n.H, e.Every.W * n.W}
		}
	}
	out := &g.Values[op.Out]
	out.Shape, out.Narrowed = n.of(out.Shape), out.Narrowed || n.T > 1
	for i := range g.Ops {
		reader := &g.Ops[i]
		if reader.In[0] == op.Out {
			reader.Attr = withWindow(reader.Attr, n.shrink)
		}
		for j := range reader.Epi {
			if e := &reader.Epi[j]; e.reads() && e.Arg == op.Out {
				e.Every = Skip{e.Every.T / n.T, e.Every.H / n.H, e.Every.W / n.W}
			}
		}
	}
}

// windowOf returns an op's window; ops without one visit every position.
func windowOf(a Attr) Window {
	w := Window{Unit, Unit, Unit}
	withWindow(a, func(of Window) Window { w = of; return of })
	return w
}

// withWindow returns an attribute with its window, if it has one, changed.
func withWindow(a Attr, change func(Window) Window) Attr {
	switch a := a.(type) {
	case Conv:
		a.Window = change(a.Window)
		return a
	case Pool:
		a.Window = change(a.Window)
		return a
	}
	return a
}

// stretch makes a window's strides n times as long.
func (n Skip) stretch(w Window) Window {
	w.T.Stride *= n.T
	w.H.Stride *= n.H
	w.W.Stride *= n.W
	return w
}

// shrink divides a window's strides by n.
func (n Skip) shrink(w Window) Window {
	w.T.Stride /= n.T
	w.H.Stride /= n.H
	w.W.Stride /= n.W
	return w
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
