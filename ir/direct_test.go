package ir

import (
	"fmt"
	"math"

	"pgregory.net/rapid"
)

// direct computes a graph without epilogues but bias by the formulas as one
// writes them down: indices c, t, h, w, no layout, no folding, no skipping.
func direct(g *Graph, weights map[string][]float32, clip []float32) map[string][]float64 {
	values := make([][]float64, len(g.Values))
	for _, x := range clip {
		values[0] = append(values[0], float64(x))
	}
	for _, op := range g.Ops {
		in, out := g.Values[op.In[0]].Shape, g.Values[op.Out].Shape
		x := func(c, t, h, w int) float64 {
			if t < 0 || t >= in.T || h < 0 || h >= in.H || w < 0 || w >= in.W {
				return 0
			}
			return values[op.In[0]][((c*in.T+t)*in.H+h)*in.W+w]
		}
		param := func(p ParamID, i int) float64 { return float64(weights[g.Params[p].Name][i]) }
		var y []float64
		for c := range out.C {
			for t := range out.T {
				for h := range out.H {
					for w := range out.W {
						y = append(y, directAt(op.Attr, in, x, param, c, t, h, w))
					}
				}
			}
		}
		switch op.Attr.(type) {
		case Add:
			for i := range y {
				y[i] += values[op.In[1]][i]
			}
		case Softmax:
			sum := 0.0
			for i := range y {
				y[i] = math.Exp(y[i])
				sum += y[i]
			}
			for i := range y {
				y[i] /= sum
			}
		}
		values[op.Out] = y
	}
	results := map[string][]float64{}
	for _, o := range append(append([]Output(nil), g.Outputs...), g.Taps...) {
		results[o.Name] = values[o.Value]
	}
	return results
}

// directAt is one value of an op's result, for Add and Softmax that of the
// first operand.
func directAt(attr Attr, in Shape, x func(c, t, h, w int) float64, param func(ParamID, int) float64, c, t, h, w int) float64 {
	switch a := attr.(type) {
	case Conv:
		sum := 0.0
		if a.Bias != NoParam {
			sum = param(a.Bias, c)
		}
		for ci := range in.C {
			for i := range a.T.Kernel {
				for j := range a.H.Kernel {
					for k := range a.W.Kernel {
						at := (((c*in.C+ci)*a.T.Kernel+i)*a.H.Kernel+j)*a.W.Kernel + k
						sum += param(a.Weight, at) * x(ci, t*a.T.Stride-a.T.Pad+i, h*a.H.Stride-a.H.Pad+j, w*a.W.Stride-a.W.Pad+k)
					}
				}
			}
		}
		return sum
	case Linear:
		sum := param(a.Bias, c)
		for ci := range in.C {
			sum += param(a.Weight, c*in.C+ci) * x(ci, 0, 0, 0)
		}
		return sum
	case BatchNorm:
		return param(a.Gamma, c)*(x(c, t, h, w)-param(a.Mean, c))/math.Sqrt(param(a.Var, c)+a.Epsilon) + param(a.Beta, c)
	case Pool:
		var inside []float64
		for i := t*a.T.Stride - a.T.Pad; i < t*a.T.Stride-a.T.Pad+a.T.Kernel; i++ {
			for j := h*a.H.Stride - a.H.Pad; j < h*a.H.Stride-a.H.Pad+a.H.Kernel; j++ {
				for k := w*a.W.Stride - a.W.Pad; k < w*a.W.Stride-a.W.Pad+a.W.Kernel; k++ {
					if i >= 0 && i < in.T && j >= 0 && j < in.H && k >= 0 && k < in.W {
						inside = append(inside, x(c, i, j, k))
					}
				}
			}
		}
		top, sum := inside[0], 0.0
		for _, v := range inside {
			top, sum = math.Max(top, v), sum+v
		}
		if a.Kind == PoolMax {
			return top
		}
		return sum / float64(len(inside))
	case ReLU:
		return math.Max(x(c, t, h, w), 0)
	case Add, Dropout, Softmax:
		return x(c, t, h, w)
	}
	panic(fmt.Sprintf("BUG: attribute %T", attr))
}

// drawGraph draws a small network of layers and blocks of all kinds, with
// some of its values tapped.
func drawGraph(t *rapid.T) *Graph {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	b := newBuilder("random", Shape{n("T", 1, 5), n("H", 1, 8), n("W", 1, 8), n("C", 1, 3)})
	x := ValueID(0)
	for i := range n("layers", 1, 5) {
		name := fmt.Sprintf("l%d", i)
		switch kind := n("layer", 0, 9); kind {
		case 0, 1, 2, 3:
			x = b.block(name, "ABC2"[kind], x, n("width", 1, 5), n("expansion", 1, 3), n("stride", 1, 2))
		case 4:
			x = b.cbr(name, x, n("channels", 1, 17), drawWindow(t, b.shape(x), 3))
		case 5:
			x = b.conv(name, x, n("channels", 1, 9), drawWindow(t, b.shape(x), 4), true)
		case 6:
			x = b.norm(name+".bn", b.conv(name, x, n("channels", 1, 9), drawWindow(t, b.shape(x), 2), true))
		case 7, 8:
			x = b.pool(name, x, drawPool(t, b.shape(x), PoolKind(kind-7)))
		case 9:
			x = b.add(name+".double", x, x)
		}
		if rapid.Bool().Draw(t, "tap") {
			b.tap(name, x)
		}
	}
	b.drawTaps(t)
	if rapid.Bool().Draw(t, "head") {
		s := b.shape(x)
		x = b.pool("avgpool", x, Pool{Window: cube(s.T, s.H, s.W), Kind: PoolAverage})
		x = b.op("dropout", Dropout{0.5}, b.shape(x), x)
		x = b.linear("fc", x, n("classes", 1, 9))
		x = b.op("softmax", Softmax{}, b.shape(x), x)
	}
	b.output("out", x)
	return b.g
}

// drawTaps taps any values, those inside blocks among them.
func (b *builder) drawTaps(t *rapid.T) {
	for range rapid.IntRange(0, 2).Draw(t, "taps") {
		v := rapid.IntRange(0, len(b.g.Values)-1).Draw(t, "tapped")
		b.tap(fmt.Sprintf("tap%d", v), ValueID(v))
	}
}

func drawWindow(t *rapid.T, s Shape, size int) Window {
	axis := func(extent int) Axis {
		a := Axis{
			Kernel: rapid.IntRange(1, size).Draw(t, "kernel"),
			Stride: rapid.IntRange(1, 3).Draw(t, "stride"),
			Pad:    rapid.IntRange(0, 2).Draw(t, "pad"),
		}
		a.Kernel = min(a.Kernel, extent+2*a.Pad)
		a.Pad = min(a.Pad, a.Kernel-1)
		return a
	}
	return Window{axis(s.T), axis(s.H), axis(s.W)}
}

func drawPool(t *rapid.T, s Shape, kind PoolKind) Pool {
	w := drawWindow(t, s, 3)
	for _, a := range []*Axis{&w.T, &w.H, &w.W} {
		a.Pad = min(a.Pad, a.Kernel-1)
	}
	extents := []int{s.T, s.H, s.W}
	for i, a := range []*Axis{&w.T, &w.H, &w.W} {
		if a.Kernel > extents[i]+2*a.Pad {
			*a = Unit
		}
	}
	return Pool{Window: w, Kind: kind, Ceil: rapid.Bool().Draw(t, "ceil")}
}
