package ir

import "slices"

// foldBatchNorm gives each batch norm to the convolution it follows: the
// convolution's weights and bias take over its arithmetic. A convolution
// whose result is read elsewhere, or that already has a norm or a step after
// its bias, keeps its batch norm as an op.
func foldBatchNorm(g *Graph) (*Graph, error) {
	g = g.Clone()
	uses := g.uses()
	producer := map[ValueID]int{} // index into ops
	ops := g.Ops[:0]
	for _, op := range g.Ops {
		norm, ok := op.Attr.(BatchNorm)
		if ok && uses[op.In[0]] == 1 {
			if i, ok := producer[op.In[0]]; ok && absorbNorm(&ops[i], norm, &op) {
				producer[op.Out] = i
				continue
			}
		}
		producer[op.Out] = len(ops)
		ops = append(ops, op)
	}
	g.Ops = slices.Clip(ops)
	return g, nil
}

// absorbNorm folds norm, the attribute of the op after conv, into conv, and
// reports whether conv could take it.
func absorbNorm(conv *Op, norm BatchNorm, after *Op) bool {
	c, ok := conv.Attr.(Conv)
	if !ok || c.Norm != nil || len(after.Epi) > 0 {
		return false
	}
	if len(conv.Epi) > 1 || len(conv.Epi) == 1 && conv.Epi[0].Kind != EpiBias {
		return false
	}
	c.Norm = &norm
	conv.Attr = c
	conv.Epi = []EpiStep{{Kind: EpiBias}}
	conv.Out = after.Out
	return true
}
