package onnx

import (
	"errors"
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// gemm imports a linear layer.
func (in *importer) gemm(n *Node, inputs []operand) (operand, error) {
	if err := errors.Join(n.wantFloat("alpha", 1), n.wantFloat("beta", 1), n.wantInt("transA", 0, 0)); err != nil {
		return operand{}, err
	}
	transB, err := n.int("transB", 0)
	if err != nil {
		return operand{}, err
	}
	y, err := in.linear(n, inputs[0], inputs[1], transB == 0)
	if err != nil || len(inputs) < 3 || n.Inputs[2] == "" {
		return y, err
	}
	return y, in.setBias(inputs[2])
}

// matMul imports a linear layer without its bias.
func (in *importer) matMul(n *Node, inputs []operand) (operand, error) {
	return in.linear(n, inputs[0], inputs[1], true)
}

// linear appends a linear layer without bias. Its weight is in x out where it
// is turned.
func (in *importer) linear(n *Node, x, weight operand, turned bool) (operand, error) {
	switch {
	case x.constant != nil:
		return operand{}, errConstant
	case len(x.dims) != 2:
		return operand{}, errRank(x, "N x C, of one position")
	case weight.constant == nil || len(weight.constant.Dims) != 2:
		return operand{}, errors.New("expected its weight to be a constant of two dimensions")
	}
	if err := checkExtents(weight.constant.Dims); err != nil {
		return operand{}, fmt.Errorf("its weight: %w", err)
	}
	out, c := int(weight.constant.Dims[0]), int(weight.constant.Dims[1])
	turn := func(values []float32) []float32 { return values }
	if turned {
		out, c = c, out
		turn = func(values []float32) []float32 { return transposed(values, c, out) }
	}
	if int64(c) != x.dims[1] {
		which := "second"
		if turned {
			which = "first"
		}
		return operand{}, fmt.Errorf("its weight has the dimensions %v; expected the %s to be %d, the values that it reads", weight.constant.Dims, which, x.dims[1])
	}
	a := ir.Linear{Out: out, Bias: ir.NoParam}
	var err error
	if a.Weight, err = in.addParam(weight, "weight", turned, []int{out, c}, turn); err != nil {
		return operand{}, err
	}
	in.unbiased = n.Outputs[0]
	return in.emit(n, a, []int64{x.dims[0], int64(out)}, x.value)
}

// transposed returns the values of a rows x cols matrix by columns.
func transposed(values []float32, rows, cols int) []float32 {
	t := make([]float32, len(values))
	for i := range rows {
		for j := range cols {
			t[j*rows+i] = values[i*cols+j]
		}
	}
	return t
}

// setBias gives the last op, a linear layer without bias, one.
func (in *importer) setBias(bias operand) error {
	op := &in.g.Ops[len(in.g.Ops)-1]
	a := op.Attr.(ir.Linear)
	id, err := in.param(bias, "bias", a.Out)
	if err != nil {
		return err
	}
	a.Bias = id
	op.Attr = a
	in.addBias()
	in.unbiased = ""
	return nil
}

// linearBias imports the sum of a value and a constant: a linear layer's bias.
func (in *importer) linearBias(n *Node, x, bias operand) (operand, error) {
	read := n.Inputs[0]
	if in.operands[read].constant != nil {
		read = n.Inputs[1]
	}
	if read == in.unbiased && in.reads[read] == 1 && in.g.Ops[len(in.g.Ops)-1].Out == x.value {
		return x, in.setBias(bias)
	}
	return operand{}, errors.New("it adds a constant to something else than a linear layer without bias, which is not supported")
}
