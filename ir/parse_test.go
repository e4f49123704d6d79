package ir

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// parseGraph reads the text that Graph.String writes. What the text does not
// say is made up: the names of a batch norm's other parameters from that of
// gamma, a folded norm's epsilon, shapes of values that no op writes.
func parseGraph(t testing.TB, text string) *Graph {
	t.Helper()
	p := graphParser{g: &Graph{}, params: map[string]ParamID{}}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if err := p.line(strings.Fields(line)); err != nil {
			t.Fatalf("line %d: %s: %v", i+1, line, err)
		}
	}
	return p.g
}

type graphParser struct {
	g      *Graph
	params map[string]ParamID
}

func (p *graphParser) line(f []string) error {
	switch f[0] {
	case "graph":
		p.header(f)
	case "output":
		p.g.Outputs = append(p.g.Outputs, Output{f[1], p.value(f[3])})
	case "tap":
		p.g.Taps = append(p.g.Taps, Output{f[1], p.value(f[3])})
	default:
		return p.op(f)
	}
	return nil
}

func (p *graphParser) header(f []string) {
	s := parseShape(f[3])
	p.g.Name = strings.TrimSuffix(f[1], ":")
	p.g.Input = newBuilder("", s).g.Input
	for p.g.Input.Order.String() != f[4] {
		p.g.Input.Order++
	}
	p.g.Values = []Value{{Name: "input", Shape: s}}
}

// op parses "%1 name shape = attribute operands | epilogue".
func (p *graphParser) op(f []string) error {
	op := Op{Name: f[1], Out: p.value(f[0])}
	shape := parseShape(f[2])
	p.g.Values[op.Out] = Value{Name: op.Name, Shape: shape}
	f = f[4:]
	words := map[string]string{} // w=, b=, norm=, gamma=, eps=
	var plain []string
	for len(f) > 0 && f[0] != "|" {
		if k, v, ok := strings.Cut(f[0], "="); ok {
			words[k] = v
		} else if f[0][0] == '%' {
			op.In = append(op.In, p.value(f[0]))
		} else {
			plain = append(plain, f[0])
		}
		f = f[1:]
	}
	for i := 1; i < len(f); i++ {
		switch f[i] {
		case "bias":
			op.Epi = append(op.Epi, EpiStep{Kind: EpiBias})
		case "relu":
			op.Epi = append(op.Epi, EpiStep{Kind: EpiReLU})
		case "add":
			i++
			arg, every, skips := strings.Cut(f[i], "/")
			step := EpiStep{Kind: EpiAdd, Arg: p.value(arg), Every: NoSkip}
			if skips {
				if _, err := fmt.Sscanf(every, "%dx%dx%d", &step.Every.T, &step.Every.H, &step.Every.W); err != nil {
					return err
				}
			}
			op.Epi = append(op.Epi, step)
		case "project":
			i++
			arg, every, skips := strings.Cut(f[i], "/")
			step := EpiStep{Kind: EpiProject, Arg: p.value(arg), Every: NoSkip}
			if skips {
				if _, err := fmt.Sscanf(every, "%dx%dx%d", &step.Every.T, &step.Every.H, &step.Every.W); err != nil {
					return err
				}
			}
			words := map[string]string{}
			for i+1 < len(f) && strings.Contains(f[i+1], "=") {
				i++
				k, v, _ := strings.Cut(f[i], "=")
				words[k] = v
			}
			c := p.conv(UnitWindow, p.g.Values[step.Arg].Shape.C, shape.C, words)
			step.Conv = &c
			op.Epi = append(op.Epi, step)
		default:
			return fmt.Errorf("unknown step %s", f[i])
		}
	}
	in := p.g.Values[op.In[0]].Shape.C
	switch plain[0] {
	case "conv":
		op.Attr = p.conv(parseWindow(plain[1]), in, shape.C, words)
	case "linear":
		op.Attr = Linear{Out: shape.C, Weight: p.param(words["w"], shape.C, in), Bias: p.optional(words["b"], shape.C)}
	case "batchnorm":
		n := p.norm(words["gamma"], shape.C)
		n.Epsilon = mustFloat(words["eps"])
		op.Attr = n
	case "pool":
		a := Pool{Window: parseWindow(plain[2]), Ceil: len(plain) > 3}
		for a.Kind.String() != plain[1] {
			a.Kind++
		}
		op.Attr = a
	case "flatten":
		op.Attr = Flatten{}
	case "relu":
		op.Attr = ReLU{}
	case "add":
		op.Attr = Add{}
	case "dropout":
		op.Attr = Dropout{mustFloat(plain[1])}
	case "softmax":
		op.Attr = Softmax{}
	default:
		return fmt.Errorf("unknown op %s", plain[0])
	}
	p.g.Ops = append(p.g.Ops, op)
	return nil
}

// conv makes a convolution of the parameters that words name.
func (p *graphParser) conv(w Window, in, out int, words map[string]string) Conv {
	c := Conv{Window: w, Out: out, Bias: p.optional(words["b"], out),
		Weight: p.param(words["w"], out, in, w.T.Kernel, w.H.Kernel, w.W.Kernel)}
	if gamma, ok := words["norm"]; ok {
		n := p.norm(gamma, out)
		c.Norm = &n
	}
	return c
}

// value parses %N and makes room for it.
func (p *graphParser) value(s string) ValueID {
	id := mustInt(strings.TrimPrefix(s, "%"))
	for len(p.g.Values) <= id {
		p.g.AddValue("", Shape{1, 1, 1, 1})
	}
	return ValueID(id)
}

func (p *graphParser) param(name string, shape ...int) ParamID {
	id, ok := p.params[name]
	if !ok {
		id = p.g.AddParam(name, shape...)
		p.params[name] = id
	}
	return id
}

func (p *graphParser) optional(name string, shape ...int) ParamID {
	if name == "" {
		return NoParam
	}
	return p.param(name, shape...)
}

func (p *graphParser) norm(gamma string, c int) BatchNorm {
	base := strings.TrimSuffix(gamma, ".weight")
	return BatchNorm{
		Gamma: p.param(gamma, c), Beta: p.param(base+".bias", c),
		Mean: p.param(base+".running_mean", c), Var: p.param(base+".running_var", c),
		Epsilon: 1e-5,
	}
}

func parseShape(s string) Shape {
	d := parseInts(s)
	return Shape{d[0], d[1], d[2], d[3]}
}

func parseWindow(s string) Window {
	part := strings.Split(s, "/")
	k, st, pad := parseInts(part[0]), parseInts(part[1]), parseInts(part[2])
	return Window{Axis{k[0], st[0], pad[0]}, Axis{k[1], st[1], pad[1]}, Axis{k[2], st[2], pad[2]}}
}

func parseInts(s string) []int {
	var out []int
	for _, d := range strings.Split(s, "x") {
		out = append(out, mustInt(d))
	}
	return out
}

func mustInt(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func mustFloat(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(err)
	}
	return x
}
