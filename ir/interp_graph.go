package ir

import (
	"fmt"
	"math"
)

// Interpret computes the graph in float64: it is what the graph means, and
// what plans and generated code are measured against. The weights are by
// parameter name, laid out as Param says. The clip is the normalised input,
// C x T x H x W. The results are by output and tap name, each C x T x H x W.
//
// It returns an error where the graph is not well-formed, where the clip has
// not the input's length, and where a parameter is missing or has not its
// shape's length; the error names the op and the parameter.
func Interpret(g *Graph, weights map[string][]float32, clip []float32) (map[string][]float64, error) {
	if err := g.Verify(); err != nil {
		return nil, err
	}
	if want := g.Input.Shape.Elems(); len(clip) != want {
		return nil, fmt.Errorf("the clip has %d values, needs %d (%d channels x %d frames x %d x %d)",
			len(clip), want, g.Input.Shape.C, g.Input.Shape.T, g.Input.Shape.H, g.Input.Shape.W)
	}
	in := interpreter{g: g, weights: weights, values: make([]tensor, len(g.Values)), uses: g.uses()}
	in.values[0] = channelsLast(g.Input.Shape, clip)
	for i := range g.Ops {
		if err := in.op(&g.Ops[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", g.Ops[i].Name, err)
		}
	}
	results := make(map[string][]float64, len(g.Outputs)+len(g.Taps))
	for _, list := range [][]Output{g.Outputs, g.Taps} {
		for _, o := range list {
			results[o.Name] = in.values[o.Value].channelsFirst()
		}
	}
	return results, nil
}

// tensor is a feature map in the layout of Shape, channels last.
type tensor struct {
	Shape
	data []float64
}

func newTensor(s Shape) tensor { return tensor{s, make([]float64, s.Elems())} }

// at returns the channels of one pixel.
func (t tensor) at(f, y, x int) []float64 {
	i := ((f*t.H+y)*t.W + x) * t.C
	return t.data[i : i+t.C : i+t.C]
}

// channelsLast returns a C x T x H x W clip as a tensor.
func channelsLast(s Shape, clip []float32) tensor {
	t := newTensor(s)
	n := s.Pixels()
	for c := range s.C {
		for p, x := range clip[c*n : (c+1)*n] {
			t.data[p*s.C+c] = float64(x)
		}
	}
	return t
}

// channelsFirst returns the values as C x T x H x W.
func (t tensor) channelsFirst() []float64 {
	out := make([]float64, len(t.data))
	n := t.Pixels()
	for p := range n {
		for c, x := range t.data[p*t.C : (p+1)*t.C] {
			out[c*n+p] = x
		}
	}
	return out
}

type interpreter struct {
	g       *Graph
	weights map[string][]float32
	values  []tensor // by ValueID; data is nil before and after the value's life
	uses    []int    // reads of each value still to come
}

// read returns a value to an op that reads it once, and lets go of it with
// the last read.
func (in *interpreter) read(v ValueID) tensor {
	t := in.values[v]
	if t.data == nil {
		panic(fmt.Sprintf("BUG: value %d is read after its last use", v))
	}
	if in.uses[v]--; in.uses[v] == 0 {
		in.values[v].data = nil
	}
	return t
}

func (in *interpreter) op(op *Op) error {
	x := in.read(op.In[0])
	y := newTensor(in.g.Values[op.Out].Shape)
	var bias []float64 // what EpiBias adds
	switch a := op.Attr.(type) {
	case Conv:
		w, b, err := FoldConv(a, in.g, in.weights)
		if err != nil {
			return err
		}
		convolve(y, x, a.Window, w)
		bias = b
	case Linear:
		c := a.asConv()
		w, b, err := FoldConv(c, in.g, in.weights)
		if err != nil {
			return err
		}
		convolve(y, x, c.Window, w)
		bias = b
	case BatchNorm:
		scale, shift, err := foldNorm(a, in.g, in.weights)
		if err != nil {
			return err
		}
		for i, v := range x.data {
			y.data[i] = v*scale[i%x.C] + shift[i%x.C]
		}
	case Pool:
		pool(y, x, a)
	case ReLU:
		copy(y.data, x.data)
		relu(y.data)
	case Add:
		copy(y.data, x.data)
		add(y.data, in.read(op.In[1]).data)
	case Flatten:
		copy(y.data, x.channelsFirst())
	case Dropout:
		copy(y.data, x.data)
	case Softmax:
		softmax(y.data, x.data)
	default:
		panic(fmt.Sprintf("BUG: attribute %T", a))
	}
	if err := in.epilogue(op.Epi, y, bias); err != nil {
		return err
	}
	if in.uses[op.Out] > 0 {
		in.values[op.Out] = y
	}
	return nil
}

func (in *interpreter) epilogue(steps []EpiStep, y tensor, bias []float64) error {
	for _, e := range steps {
		switch e.Kind {
		case EpiBias:
			for p := 0; p < len(y.data); p += y.C {
				add(y.data[p:p+y.C], bias)
			}
		case EpiReLU:
			relu(y.data)
		case EpiAdd:
			addEvery(y, in.read(e.Arg), e.Every)
		case EpiProject:
			if err := in.project(y, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// project adds a pointwise convolution of every n-th position of a value.
func (in *interpreter) project(y tensor, e EpiStep) error {
	w, b, err := FoldConv(*e.Conv, in.g, in.weights)
	if err != nil {
		return err
	}
	z := newTensor(y.Shape)
	every := e.Every.window()
	convolve(z, in.read(e.Arg), every, w)
	for p := 0; p < len(z.data); p += z.C {
		add(z.data[p:p+z.C], b)
	}
	add(y.data, z.data)
	return nil
}

// addEvery adds every n-th position of x.
func addEvery(y, x tensor, n Skip) {
	for t := range y.T {
		for h := range y.H {
			for w := range y.W {
				to := ((t*y.H+h)*y.W + w) * y.C
				from := ((t*n.T*x.H+h*n.H)*x.W + w*n.W) * x.C
				add(y.data[to:to+y.C], x.data[from:from+y.C])
			}
		}
	}
}

func add(y, x []float64) {
	for i := range y {
		y[i] += x[i]
	}
}

// relu is max(y, 0) in place; NaN stays NaN.
func relu(y []float64) {
	for i := range y {
		y[i] = max(y[i], 0)
	}
}

// softmax subtracts the largest score before exponentiating, so that no
// finite score overflows.
func softmax(y, x []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range x {
		y[i] = math.Exp(v - top)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
}
