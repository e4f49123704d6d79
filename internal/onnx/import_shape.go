package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// reshaped returns a value with other dimensions. Axes of extent 1 may come and
// go, or all values be strung together.
func (in *importer) reshaped(n *Node, x operand, dims []int64) (operand, error) {
	s := in.shapeAt(x)
	clips, c, t, h, w := x.dims[0], int64(s.C), int64(s.T), int64(s.H), int64(s.W)
	switch {
	case slices.Equal(dims, []int64{clips, c, t, h, w}),
		t == 1 && slices.Equal(dims, []int64{clips, c, h, w}),
		s.Pixels() == 1 && slices.Equal(dims, []int64{clips, c}):
		x.dims = dims
		return x, nil
	case slices.Equal(dims, []int64{clips, int64(s.Elems())}):
		return in.emit(n, ir.Flatten{}, dims, x.value)
	}
	return operand{}, fmt.Errorf("it turns %v into %v; a map can only be flattened, or gain and lose axes of extent 1", x.dims, dims)
}

// maxNumbers is how many numbers shapes, and what is computed to get them, may
// have.
const maxNumbers = 4 * maxDims

// ints returns the integers of a constant operand, of which there are few.
func (o operand) ints(what string) ([]int64, error) {
	if o.constant == nil {
		return nil, fmt.Errorf("its %s are computed of the clip; expected constants", what)
	}
	n, err := o.constant.elements()
	if err != nil {
		return nil, err
	}
	if n > maxNumbers {
		return nil, fmt.Errorf("its %s are %d numbers; expected those of a shape", what, n)
	}
	return o.constant.Int64s()
}

// vector makes integers a constant operand, of one dimension unless scalar.
func vector(values []int64, scalar bool) operand {
	t := &Tensor{Type: Int64, Dims: []int64{int64(len(values))}, Ints: values}
	if scalar {
		t.Dims = nil
	}
	return operand{constant: t}
}

// axes returns a node's axes, from its attribute or its second input, counted
// from the first of some dimensions. Without either they are nil.
func (n *Node) axes(inputs []operand, dims int) ([]int, error) {
	list, err := n.ints("axes")
	if err != nil {
		return nil, err
	}
	if len(inputs) > 1 && n.Inputs[1] != "" {
		if list, err = inputs[1].ints("axes"); err != nil {
			return nil, err
		}
	}
	var axes []int
	for _, a := range list {
		if a < 0 {
			a += int64(dims)
		}
		if a < 0 || a >= int64(dims) || slices.Contains(axes, int(a)) {
			return nil, fmt.Errorf("its axes are %v of %d", list, dims)
		}
		axes = append(axes, int(a))
	}
	return axes, nil
}

func (in *importer) flatten(n *Node, inputs []operand) (operand, error) {
	if inputs[0].constant != nil {
		return operand{}, errConstant
	}
	if err := n.wantInt("axis", 1, 1); err != nil {
		return operand{}, err
	}
	return in.reshaped(n, inputs[0], []int64{inputs[0].dims[0], int64(in.shapeAt(inputs[0]).Elems())})
}

func (in *importer) reshape(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	if x.constant != nil {
		return operand{}, errConstant
	}
	target, err := inputs[1].ints("dimensions")
	if err != nil {
		return operand{}, err
	}
	zero, err := n.int("allowzero", 0)
	if err != nil {
		return operand{}, err
	}
	target = slices.Clone(target)
	total, open := int64(1), -1
	for _, d := range x.dims {
		total *= d
	}
	rest := total
	for i, d := range target {
		switch {
		case d == 0 && zero == 0 && i < len(x.dims):
			target[i] = x.dims[i]
		case d == -1 && open < 0:
			open = i
			continue
		case d < 1:
			return operand{}, fmt.Errorf("its dimensions are %v", target)
		}
		if rest%target[i] != 0 {
			return operand{}, fmt.Errorf("it cannot make %v of %v", target, x.dims)
		}
		rest /= target[i]
	}
	if open >= 0 {
		target[open] = rest
	}
	return in.reshaped(n, x, target)
}

func (in *importer) squeeze(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	if x.constant != nil { // of a vector with one number, that number
		values, err := x.ints("numbers")
		return vector(values, true), errors.Join(err, one(values))
	}
	axes, err := n.axes(inputs, len(x.dims))
	if err != nil {
		return operand{}, err
	}
	var dims []int64
	for i, d := range x.dims {
		drop := slices.Contains(axes, i) || len(axes) == 0 && d == 1
		if drop && d != 1 {
			return operand{}, fmt.Errorf("it leaves out axis %d of %v", i, x.dims)
		}
		if !drop {
			dims = append(dims, d)
		}
	}
	return in.reshaped(n, x, dims)
}

// one is an error where there is not one number.
func one(values []int64) error {
	if len(values) != 1 {
		return fmt.Errorf("expected one number, found %d", len(values))
	}
	return nil
}

func (in *importer) unsqueeze(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	if x.constant != nil { // of a number, a vector
		values, err := x.ints("numbers")
		return vector(values, false), errors.Join(err, one(values))
	}
	added, err := n.ints("axes")
	if err != nil {
		return operand{}, err
	}
	if len(inputs) > 1 {
		if added, err = inputs[1].ints("axes"); err != nil {
			return operand{}, err
		}
	}
	if len(added) > maxDims {
		return operand{}, fmt.Errorf("it adds %d axes", len(added))
	}
	axes, err := (&Node{Attrs: []Attr{{Name: "axes", Type: AttrInts, Ints: added}}}).axes(nil, len(x.dims)+len(added))
	if err != nil {
		return operand{}, err
	}
	dims := make([]int64, len(x.dims)+len(axes))
	rest := x.dims
	for i := range dims {
		if slices.Contains(axes, i) {
			dims[i] = 1
			continue
		}
		dims[i], rest = rest[0], rest[1:]
	}
	return in.reshaped(n, x, dims)
}

// constant imports a constant: a tensor, or a number or more.
func (in *importer) constant(n *Node, _ []operand) (operand, error) {
	if a, err := n.typed("value", AttrTensor); err != nil {
		return operand{}, err
	} else if a != nil && a.Tensor != nil {
		t := *a.Tensor
		t.Name = n.Outputs[0]
		return operand{constant: &t}, nil
	}
	if v := n.attr("value_int"); v != nil {
		return vector([]int64{v.Int}, true), nil
	}
	if v := n.attr("value_ints"); v != nil {
		return vector(v.Ints, false), nil
	}
	return operand{}, errors.New("it has no value")
}

// shape imports the dimensions of a value.
func (in *importer) shape(n *Node, inputs []operand) (operand, error) {
	dims := inputs[0].dims
	if t := inputs[0].constant; t != nil {
		dims = t.Dims
	}
	rank := int64(len(dims))
	start, err := n.int("start", 0)
	if err != nil {
		return operand{}, err
	}
	end, err := n.int("end", rank)
	if err != nil {
		return operand{}, err
	}
	lo, hi := clampIndex(start, rank), clampIndex(end, rank)
	return vector(slices.Clone(dims[lo:max(lo, hi)]), false), nil
}

// clampIndex returns an index into n elements, negative ones counted from the
// end, and those outside moved to the next end.
func clampIndex(i, n int64) int64 {
	if i < 0 {
		i = max(i, -n) + n
	}
	return min(i, n)
}

// gather imports the choice of numbers from a vector.
func (in *importer) gather(n *Node, inputs []operand) (operand, error) {
	if err := n.wantInt("axis", 0, 0); err != nil {
		return operand{}, err
	}
	list, err := inputs[0].ints("numbers")
	if err != nil {
		return operand{}, err
	}
	indices, err := inputs[1].ints("indices")
	if err != nil {
		return operand{}, err
	}
	var chosen []int64
	for _, i := range indices {
		if i < 0 {
			i += int64(len(list))
		}
		if i < 0 || i >= int64(len(list)) {
			return operand{}, fmt.Errorf("its indices are %v of %d", indices, len(list))
		}
		chosen = append(chosen, list[i])
	}
	return vector(chosen, len(inputs[1].constant.Dims) == 0), nil
}

// concat imports vectors of numbers put together.
func (in *importer) concat(n *Node, inputs []operand) (operand, error) {
	if err := n.wantInt("axis", 0, 0); err != nil {
		return operand{}, err
	}
	var all []int64
	for _, o := range inputs {
		list, err := o.ints("inputs")
		if err != nil {
			return operand{}, err
		}
		all = append(all, list...)
		if len(all) > maxNumbers {
			return operand{}, fmt.Errorf("it makes more than %d numbers", maxNumbers)
		}
	}
	return vector(all, false), nil
}

// slice imports a part of a vector of numbers.
func (in *importer) slice(_ *Node, inputs []operand) (operand, error) {
	list, err := inputs[0].ints("numbers")
	if err != nil {
		return operand{}, err
	}
	args := []int64{0, int64(len(list)), 0, 1}
	for i, o := range inputs[1:] {
		values, err := o.ints("bounds")
		if err := errors.Join(err, one(values)); err != nil {
			return operand{}, err
		}
		args[i] = values[0]
	}
	if args[2] != 0 || args[3] != 1 {
		return operand{}, errors.New("only parts of vectors, without steps, are supported")
	}
	rank := int64(len(list))
	lo, hi := clampIndex(args[0], rank), clampIndex(args[1], rank)
	return vector(slices.Clone(list[lo:max(lo, hi)]), false), nil
}

// cast imports integers as integers.
func (in *importer) cast(n *Node, inputs []operand) (operand, error) {
	to, err := n.int("to", 0)
	if err != nil {
		return operand{}, err
	}
	if t := DataType(to); t != Int32 && t != Int64 {
		return operand{}, fmt.Errorf("it makes %v; only integers as integers are supported", t)
	}
	values, err := inputs[0].ints("numbers")
	return vector(values, err == nil && len(inputs[0].constant.Dims) == 0), err
}
