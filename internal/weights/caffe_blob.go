package weights

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/p3dc/p3dc/internal/protobuf"
)

// The fields of a BlobProto that are read, and of its BlobShape. Fields 1 to 4
// are the extents of a blob of four dimensions, from before it had a shape.
const (
	blobExtents    = 4
	blobData       = 5
	blobShape      = 7
	blobDoubleData = 8

	blobShapeDim = 1
)

// caffeBlob is what a BlobProto says.
type caffeBlob struct {
	extents    [blobExtents]int
	hasExtents bool
	shape      []int
	floats     []byte
	doubles    []byte
}

// parseCaffeBlob reads the message of a blob. The tensor has no name yet.
func parseCaffeBlob(message []byte) (Tensor, error) {
	var b caffeBlob
	if err := protobuf.EachField(message, b.field); err != nil {
		return Tensor{}, err
	}
	if b.hasExtents { // Caffe, too, asks for them first
		b.shape = b.extents[:]
	}
	n, err := elements(b.shape)
	if err != nil {
		return Tensor{}, err
	}
	if len(b.floats) > 0 && len(b.doubles) > 0 {
		return Tensor{}, errors.New("values both of float and of double, expected one of them")
	}
	t := Tensor{DType: F32, Shape: b.shape, data: b.floats}
	if len(b.doubles) > 0 {
		t.DType, t.data = F64, b.doubles
	}
	t.stored = t.DType
	if size := t.DType.Size(); n > math.MaxInt/8 || len(t.data) != n*size {
		return Tensor{}, fmt.Errorf("%d bytes of values, expected %d elements of %v (shape %s)",
			len(t.data), n, t.DType, shapeString(t.Shape))
	}
	return t, nil
}

// field takes a field of the message.
func (b *caffeBlob) field(f protobuf.Field) (err error) {
	switch f.Number {
	case 1, 2, 3, blobExtents:
		if err := f.Want(protowire.VarintType); err != nil {
			return err
		}
		b.hasExtents = true
		b.extents[f.Number-1], err = caffeDim(f.Varint)
	case blobData:
		b.floats, err = appendValues(b.floats, f, protowire.Fixed32Type)
	case blobDoubleData:
		b.doubles, err = appendValues(b.doubles, f, protowire.Fixed64Type)
	case blobShape:
		return f.Message(b.shapeField)
	}
	return err
}

// shapeField takes a field of the shape's message: dimensions, packed or one
// by one.
func (b *caffeBlob) shapeField(f protobuf.Field) error {
	if f.Number != blobShapeDim {
		return nil
	}
	return f.Varints(b.addDim)
}

func (b *caffeBlob) addDim(v uint64) error {
	if len(b.shape) == maxRank {
		return fmt.Errorf("more than %d dimensions", maxRank)
	}
	d, err := caffeDim(v)
	b.shape = append(b.shape, d)
	return err
}

// caffeDim returns a dimension. Negative ones are written as uint64 above
// MaxInt64.
func caffeDim(v uint64) (int, error) {
	if v > math.MaxInt {
		return 0, fmt.Errorf("a dimension of %d, expected a number from 0 up that fits an int", int64(v))
	}
	return int(v), nil
}

// appendValues appends the values of a field, packed or a single one of the
// given type. The first are not copied.
func appendValues(values []byte, f protobuf.Field, single protowire.Type) ([]byte, error) {
	more, err := f.Values(single)
	if len(values) == 0 {
		return more[:len(more):len(more)], err
	}
	return append(values, more...), err
}
