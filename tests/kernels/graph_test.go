package kernels

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// grapher builds a fused graph op by op.
type grapher struct{ g *ir.Graph }

func newGrapher(name string, in ir.Shape) *grapher {
	b := &grapher{&ir.Graph{Name: name, Input: ir.Input{
		Shape: in, Scale: 1, Mean: make([]float64, in.C), Std: make([]float64, in.C),
	}}}
	for i := range b.g.Input.Std {
		b.g.Input.Std[i] = 1
	}
	b.g.AddValue("input", in)
	return b
}

func (b *grapher) shape(v ir.ValueID) ir.Shape { return b.g.Values[v].Shape }

func (b *grapher) op(a ir.Attr, in ir.ValueID, out ir.Shape, epi []ir.EpiStep) ir.ValueID {
	name := fmt.Sprintf("op%d", len(b.g.Ops))
	v := b.g.AddValue(name, out)
	b.g.Ops = append(b.g.Ops, ir.Op{Name: name, Attr: a, In: []ir.ValueID{in}, Out: v, Epi: epi})
	return v
}

// conv adds a convolution. It has a bias, or a batch norm, where its epilogue
// starts with one.
func (b *grapher) conv(in ir.ValueID, out int, w ir.Window, norm bool, epi ...ir.EpiStep) ir.ValueID {
	name := fmt.Sprintf("op%d", len(b.g.Ops))
	c := ir.Conv{Window: w, Out: out, Bias: ir.NoParam}
	c.Weight = b.g.AddParam(name+".weight", out, b.shape(in).C, w.T.Kernel, w.H.Kernel, w.W.Kernel)
	if len(epi) > 0 && epi[0].Kind == ir.EpiBias {
		if !norm {
			c.Bias = b.g.AddParam(name+".bias", out)
		} else {
			c.Norm = &ir.BatchNorm{
				Gamma: b.g.AddParam(name+".bn.weight", out), Beta: b.g.AddParam(name+".bn.bias", out),
				Mean: b.g.AddParam(name+".bn.running_mean", out), Var: b.g.AddParam(name+".bn.running_var", out),
				Epsilon: suite.Epsilon,
			}
		}
	}
	return b.op(c, in, w.Out(b.shape(in), out), epi)
}

func (b *grapher) pool(in ir.ValueID, p ir.Pool) ir.ValueID {
	return b.op(p, in, p.OutShape(b.shape(in)), nil)
}

// done ends the graph with a maximum over all pixels of a value and a linear
// layer, and makes everything else readable.
func (b *grapher) done(v ir.ValueID, classes int) *ir.Graph {
	s := b.shape(v)
	all := func(n int) ir.Axis { return ir.Axis{Kernel: n, Stride: n} }
	v = b.pool(v, ir.Pool{Window: ir.Window{T: all(s.T), H: all(s.H), W: all(s.W)}})
	b.g.Outputs = append(b.g.Outputs, ir.Output{Name: "features", Value: v})
	l := ir.Linear{Out: classes, Weight: b.g.AddParam("fc.weight", classes, s.C), Bias: b.g.AddParam("fc.bias", classes)}
	v = b.op(l, v, ir.Shape{T: 1, H: 1, W: 1, C: classes}, []ir.EpiStep{{Kind: ir.EpiBias}})
	b.g.Outputs = append(b.g.Outputs, ir.Output{Name: "logits", Value: v})
	return b.g
}

func axis(kernel, stride, pad int) ir.Axis { return ir.Axis{Kernel: kernel, Stride: stride, Pad: pad} }
