package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Tensor is one named array of a checkpoint.
//
// Its elements stay where they are, usually in the mapped file, until
// [Tensor.Float32s] converts them; a Tensor of a [File] must not be used after
// the file's Close.
type Tensor struct {
	// Name is the tensor's name as the file has it, for example
	// "module.layer1.0.conv1.weight".
	Name string
	// DType is the type of the elements.
	DType DType
	// Shape holds the dimensions, outermost first; it is empty for a scalar.
	Shape []int

	// data holds the elements, little-endian, from the tensor's first on. Its
	// element type is stored, which differs from DType after asFloat32.
	data   []byte
	stored DType
	// strides are in elements; nil means row-major without gaps.
	strides []int
}

// maxRank is how many dimensions a tensor of a file may have: as many as
// PyTorch and NumPy allow.
const maxRank = 64

// NewFloat32 returns a tensor with the given values in C order, which it
// copies. It is an error if their number does not fit the shape.
func NewFloat32(name string, shape []int, values []float32) (Tensor, error) {
	n, err := elements(shape)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, err)
	}
	if n != len(values) {
		return Tensor{}, fmt.Errorf("tensor %q: %d values for shape %s, expected %d",
			name, len(values), shapeString(shape), n)
	}
	return Tensor{
		Name:   name,
		DType:  F32,
		Shape:  slices.Clone(shape),
		data:   encodeFloats(make([]byte, 0, 4*n), values),
		stored: F32,
	}, nil
}

// Elements returns the number of elements, 1 for a scalar.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Bytes returns the size of the elements in bytes, stored as DType.
func (t Tensor) Bytes() int { return t.Elements() * t.DType.Size() }

// String describes the tensor, for example "fc.bias F32 400".
func (t Tensor) String() string {
	return fmt.Sprintf("%s %v %s", t.Name, t.DType, shapeString(t.Shape))
}

// Float32s returns a copy of the elements, in C order, as float32. Float64
// elements are rounded to nearest, to an infinity if they are too large. It is
// an error if the elements are not floating-point numbers.
func (t Tensor) Float32s() ([]float32, error) {
	if !t.stored.IsFloat() {
		return nil, fmt.Errorf("tensor %q holds %v, expected floating-point numbers (F32, F16, BF16 or F64)",
			t.Name, t.stored)
	}
	out := make([]float32, t.Elements())
	t.forEachChunk(func(start, n int, raw []byte) error {
		decodeFloats(out[start:start+n], raw, t.stored)
		return nil
	})
	return out, nil
}

// asFloat32 returns the tensor with its elements converted to float32 when
// they are read; tensors of integers come back as they are.
func (t Tensor) asFloat32() Tensor {
	if t.stored.IsFloat() {
		t.DType = F32
	}
	return t
}

// chunkElements is how many elements are converted at a time: few enough for
// the cache, many enough for one write.
const chunkElements = 1 << 14

// forEachChunk calls f with successive runs of elements in C order: the first
// one's index, their number, and their little-endian bytes of type t.stored.
func (t Tensor) forEachChunk(f func(start, n int, raw []byte) error) error {
	total, size := t.Elements(), t.stored.Size()
	var buf []byte
	for start := 0; start < total; start += chunkElements {
		n := min(chunkElements, total-start)
		var raw []byte
		if t.strides == nil {
			raw = t.data[start*size : (start+n)*size]
		} else {
			buf = t.gather(buf[:0], start, n)
			raw = buf
		}
		if err := f(start, n, raw); err != nil {
			return err
		}
	}
	return nil
}

// gather appends to dst the n elements of a strided tensor that begin with the
// element of index start in C order.
func (t Tensor) gather(dst []byte, start, n int) []byte {
	rank, size := len(t.Shape), t.stored.Size()
	index := make([]int, rank)
	offset := 0
	for i, rest := rank-1, start; i >= 0; i-- {
		index[i] = rest % t.Shape[i]
		rest /= t.Shape[i]
		offset += index[i] * t.strides[i]
	}
	for range n {
		dst = append(dst, t.data[offset*size:(offset+1)*size]...)
		for i := rank - 1; i >= 0; i-- {
			index[i]++
			offset += t.strides[i]
			if index[i] < t.Shape[i] {
				break
			}
			offset -= index[i] * t.strides[i]
			index[i] = 0
		}
	}
	return dst
}

// writeTo writes the elements, little-endian and in C order, as t.DType.
func (t Tensor) writeTo(w io.Writer) error {
	if t.DType == t.stored {
		if t.strides == nil {
			_, err := w.Write(t.data[:t.Bytes()])
			return err
		}
		return t.forEachChunk(func(_, _ int, raw []byte) error {
			_, err := w.Write(raw)
			return err
		})
	}
	var (
		floats = make([]float32, chunkElements)
		buf    []byte
	)
	return t.forEachChunk(func(_, n int, raw []byte) error {
		decodeFloats(floats[:n], raw, t.stored)
		buf = encodeFloats(buf[:0], floats[:n])
		_, err := w.Write(buf)
		return err
	})
}

// checkFinite returns an error that names the first element that is, or
// becomes as float32, an infinity or NaN. Tensors of integers pass.
func (t Tensor) checkFinite() error {
	if !t.stored.IsFloat() {
		return nil
	}
	floats := make([]float32, chunkElements)
	return t.forEachChunk(func(start, n int, raw []byte) error {
		decodeFloats(floats[:n], raw, t.stored)
		if i := firstNonFinite(floats[:n]); i >= 0 {
			return t.nonFinite(start+i, floats[i], raw[i*t.stored.Size():])
		}
		return nil
	})
}

// nonFinite is the error for element i, which as float32 is v; raw begins with
// its bytes.
func (t Tensor) nonFinite(i int, v float32, raw []byte) error {
	found := fmt.Sprint(v)
	if t.stored == F64 {
		if d := math.Float64frombits(binary.LittleEndian.Uint64(raw)); !math.IsInf(d, 0) && !math.IsNaN(d) {
			found = fmt.Sprintf("%g, too large for float32", d)
		}
	}
	return fmt.Errorf("%s: element %d is %s, expected a finite number", t.Name, i, found)
}

// elements returns the product of the dimensions. A negative dimension and a
// product that does not fit an int are errors.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %s has a negative dimension", shapeString(shape))
		}
		hi, lo := bits.Mul64(uint64(n), uint64(d))
		if hi != 0 || lo > math.MaxInt {
			return 0, fmt.Errorf("shape %s has too many elements", shapeString(shape))
		}
		n = int(lo)
	}
	return n, nil
}

// shapeString writes a shape as "64x3x1x7x7", or "scalar" for the empty one.
func shapeString(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.Itoa(d)
	}
	return strings.Join(dims, "x")
}
