package card

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// Operator is all that the network has of one kind of operation.
type Operator struct {
	Name   string
	Count  int
	Params int
	FLOPs  int64
	// ParamsPart and FLOPsPart are parts of the network's, in percent.
	ParamsPart, FLOPsPart float64
}

// Operators lists the operations of the network as described, those that
// compute most first, then those that have the most parameters.
func (c *Card) Operators() []Operator {
	var all []Operator
	g := c.Graph
	for i := range g.Ops {
		op := &g.Ops[i]
		name := operator(op.Attr)
		at := slices.IndexFunc(all, func(o Operator) bool { return o.Name == name })
		if at < 0 {
			at = len(all)
			all = append(all, Operator{Name: name})
		}
		all[at].Count++
		all[at].Params += g.OpParams(op)
		all[at].FLOPs += g.FLOPs(op)
	}
	for i := range all {
		all[i].ParamsPart = percent(float64(all[i].Params), float64(g.NumParams()))
		all[i].FLOPsPart = percent(float64(all[i].FLOPs), float64(g.TotalFLOPs()))
	}
	slices.SortStableFunc(all, func(a, b Operator) int {
		return cmp.Or(cmp.Compare(b.FLOPs, a.FLOPs), cmp.Compare(b.Params, a.Params))
	})
	return all
}

// percent returns how much of a whole a part is.
func percent(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * part / whole
}

// operator names what an op does; convolutions of one extent are one operator.
func operator(a ir.Attr) string {
	switch a := a.(type) {
	case ir.Conv:
		return fmt.Sprintf("convolution %dx%dx%d", a.T.Kernel, a.H.Kernel, a.W.Kernel)
	case ir.BatchNorm:
		return "batch norm"
	case ir.ReLU:
		return "ReLU"
	case ir.Add:
		return "sum"
	case ir.Pool:
		return a.Kind.String() + " pool"
	case ir.Flatten:
		return "flatten"
	case ir.Dropout:
		return "dropout"
	case ir.Linear:
		return "linear"
	case ir.Softmax:
		return "softmax"
	}
	panic(fmt.Sprintf("BUG: a graph with %T", a))
}
