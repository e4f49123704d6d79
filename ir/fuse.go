package ir

import "slices"

// fuseEpilogues turns each ReLU and each Add into an epilogue step of the
// convolution or linear layer whose result it reads, where nothing else reads
// that result. Of an Add's two operands the one computed later takes the
// step. The fused op moves to the place of the one it absorbs, where all that
// either reads has been computed.
func fuseEpilogues(g *Graph) (*Graph, error) {
	g = g.Clone()
	f := fuser{uses: g.uses(), producer: map[ValueID]int{}}
	for _, op := range g.Ops {
		f.op(op)
	}
	g.Ops = slices.DeleteFunc(f.ops, func(op Op) bool { return op.Attr == nil })
	return g, nil
}

type fuser struct {
	uses     []int
	producer map[ValueID]int // index into ops
	ops      []Op            // an op that moved on leaves one without Attr behind
}

// op appends op, or the op that absorbs it.
func (f *fuser) op(op Op) {
	var step EpiStep
	switch op.Attr.(type) {
	case ReLU:
		step.Kind = EpiReLU
	case Add:
		step.Kind = EpiAdd
	default:
		f.put(op)
		return
	}
	operand, host := f.host(op.In)
	if host < 0 {
		f.put(op)
		return
	}
	if step.Kind == EpiAdd {
		step.Arg, step.Every = op.In[1-operand], NoSkip
	}
	fused := f.ops[host]
	f.ops[host] = Op{}
	fused.Epi = append(append(fused.Epi, step), op.Epi...)
	fused.Out = op.Out
	f.put(fused)
}

func (f *fuser) put(op Op) {
	f.producer[op.Out] = len(f.ops)
	f.ops = append(f.ops, op)
}

// host returns which of the values in comes last from an op that can absorb
// its only reader, and that op's index; -1 where none does.
func (f *fuser) host(in []ValueID) (operand, index int) {
	index = -1
	for i, v := range in {
		p, ok := f.producer[v]
		if !ok || p <= index || f.uses[v] != 1 {
			continue
		}
		switch f.ops[p].Attr.(type) {
		case Conv, Linear:
			operand, index = i, p
		}
	}
	return operand, index
}
