package ir

import (
	"fmt"
	"math"
)

// FoldConv returns the weights and the bias that convolution c of graph g has
// in effect: its own with its batch norm, if it has one, worked in. w is Cout
// x Cin x KT x KH x KW, b one value a channel, all zero where c has neither
// bias nor norm. The arithmetic is float64. A parameter that weights lacks,
// or has with another number of values than g says, is an error that names
// it.
func FoldConv(c Conv, g *Graph, weights map[string][]float32) (w, b []float64, err error) {
	if w, err = g.param(c.Weight, weights); err != nil {
		return nil, nil, err
	}
	b = make([]float64, c.Out)
	if c.Bias != NoParam {
		if b, err = g.param(c.Bias, weights); err != nil {
			return nil, nil, err
		}
	}
	if c.Norm == nil {
		return w, b, nil
	}
	scale, shift, err := foldNorm(*c.Norm, g, weights)
	if err != nil {
		return nil, nil, err
	}
	per := len(w) / c.Out
	for o := range c.Out {
		for i := o * per; i < (o+1)*per; i++ {
			w[i] *= scale[o]
		}
		b[o] = b[o]*scale[o] + shift[o]
	}
	return w, b, nil
}

// foldNorm returns batch norm n as one multiplication and one addition a
// channel: y = x·scale + shift.
func foldNorm(n BatchNorm, g *Graph, weights map[string][]float32) (scale, shift []float64, err error) {
	var p [4][]float64
	for i, id := range []ParamID{n.Gamma, n.Beta, n.Mean, n.Var} {
		if p[i], err = g.param(id, weights); err != nil {
			return nil, nil, err
		}
	}
	scale, shift = p[0], p[1]
	mean, variance := p[2], p[3]
	for i := range scale {
		scale[i] /= math.Sqrt(variance[i] + n.Epsilon)
		shift[i] -= mean[i] * scale[i]
	}
	return scale, shift, nil
}

// asConv returns the linear layer as the convolution that it is on a 1x1x1
// value.
func (l Linear) asConv() Conv {
	return Conv{Window: Window{Unit, Unit, Unit}, Out: l.Out, Weight: l.Weight, Bias: l.Bias}
}

// param returns a fresh copy of parameter id's values.
func (g *Graph) param(id ParamID, weights map[string][]float32) ([]float64, error) {
	p := g.Params[id]
	src, ok := weights[p.Name]
	if !ok {
		return nil, fmt.Errorf("parameter %s is missing from the weights", p.Name)
	}
	if len(src) != p.Elems() {
		return nil, fmt.Errorf("parameter %s has %d values, needs %d (shape %v)", p.Name, len(src), p.Elems(), p.Shape)
	}
	dst := make([]float64, len(src))
	for i, x := range src {
		dst[i] = float64(x)
	}
	return dst, nil
}
