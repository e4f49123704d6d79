package weights

import (
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// Temporal says with what a temporal convolution begins, of which a network for
// images knows nothing. Its batch norm begins as the identity in any case.
type Temporal int

const (
	// TemporalExact leaves a block what it is on images: the identity where
	// the next layer reads T alone, as in block A, and zero where T is added
	// to what the block computes without it, as in blocks B and C.
	TemporalExact Temporal = iota
	// TemporalIdentity lets each frame through as it is.
	TemporalIdentity
	// TemporalZero lets nothing through.
	TemporalZero
)

// temporalParams returns the values of all parameters that belong to temporal
// convolutions: their weights and biases, and those of the batch norms behind
// them.
func temporalParams(g *ir.Graph, temporal Temporal) (map[ir.ParamID][]float32, error) {
	made := map[ir.ParamID][]float32{}
	for i := range g.Ops {
		op := &g.Ops[i]
		conv, ok := op.Attr.(ir.Conv)
		if !ok || conv.T.Kernel == 1 {
			continue
		}
		if conv.H.Kernel != 1 || conv.W.Kernel != 1 {
			return nil, fmt.Errorf("%s is a convolution in space and time at once, which no layer of a network for images becomes", op.Name)
		}
		norm := consumer[ir.BatchNorm](g, op.Out)
		identity := temporal == TemporalIdentity || temporal == TemporalExact && !isSummed(g, op.Out, norm)
		weight := g.Params[conv.Weight]
		if identity && weight.Shape[0] != weight.Shape[1] {
			return nil, fmt.Errorf("%s has %d input and %d output channels, so that it cannot begin as the identity",
				op.Name, weight.Shape[1], weight.Shape[0])
		}
		made[conv.Weight] = make([]float32, weight.Elems())
		if identity {
			for c := range weight.Shape[0] {
				made[conv.Weight][(c*weight.Shape[1]+c)*conv.T.Kernel+conv.T.Kernel/2] = 1
			}
		}
		if conv.Bias != ir.NoParam {
			made[conv.Bias] = make([]float32, conv.Out)
		}
		if norm != nil {
			identityNorm(made, norm.Attr.(ir.BatchNorm), conv.Out)
		}
	}
	return made, nil
}

// identityNorm gives a batch norm's parameters values with which it changes
// nothing: folded in float64 and rounded to float32, a scale of 1 is 1 again.
func identityNorm(made map[ir.ParamID][]float32, norm ir.BatchNorm, channels int) {
	made[norm.Gamma] = slices.Repeat([]float32{1}, channels)
	made[norm.Var] = slices.Repeat([]float32{float32(1 - norm.Epsilon)}, channels)
	made[norm.Beta] = make([]float32, channels)
	made[norm.Mean] = make([]float32, channels)
}

// isSummed reports whether a temporal convolution's result is, behind its batch
// norm and its ReLU, one operand of a sum.
func isSummed(g *ir.Graph, out ir.ValueID, norm *ir.Op) bool {
	if norm != nil {
		out = norm.Out
	}
	relu := consumer[ir.ReLU](g, out)
	return relu != nil && consumer[ir.Add](g, relu.Out) != nil
}

// consumer returns an operation of a kind that reads a value, or nil.
func consumer[A ir.Attr](g *ir.Graph, v ir.ValueID) *ir.Op {
	for i := range g.Ops {
		if _, ok := g.Ops[i].Attr.(A); ok && slices.Contains(g.Ops[i].In, v) {
			return &g.Ops[i]
		}
	}
	return nil
}
