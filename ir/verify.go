package ir

import (
	"errors"
	"fmt"
)

// maxElems bounds a value's size, so that no offset computed from shapes can
// overflow anywhere downstream.
const maxElems = 1 << 31

// Verify checks every rule that a well-formed graph obeys: values defined
// before use and written once, shapes that follow from the ops, parameters
// shaped as their ops need, epilogues in a legal order. It returns all faults
// joined, each with the op's name, or nil.
func (g *Graph) Verify() error {
	v := verifier{g: g, defined: make([]bool, len(g.Values))}
	v.graph()
	return errors.Join(v.errs...)
}

type verifier struct {
	g       *Graph
	defined []bool
	errs    []error
}

func (v *verifier) fail(where, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

func (v *verifier) graph() {
	g := v.g
	if len(g.Values) == 0 || g.Values[0].Shape != g.Input.Shape {
		v.fail("input", "value 0 must be the input, of shape %v", g.Input.Shape)
		return
	}
	if c := g.Input.Shape.C; len(g.Input.Mean) != c || len(g.Input.Std) != c {
		v.fail("input", "%d means and %d standard deviations for %d channels", len(g.Input.Mean), len(g.Input.Std), c)
	}
	for i, val := range g.Values {
		if !val.Shape.Valid() {
			v.fail(val.Name, "value %d has the empty shape %v", i, val.Shape)
		} else if tooLarge(val.Shape) {
			v.fail(val.Name, "value %d of shape %v has more than %d elements", i, val.Shape, maxElems)
		}
	}
	v.defined[0] = true
	for i := range g.Ops {
		v.op(&g.Ops[i])
	}
	named := map[string]ValueID{}
	for _, o := range append(append([]Output(nil), g.Outputs...), g.Taps...) {
		if !v.known(o.Value) {
			v.fail(o.Name, "output %q is never computed", o.Name)
		}
		if other, ok := named[o.Name]; ok && other != o.Value {
			v.fail(o.Name, "values %d and %d are both returned as %q", other, o.Value, o.Name)
		}
		named[o.Name] = o.Value
	}
	if len(g.Outputs) == 0 {
		v.fail(g.Name, "the graph has no output")
	}
}

func tooLarge(s Shape) bool {
	n := 1
	for _, d := range []int{s.T, s.H, s.W, s.C} {
		if d > maxElems/n {
			return true
		}
		n *= d
	}
	return false
}

func (v *verifier) known(id ValueID) bool {
	return id >= 0 && int(id) < len(v.defined) && v.defined[id]
}

func (v *verifier) op(op *Op) {
	defer v.define(op)
	for _, in := range op.In {
		if !v.known(in) {
			v.fail(op.Name, "uses value %d before it is computed", in)
			return
		}
	}
	if int(op.Out) <= 0 || int(op.Out) >= len(v.g.Values) {
		return
	}
	arity := 1
	if _, ok := op.Attr.(Add); ok {
		arity = 2
	}
	if len(op.In) != arity {
		v.fail(op.Name, "%T takes %d inputs, found %d", op.Attr, arity, len(op.In))
		return
	}
	in := v.g.Values[op.In[0]].Shape
	want, ok := v.attr(op, in)
	if !ok {
		return
	}
	if got := v.g.Values[op.Out].Shape; got != want {
		v.fail(op.Name, "%T of %v gives %v, but its value has shape %v", op.Attr, in, want, got)
	}
	v.epilogue(op)
}

func (v *verifier) define(op *Op) {
	switch {
	case int(op.Out) <= 0 || int(op.Out) >= len(v.defined):
		v.fail(op.Name, "writes value %d, which does not exist", op.Out)
	case v.defined[op.Out]:
		v.fail(op.Name, "writes value %d a second time", op.Out)
	default:
		v.defined[op.Out] = true
	}
}

// attr checks an op's own rules and returns its output shape.
func (v *verifier) attr(op *Op, in Shape) (Shape, bool) {
	switch a := op.Attr.(type) {
	case Conv:
		return v.conv(op, a, in)
	case BatchNorm:
		return in, v.norm(op, a, in.C)
	case Pool:
		if !v.window(op, a.Window) {
			return in, false
		}
		return a.OutShape(in), true
	case Add:
		if other := v.g.Values[op.In[1]].Shape; other != in {
			v.fail(op.Name, "adds values of shapes %v and %v", in, other)
			return in, false
		}
		return in, true
	case Linear:
		if in.Pixels() != 1 {
			v.fail(op.Name, "a linear layer needs one position, found %v", in)
			return in, false
		}
		ok := v.param(op, "weight", a.Weight, a.Out, in.C)
		if a.Bias != NoParam {
			ok = v.param(op, "bias", a.Bias, a.Out) && ok
		}
		return Shape{1, 1, 1, a.Out}, ok
	case Softmax:
		if in.Pixels() != 1 {
			v.fail(op.Name, "softmax needs one position, found %v", in)
			return in, false
		}
		return in, true
	case Flatten:
		return Shape{1, 1, 1, in.Elems()}, true
	case ReLU, Dropout:
		return in, true
	}
	v.fail(op.Name, "unknown op %T", op.Attr)
	return in, false
}

func (v *verifier) window(op *Op, w Window) bool {
	for _, a := range []Axis{w.T, w.H, w.W} {
		if a.Kernel < 1 || a.Stride < 1 || a.Pad < 0 {
			v.fail(op.Name, "illegal window %v", w)
			return false
		}
		if a.Pad >= a.Kernel { // an output could lie on nothing but padding
			v.fail(op.Name, "padding must be smaller than the window %v", w)
			return false
		}
	}
	return true
}

func (v *verifier) conv(op *Op, a Conv, in Shape) (Shape, bool) {
	if !v.window(op, a.Window) {
		return in, false
	}
	return a.Window.Out(in, a.Out), v.convParams(op, a, in)
}

// convParams checks the parameters of a convolution.
func (v *verifier) convParams(op *Op, a Conv, in Shape) bool {
	k := []int{a.Out, in.C, a.T.Kernel, a.H.Kernel, a.W.Kernel}
	if a.Weight >= 0 && int(a.Weight) < len(v.g.Params) {
		switch dims := len(v.g.Params[a.Weight].Shape); {
		case dims == 4 && a.T.Kernel == 1:
			k = append(k[:2], k[3:]...) // stored two-dimensional
		case dims == 2 && a.Window == wholeWindow(in):
			k = []int{a.Out, in.Elems()} // stored as that of a linear layer
		}
	}
	ok := v.param(op, "weight", a.Weight, k...)
	if a.Bias != NoParam {
		ok = v.param(op, "bias", a.Bias, a.Out) && ok
	}
	if a.Norm != nil {
		ok = v.norm(op, *a.Norm, a.Out) && ok
	}
	return ok
}

func (v *verifier) norm(op *Op, a BatchNorm, c int) bool {
	ok := v.param(op, "gamma", a.Gamma, c)
	ok = v.param(op, "beta", a.Beta, c) && ok
	ok = v.param(op, "mean", a.Mean, c) && ok
	ok = v.param(op, "variance", a.Var, c) && ok
	if !(a.Epsilon > 0) {
		v.fail(op.Name, "batch norm epsilon must be positive, found %g", a.Epsilon)
		ok = false
	}
	return ok
}

func (v *verifier) param(op *Op, role string, id ParamID, shape ...int) bool {
	if id < 0 || int(id) >= len(v.g.Params) {
		v.fail(op.Name, "%s: parameter %d does not exist", role, id)
		return false
	}
	p := v.g.Params[id]
	if len(p.Shape) != len(shape) {
		v.fail(op.Name, "%s %s has shape %v, needs %v", role, p.Name, p.Shape, shape)
		return false
	}
	for i := range shape {
		if p.Shape[i] != shape[i] {
			v.fail(op.Name, "%s %s has shape %v, needs %v", role, p.Name, p.Shape, shape)
			return false
		}
	}
	return true
}

// hasBias reports whether an op brings a bias for its epilogue to add.
func hasBias(a Attr) bool {
	switch a := a.(type) {
	case Conv:
		return a.Bias != NoParam || a.Norm != nil
	case Linear:
		return a.Bias != NoParam
	}
	return false
}

func (v *verifier) epilogue(op *Op) {
	biases := 0
	for i, e := range op.Epi {
		switch e.Kind {
		case EpiBias:
			biases++
			if i != 0 || !hasBias(op.Attr) {
				v.fail(op.Name, "epilogue step %d adds a bias that is not there or not first", i)
			}
		case EpiProject:
			v.project(op, i, e)
		case EpiAdd:
			if !v.known(e.Arg) || e.Arg == op.Out {
				v.fail(op.Name, "epilogue adds value %d before it is computed", e.Arg)
			} else if e.Every.T < 1 || e.Every.H < 1 || e.Every.W < 1 {
				v.fail(op.Name, "epilogue adds every %dx%dx%d-th position", e.Every.T, e.Every.H, e.Every.W)
			} else if got, want := e.Every.of(v.g.Values[e.Arg].Shape), v.g.Values[op.Out].Shape; got != want {
				v.fail(op.Name, "epilogue adds a value of shape %v to %v", got, want)
			}
		case EpiReLU:
		default:
			v.fail(op.Name, "unknown epilogue step %d", int(e.Kind))
		}
	}
	if hasBias(op.Attr) && biases != 1 {
		v.fail(op.Name, "has a bias, but its epilogue adds it %d times", biases)
	}
}

// project checks a step that adds a convolution: it must be a pointwise one,
// whose sums can join the op's own.
func (v *verifier) project(op *Op, i int, e EpiStep) {
	if !v.known(e.Arg) || e.Arg == op.Out {
		v.fail(op.Name, "epilogue projects value %d before it is computed", e.Arg)
		return
	}
	if _, ok := op.Attr.(Conv); !ok || i > 1 || i == 1 && op.Epi[0].Kind != EpiBias {
		v.fail(op.Name, "epilogue step %d projects, which only a convolution can, before or directly behind its bias", i)
		return
	}
	if e.Conv == nil || !e.Conv.Window.Pointwise() || e.Every.T < 1 || e.Every.H < 1 || e.Every.W < 1 {
		v.fail(op.Name, "epilogue step %d is no pointwise convolution of every n-th position", i)
		return
	}
	in := v.g.Values[e.Arg].Shape
	want := e.Every.of(in)
	want.C = e.Conv.Out
	if got := v.g.Values[op.Out].Shape; got != want {
		v.fail(op.Name, "epilogue projects %v to %v, and adds it to %v", in, want, got)
	}
	v.convParams(op, *e.Conv, in)
}
