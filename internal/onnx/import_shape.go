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
