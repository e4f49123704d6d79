package onnx

import (
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// paramKey tells parameters apart: one tensor may be a linear layer's weight
// and, turned around, another's, or a vector.
type paramKey struct {
	tensor *Tensor
	turned bool
	rank   int // of the parameter, as which the tensor has one shape
}

// param makes a constant a parameter of the given shape, which must have as
// many elements. A tensor that several nodes read is one parameter.
func (in *importer) param(o operand, what string, shape ...int) (ir.ParamID, error) {
	return in.addParam(o, what, false, shape, func(values []float32) []float32 { return values })
}

func (in *importer) addParam(o operand, what string, turned bool, shape []int, turn func([]float32) []float32) (ir.ParamID, error) {
	if o.constant == nil {
		return 0, fmt.Errorf("its %s is computed; expected a constant", what)
	}
	key := paramKey{o.constant, turned, len(shape)}
	if id, ok := in.params[key]; ok && slices.Equal(in.g.Params[id].Shape, shape) {
		return id, nil
	}
	values, err := o.constant.Float32s()
	if err != nil {
		return 0, fmt.Errorf("its %s: %w", what, err)
	}
	p := ir.Param{Name: in.freeName(o.constant.Name), Shape: shape}
	if p.Elems() != len(values) {
		return 0, fmt.Errorf("its %s %q has the dimensions %v; expected %v", what, o.constant.Name, o.constant.Dims, shape)
	}
	for i, v := range values {
		if d := v - v; d != 0 { // an infinity or NaN
			return 0, fmt.Errorf("its %s %q: element %d is %v; expected a finite number", what, o.constant.Name, i, v)
		}
	}
	id := in.g.AddParam(p.Name, shape...)
	in.params[key] = id
	in.weights[p.Name] = turn(values)
	return id, nil
}

// freeName returns a parameter's name that is not taken.
func (in *importer) freeName(name string) string {
	free := name
	for i := 2; ; i++ {
		if _, taken := in.weights[free]; !taken {
			return free
		}
		free = fmt.Sprintf("%s#%d", name, i)
	}
}
