package ir

import "slices"

// Params lists the parameters that a function has, in one order for all of a
// kind.
func Params(a Attr) []ParamID {
	var ids []ParamID
	switch a := a.(type) {
	case Conv:
		ids = []ParamID{a.Weight, a.Bias}
		if a.Norm != nil {
			ids = append(ids, Params(*a.Norm)...)
		}
	case BatchNorm:
		ids = []ParamID{a.Gamma, a.Beta, a.Mean, a.Var}
	case Linear:
		ids = []ParamID{a.Weight, a.Bias}
	}
	return slices.DeleteFunc(ids, func(id ParamID) bool { return id == NoParam })
}

// OpParams returns how many trained values an op, one of the graph's, has.
func (g *Graph) OpParams(op *Op) int {
	ids := Params(op.Attr)
	for _, e := range op.Epi {
		if e.Conv != nil {
			ids = append(ids, Params(*e.Conv)...)
		}
	}
	n := 0
	for _, id := range ids {
		n += g.Params[id].Elems()
	}
	return n
}
