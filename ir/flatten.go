package ir

// absorbFlatten makes a linear layer on a flattened map a convolution whose
// window is the whole map: their weights are the same in the same order. An
// output that is flattened is returned as the map that it was, which is read in
// that order anyway.
func absorbFlatten(g *Graph) (*Graph, error) {
	g = g.Clone()
	flat := map[ValueID]ValueID{} // from flattened values to what they were
	for i := range g.Ops {
		op := &g.Ops[i]
		switch a := op.Attr.(type) {
		case Flatten:
			if len(op.Epi) == 0 {
				flat[op.Out] = op.In[0]
			}
		case Linear:
			if of, ok := flat[op.In[0]]; ok {
				conv := a.asConv()
				conv.Window = wholeWindow(g.Values[of].Shape)
				op.Attr, op.In[0] = conv, of
			}
		}
	}
	for _, outs := range [][]Output{g.Outputs, g.Taps} {
		for i, o := range outs {
			if of, ok := flat[o.Value]; ok {
				outs[i].Value = of
			}
		}
	}
	return g, nil
}

// wholeWindow returns the window that is all of a map.
func wholeWindow(s Shape) Window {
	return Window{Axis{s.T, 1, 0}, Axis{s.H, 1, 0}, Axis{s.W, 1, 0}}
}
