package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/p3dc/p3dc/ir"
)

// operator imports the nodes of one operator.
type operator struct {
	run      func(*importer, *Node, []operand) (operand, error)
	min, max int    // inputs
	attrs    string // the attributes that it may have
}

// operators are those that networks can be made of, and those that exporters
// compute shapes with.
var operators = map[string]operator{
	"Conv":               {(*importer).conv, 2, 3, "auto_pad dilations group kernel_shape pads strides"},
	"BatchNormalization": {(*importer).batchNorm, 5, 5, "epsilon momentum training_mode"},
	"Relu":               {(*importer).relu, 1, 1, ""},
	"Add":                {(*importer).add, 2, 2, ""},
	"Sum":                {(*importer).add, 2, 2, ""},
	"MaxPool":            {(*importer).pool, 1, 1, "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"},
	"AveragePool":        {(*importer).pool, 1, 1, "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides"},
	"GlobalMaxPool":      {(*importer).global, 1, 1, ""},
	"GlobalAveragePool":  {(*importer).global, 1, 1, ""},
	"ReduceMean":         {(*importer).reduce, 1, 2, "axes keepdims noop_with_empty_axes"},
	"ReduceMax":          {(*importer).reduce, 1, 2, "axes keepdims noop_with_empty_axes"},
	"Gemm":               {(*importer).gemm, 2, 3, "alpha beta transA transB"},
	"MatMul":             {(*importer).matMul, 2, 2, ""},
	"Softmax":            {(*importer).softmax, 1, 1, "axis"},
	"Dropout":            {(*importer).same, 1, 2, "ratio seed"},
	"Identity":           {(*importer).same, 1, 1, ""},

	"Flatten":   {(*importer).flatten, 1, 1, "axis"},
	"Reshape":   {(*importer).reshape, 2, 2, "allowzero"},
	"Squeeze":   {(*importer).squeeze, 1, 2, "axes"},
	"Unsqueeze": {(*importer).unsqueeze, 1, 2, "axes"},

	"Constant": {(*importer).constant, 0, 0, "value value_int value_ints"},
	"Shape":    {(*importer).shape, 1, 1, "start end"},
	"Gather":   {(*importer).gather, 2, 2, "axis"},
	"Concat":   {(*importer).concat, 1, maxArgs, "axis"},
	"Slice":    {(*importer).slice, 3, 5, ""},
	"Cast":     {(*importer).cast, 1, 1, "to"},
}

// errConstant is an operator of maps that finds a constant.
var errConstant = errors.New("its input is a constant; expected what is computed of the clip")

// errRank is an operator that finds a value of another form.
func errRank(o operand, want string) error {
	return fmt.Errorf("its input has the dimensions %v; expected %s", o.dims, want)
}

// mapped checks that an operand is a map, and returns over how many axes:
// 2 or 3.
func mapped(o operand) (axes int, err error) {
	switch {
	case o.constant != nil:
		return 0, errConstant
	case len(o.dims) < 4:
		return 0, errRank(o, "N x C x T x H x W, or N x C x H x W")
	}
	return len(o.dims) - 2, nil
}

// moved returns the dimensions of what a window makes of a map.
func moved(o operand, s ir.Shape) []int64 {
	dims := []int64{o.dims[0], int64(s.C), int64(s.T), int64(s.H), int64(s.W)}
	if len(o.dims) == 4 {
		dims = slices.Delete(dims, 2, 3)
	}
	return dims
}

func (in *importer) conv(n *Node, inputs []operand) (operand, error) {
	x, weight := inputs[0], inputs[1]
	axes, err := mapped(x)
	if err != nil {
		return operand{}, err
	}
	if weight.constant == nil || len(weight.constant.Dims) != axes+2 {
		return operand{}, fmt.Errorf("expected its weight to be a constant of %d dimensions", axes+2)
	}
	if err := n.wantInt("group", 1, 1); err != nil {
		return operand{}, err
	}
	if err := checkExtents(weight.constant.Dims); err != nil {
		return operand{}, fmt.Errorf("its weight: %w", err)
	}
	var shape []int
	for _, d := range weight.constant.Dims {
		shape = append(shape, int(d))
	}
	w, err := n.window(axes, shape[2:])
	if err != nil {
		return operand{}, err
	}
	if w.behind != [3]int{w.T.Pad, w.H.Pad, w.W.Pad} {
		return operand{}, errors.New("it is padded by more on one side than on the other, which is not supported")
	}
	c := ir.Conv{Window: w.Window, Out: shape[0], Bias: ir.NoParam}
	if c.Weight, err = in.param(weight, "weight", shape...); err != nil {
		return operand{}, err
	}
	if len(inputs) > 2 && n.Inputs[2] != "" {
		if c.Bias, err = in.param(inputs[2], "bias", c.Out); err != nil {
			return operand{}, err
		}
	}
	y, err := in.emit(n, c, moved(x, c.Window.Out(in.shapeAt(x), c.Out)), x.value)
	if err == nil && c.Bias != ir.NoParam {
		in.addBias()
	}
	return y, err
}

// addBias gives the last op the step that adds its bias.
func (in *importer) addBias() {
	in.g.Ops[len(in.g.Ops)-1].Epi = []ir.EpiStep{{Kind: ir.EpiBias}}
}

// shapeAt returns the extents of a value.
func (in *importer) shapeAt(o operand) ir.Shape { return in.g.Values[o.value].Shape }

func (in *importer) batchNorm(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	if _, err := mapped(x); err != nil {
		return operand{}, err
	}
	if err := n.wantInt("training_mode", 0, 0); err != nil {
		return operand{}, err
	}
	if in.model.Opset < 14 && len(n.Outputs) > 1 { // how it was said before there was the attribute
		return operand{}, errors.New("it is in training mode; expected a model for inference: call eval before export")
	}
	b := ir.BatchNorm{Epsilon: 1e-5}
	if a, err := n.typed("epsilon", AttrFloat); err != nil {
		return operand{}, err
	} else if a != nil {
		if !(a.Float > 0 && a.Float < 1) {
			return operand{}, fmt.Errorf("its epsilon is %v; expected more than 0 and less than 1", a.Float)
		}
		b.Epsilon = decimal(a.Float)
	}
	for i, dst := range []*ir.ParamID{&b.Gamma, &b.Beta, &b.Mean, &b.Var} {
		var err error
		what := [...]string{"scale", "bias", "mean", "variance"}[i]
		if *dst, err = in.param(inputs[i+1], what, int(x.dims[1])); err != nil {
			return operand{}, err
		}
	}
	return in.emit(n, b, x.dims, x.value)
}

// decimal returns the number of few digits that a float32 stands for: an
// epsilon was 1e-5 before the file made it 9.99999974737875e-06.
func decimal(v float32) float64 {
	d, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return math.NaN()
	}
	return d
}

func (in *importer) relu(n *Node, inputs []operand) (operand, error) {
	if inputs[0].constant != nil {
		return operand{}, errConstant
	}
	return in.emit(n, ir.ReLU{}, inputs[0].dims, inputs[0].value)
}

func (in *importer) add(n *Node, inputs []operand) (operand, error) {
	x, y := inputs[0], inputs[1]
	if x.constant != nil {
		x, y = y, x
	}
	switch {
	case x.constant != nil:
		return operand{}, errConstant
	case y.constant != nil:
		return in.linearBias(n, x, y)
	case !slices.Equal(x.dims, y.dims):
		return operand{}, fmt.Errorf("its inputs have the dimensions %v and %v; expected the same", x.dims, y.dims)
	}
	return in.emit(n, ir.Add{}, x.dims, x.value, y.value)
}

func (in *importer) softmax(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	axis, err := n.int("axis", -1)
	if in.model.Opset < 13 && n.attr("axis") == nil {
		axis = 1
	}
	switch {
	case err != nil:
		return operand{}, err
	case x.constant != nil:
		return operand{}, errConstant
	case len(x.dims) != 2 || axis != 1 && axis != -1:
		return operand{}, errRank(x, "N x C, and the axis to be C's")
	}
	return in.emit(n, ir.Softmax{}, x.dims, x.value)
}

// same imports what does nothing at inference.
func (in *importer) same(_ *Node, inputs []operand) (operand, error) { return inputs[0], nil }
