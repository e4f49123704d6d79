package ir

import "slices"

// absorbProjections makes the projection of a block's shortcut a step of the
// pointwise convolution that it is added to: both sums of products become one,
// and the projected value is never stored.
func absorbProjections(g *Graph) (*Graph, error) {
	g = g.Clone()
	uses := g.uses()
	var absorbed []ValueID
	for i := range g.Ops {
		op := &g.Ops[i]
		at := absorbing(op)
		if at < 0 {
			continue
		}
		arg := op.Epi[at].Arg
		p := g.Producer(arg)
		if p == nil || uses[arg] != 1 || !projects(p) {
			continue
		}
		conv := p.Attr.(Conv).clone()
		every := Skip{conv.T.Stride, conv.H.Stride, conv.W.Stride}
		conv.Window = UnitWindow
		op.Epi[at] = EpiStep{Kind: EpiProject, Arg: p.In[0], Every: every, Conv: &conv}
		absorbed = append(absorbed, arg)
	}
	g.Ops = slices.DeleteFunc(g.Ops, func(op Op) bool { return slices.Contains(absorbed, op.Out) })
	return g, nil
}

// absorbing returns which step of a pointwise convolution adds all of a value
// directly behind the bias, and no other step reads one; or -1.
func absorbing(op *Op) int {
	conv, ok := op.Attr.(Conv)
	if !ok || conv.Taps() != 1 {
		return -1
	}
	at := slices.IndexFunc(op.Epi, EpiStep.reads)
	behind := 0
	if hasBias(conv) {
		behind = 1
	}
	if at != behind || op.Epi[at].Kind != EpiAdd || op.Epi[at].Every != NoSkip || slices.ContainsFunc(op.Epi[at+1:], EpiStep.reads) {
		return -1
	}
	return at
}

// projects reports whether an op is a pointwise convolution and no more.
func projects(op *Op) bool {
	conv, ok := op.Attr.(Conv)
	if !ok || conv.Taps() != 1 || conv.T.Pad+conv.H.Pad+conv.W.Pad > 0 {
		return false
	}
	return len(op.Epi) == 0 || len(op.Epi) == 1 && op.Epi[0].Kind == EpiBias
}
