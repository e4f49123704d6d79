package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// DataType is the type of a tensor's elements, by ONNX's numbers.
type DataType int64

// The element types that networks and the shapes in them have.
const (
	Float DataType = 1
	Int32 DataType = 6
	Int64 DataType = 7
)

// dataTypes are the names of ONNX's element types, by number.
var dataTypes = [...]string{"UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING",
	"BOOL", "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16"}

// String returns ONNX's name of the type.
func (t DataType) String() string {
	if t < 0 || int(t) >= len(dataTypes) {
		return fmt.Sprintf("type %d", int64(t))
	}
	return dataTypes[t]
}

// Tensor is a constant array in C order. Its elements are in one of the last
// fields: Raw holds them little-endian, as most files do.
type Tensor struct {
	Name   string
	Type   DataType
	Dims   []int64
	Raw    []byte
	Floats []float32
	Ints   []int64   // of Int64, or of Int32
	Extern *External // the elements are in another file
}

// External says where the elements of a tensor are: in a file beside the model's.
type External struct {
	Location       string
	Offset, Length int64 // in bytes; Length is 0 for the file's rest
}

// elements returns how many elements the dimensions make.
func (t *Tensor) elements() (int, error) {
	n := uint64(1)
	for _, d := range t.Dims {
		if d < 0 {
			return 0, fmt.Errorf("tensor %q has the negative dimension %d", t.Name, d)
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt32 {
			return 0, fmt.Errorf("tensor %q of dimensions %v has more than %d elements", t.Name, t.Dims, math.MaxInt32)
		}
		n = lo
	}
	return int(n), nil
}

// Float32s returns the elements of a tensor of type Float, which may be those
// of the tensor itself. It is an error if they are fewer or more than the
// dimensions make.
func (t *Tensor) Float32s() ([]float32, error) {
	n, err := t.elements()
	if err != nil {
		return nil, err
	}
	if t.Type != Float {
		return nil, fmt.Errorf("tensor %q holds %v, expected %v", t.Name, t.Type, Float)
	}
	if t.Raw == nil {
		return t.Floats, t.count(n, len(t.Floats))
	}
	if err := t.count(4*n, len(t.Raw)); err != nil {
		return nil, err
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
	}
	return values, nil
}

// Int64s is Float32s for tensors of type Int64 and Int32.
func (t *Tensor) Int64s() ([]int64, error) {
	n, err := t.elements()
	if err != nil {
		return nil, err
	}
	size := 8
	switch t.Type {
	case Int64:
	case Int32:
		size = 4
	default:
		return nil, fmt.Errorf("tensor %q holds %v, expected %v", t.Name, t.Type, Int64)
	}
	if t.Raw == nil {
		return t.Ints, t.count(n, len(t.Ints))
	}
	if err := t.count(size*n, len(t.Raw)); err != nil {
		return nil, err
	}
	values := make([]int64, n)
	for i := range values {
		if size == 4 {
			values[i] = int64(int32(binary.LittleEndian.Uint32(t.Raw[4*i:])))
		} else {
			values[i] = int64(binary.LittleEndian.Uint64(t.Raw[8*i:]))
		}
	}
	return values, nil
}

// count compares the number of values, or bytes, with what the dimensions want.
func (t *Tensor) count(want, got int) error {
	switch {
	case want == got:
		return nil
	case t.Extern != nil && t.Raw == nil:
		return fmt.Errorf("the elements of tensor %q are in the file %q, which was not read", t.Name, t.Extern.Location)
	case t.Raw != nil:
		return fmt.Errorf("tensor %q has %d bytes; expected %d for %v of dimensions %v", t.Name, got, want, t.Type, t.Dims)
	}
	return fmt.Errorf("tensor %q has %d elements; expected %d for dimensions %v", t.Name, got, want, t.Dims)
}
