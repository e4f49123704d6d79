package ir

import (
	"fmt"
	"strings"
)

// String dumps the graph, one op a line, in execution order:
//
//	graph p3d63: input 16x160x160x3 rgb
//	%1 conv1_custom 16x80x80x64 = conv 1x7x7/1x2x2/0x3x3 %0 w=conv1_custom.weight norm=bn1 | bias relu
//
// Windows print as kernel/stride/padding.
func (g *Graph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph %s: input %v %v\n", g.Name, g.Input.Shape, g.Input.Order)
	for i := range g.Ops {
		op := &g.Ops[i]
		fmt.Fprintf(&b, "%%%d %s %v = %s", op.Out, op.Name, g.Values[op.Out].Shape, g.attrString(op.Attr))
		for _, in := range op.In {
			fmt.Fprintf(&b, " %%%d", in)
		}
		for j, e := range op.Epi {
			if j == 0 {
				b.WriteString(" |")
			}
			fmt.Fprintf(&b, " %v", e.Kind)
			if e.reads() {
				fmt.Fprintf(&b, " %%%d", e.Arg)
				if e.Every != NoSkip {
					fmt.Fprintf(&b, "/%dx%dx%d", e.Every.T, e.Every.H, e.Every.W)
				}
			}
			if e.Conv != nil {
				b.WriteString(g.convParams(*e.Conv))
			}
		}
		b.WriteByte('\n')
	}
	for _, o := range g.Outputs {
		fmt.Fprintf(&b, "output %s = %%%d\n", o.Name, o.Value)
	}
	for _, o := range g.Taps {
		fmt.Fprintf(&b, "tap %s = %%%d\n", o.Name, o.Value)
	}
	return b.String()
}

func (g *Graph) attrString(a Attr) string {
	switch a := a.(type) {
	case Conv:
		return fmt.Sprintf("conv %v", a.Window) + g.convParams(a)
	case BatchNorm:
		return fmt.Sprintf("batchnorm gamma=%s eps=%g", g.paramName(a.Gamma), a.Epsilon)
	case ReLU:
		return "relu"
	case Add:
		return "add"
	case Pool:
		s := fmt.Sprintf("pool %v %v", a.Kind, a.Window)
		if a.Ceil {
			s += " ceil"
		}
		return s
	case Flatten:
		return "flatten"
	case Dropout:
		return fmt.Sprintf("dropout %g", a.Rate)
	case Linear:
		s := "linear w=" + g.paramName(a.Weight)
		if a.Bias != NoParam {
			s += " b=" + g.paramName(a.Bias)
		}
		return s
	case Softmax:
		return "softmax"
	}
	panic(fmt.Sprintf("BUG: attribute %T", a))
}

// convParams names a convolution's parameters.
func (g *Graph) convParams(c Conv) string {
	s := " w=" + g.paramName(c.Weight)
	if c.Bias != NoParam {
		s += " b=" + g.paramName(c.Bias)
	}
	if c.Norm != nil {
		s += " norm=" + g.paramName(c.Norm.Gamma)
	}
	return s
}

func (g *Graph) paramName(id ParamID) string {
	if id < 0 || int(id) >= len(g.Params) {
		return "?"
	}
	return g.Params[id].Name
}
