package onnx

import (
	"errors"
	"fmt"
	"slices"
)

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

// one is an error where there is not one number.
func one(values []int64) error {
	if len(values) != 1 {
		return fmt.Errorf("expected one number, found %d", len(values))
	}
	return nil
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
