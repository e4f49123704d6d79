package onnx

import (
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// biases brings biases into the form that networks have: a convolution has
// either a bias or a batch norm, a linear layer a bias. One of zeros goes where
// a batch norm follows, and comes where nothing else adds to the sums; the
// results stay what they are.
func (in *importer) biases() {
	normed := map[ir.ValueID]bool{}
	for _, op := range in.g.Ops {
		if _, ok := op.Attr.(ir.BatchNorm); ok {
			normed[op.In[0]] = true
		}
	}
	for i := range in.g.Ops {
		op := &in.g.Ops[i]
		switch a := op.Attr.(type) {
		case ir.Conv:
			switch {
			case normed[op.Out] && a.Bias != ir.NoParam && in.isZero(a.Bias):
				a.Bias, op.Epi = ir.NoParam, nil
			case !normed[op.Out] && a.Bias == ir.NoParam:
				a.Bias, op.Epi = in.zeros(a.Out), []ir.EpiStep{{Kind: ir.EpiBias}}
			}
			op.Attr = a
		case ir.Linear:
			if a.Bias == ir.NoParam {
				a.Bias, op.Epi = in.zeros(a.Out), []ir.EpiStep{{Kind: ir.EpiBias}}
			}
			op.Attr = a
		}
	}
}

func (in *importer) isZero(id ir.ParamID) bool {
	return !slices.ContainsFunc(in.weights[in.g.Params[id].Name], func(v float32) bool { return v != 0 })
}

// zeros appends a bias of zeros.
func (in *importer) zeros(n int) ir.ParamID {
	name := in.freeName(fmt.Sprintf("bias %d", len(in.g.Params)))
	in.weights[name] = make([]float32, n)
	return in.g.AddParam(name, n)
}
