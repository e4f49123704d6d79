package ir

import (
	"math"
	"slices"
)

// InterpretRounding is [Interpret] that also tells, by output and tap name, how
// far float32 arithmetic is expected to be from the result: the relative L2
// error of an implementation that rounds every sum, product after product, and
// every result of an elementwise step.
//
// The estimate follows the mean square of the error through the graph, channel
// by channel. A rounding errs by at most u/√3 of the rounded value in the root
// mean square, u = 2^-24. A sum of n products rounds n times; the mean square of
// its partial sums grows evenly, so that it errs by u²/3·n/2 of the last one's.
// What the products' factors err by adds up in squares, since errors have no
// common sign.
func InterpretRounding(g *Graph, weights map[string][]float32, clip []float32) (values map[string][]float64, rounding map[string]float64, err error) {
	r := &roundings{square: make([][]float64, len(g.Values)), relative: map[string]float64{}}
	values, err = runInterpreter(g, weights, clip, r)
	return values, r.relative, err
}

// roundOff is the mean square of a rounding's error over the square of what is
// rounded, at most.
const roundOff = 0x1p-48 / 3

// roundings are the expected errors of float32 arithmetic; nil where nobody
// asks for them.
type roundings struct {
	square   [][]float64        // by ValueID and channel: the mean square of the error
	relative map[string]float64 // by name, of what the graph returns
}

// of returns the errors of a value; the input has none.
func (r *roundings) of(v ValueID, channels int) []float64 {
	if r.square[v] == nil {
		return make([]float64, channels)
	}
	return slices.Clone(r.square[v])
}

// attr returns the errors of y, which an op's attribute has made of x. A
// convolution or linear layer has weights w, a batch norm's w are its factors.
func (r *roundings) attr(op *Op, x, y tensor, w []float64) []float64 {
	if r == nil {
		return nil
	}
	e := r.of(op.In[0], x.C)
	switch a := op.Attr.(type) {
	case Conv:
		return sumRounding(e, x, y, w, sumEffort(a, x.Shape))
	case Linear:
		return sumRounding(e, x, y, w, sumEffort(a.asConv(), x.Shape))
	case BatchNorm:
		for c := range e {
			e[c] *= w[c] * w[c]
		}
		return rounded(e, y)
	case ReLU:
		return r.step(e, EpiStep{Kind: EpiReLU}, y)
	case Add:
		return r.step(e, EpiStep{Kind: EpiAdd, Arg: op.In[1]}, y)
	case Flatten:
		flat := make([]float64, y.C)
		for i := range flat {
			flat[i] = e[i/x.Pixels()]
		}
		return flat
	case Softmax:
		return softmaxRounding(e, y)
	}
	return e // a window's maximum or mean errs no more than its values
}

// step returns what errors e become in a step of the epilogue, which has made y.
func (r *roundings) step(e []float64, s EpiStep, y tensor) []float64 {
	if r == nil {
		return nil
	}
	switch s.Kind {
	case EpiReLU: // what is cut off errs no more
		kept := make([]float64, y.C)
		for i, v := range y.data {
			if v > 0 {
				kept[i%y.C]++
			}
		}
		for c := range e {
			e[c] *= kept[c] / float64(y.Pixels())
		}
		return e
	case EpiAdd:
		for c, more := range r.of(s.Arg, y.C) {
			e[c] += more
		}
	}
	return rounded(e, y)
}

// project returns what errors e become where the projection z of x, with weights
// w, has been added.
func (r *roundings) project(e []float64, s EpiStep, x, z tensor, w []float64) []float64 {
	if r == nil {
		return nil
	}
	for c, more := range sumRounding(r.of(s.Arg, x.C), x, z, w, sumEffort(*s.Conv, x.Shape)) {
		e[c] += more
	}
	return e
}

// sumRounding returns the errors of y, sums of products of x with weights w,
// each of which takes so many roundings.
func sumRounding(e []float64, x, y tensor, w []float64, roundings float64) []float64 {
	in, out := x.squares(), y.squares()
	n := len(w) / y.C // products of a sum
	sums := make([]float64, y.C)
	for o := range sums {
		products := 0.0 // the mean square of a sum of products that have no common sign
		for i, v := range w[o*n : (o+1)*n] {
			c := i / (n / x.C)
			sums[o] += v * v * e[c]
			products += v * v * in[c]
		}
		sums[o] += roundOff * roundings * max(products, out[o])
	}
	return sums
}

// sumEffort returns how many roundings of the size of a convolution's result it
// takes to compute one, by the worst of the algorithms that there are for it:
// one for the weight, and half as many as there are products.
func sumEffort(c Conv, in Shape) float64 {
	direct := 1 + float64(in.C*c.Taps())/2
	input := newBuffer("", in, Border{}, in.C)
	for _, f := range transformsOf(c, &input) {
		direct = max(direct, f.effort(in.C))
	}
	return direct
}

// effort is sumEffort of a transform. The sums of a point have fewer products,
// but are larger than results, which are differences of them; what goes in and
// comes out takes sums of its own.
func (f Transform) effort(channels int) float64 {
	roundings, growth := 1+float64(f.Phases()*channels)/2, 1.0
	for _, l := range f.Lines() {
		if l != (Line{}) {
			roundings += float64(l.Inputs()+l.Points()) / 2
			growth *= l.growth()
		}
	}
	return growth * roundings
}

// growth returns by what the squares of all the products at a line's points, as
// a result takes them, are larger than that of the result: for inputs and weights
// without a common sign, on average over the results.
func (l Line) growth() float64 {
	m := l.Matrices()
	sum := 0.0
	for _, out := range m.Out {
		for p, factor := range out {
			for phase := range m.In {
				sum += factor * factor * squareSum(m.In[phase][p]) * squareSum(m.Weights[phase][p])
			}
		}
	}
	return sum / float64(l.Results*l.Taps)
}

func squareSum(row []float64) float64 {
	sum := 0.0
	for _, x := range row {
		sum += x * x
	}
	return sum
}

// softmaxRounding returns the errors of probabilities p: an error d of the
// scores makes p·(d - Σ p·d).
func softmaxRounding(e []float64, p tensor) []float64 {
	common := 0.0
	for i, v := range p.data {
		common += v * v * e[i]
	}
	for i, v := range p.data {
		e[i] = v * v * (e[i] + common)
	}
	return rounded(e, p)
}

// rounded adds the rounding of y to its errors.
func rounded(e []float64, y tensor) []float64 {
	for c, s := range y.squares() {
		e[c] += roundOff * s
	}
	return e
}

// set notes the errors of a value.
func (r *roundings) set(v ValueID, e []float64) {
	if r != nil {
		r.square[v] = e
	}
}

// output notes the relative error of what the graph returns; where that is all
// zero, the error itself.
func (r *roundings) output(name string, v ValueID, y tensor) {
	if r == nil {
		return
	}
	errors, values := 0.0, 0.0
	for _, e := range r.of(v, y.C) {
		errors += e
	}
	for _, s := range y.squares() {
		values += s
	}
	if values == 0 {
		values = 1
	}
	r.relative[name] = math.Sqrt(errors / values)
}

// squares returns the mean square of each channel.
func (t tensor) squares() []float64 {
	s := make([]float64, t.C)
	for i, v := range t.data {
		s[i%t.C] += v * v
	}
	for c := range s {
		s[c] /= float64(t.Pixels())
	}
	return s
}
