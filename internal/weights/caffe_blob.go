package weights

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
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
	if err := eachField(message, b.field); err != nil {
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
func (b *caffeBlob) field(f protoField) (err error) {
	switch f.number {
	case 1, 2, 3, blobExtents:
		if err := f.want(protowire.VarintType, "an extent"); err != nil {
			return err
		}
		b.hasExtents = true
		b.extents[f.number-1], err = caffeDim(f.varint)
	case blobData:
		b.floats, err = appendValues(b.floats, f, protowire.Fixed32Type)
	case blobDoubleData:
		b.doubles, err = appendValues(b.doubles, f, protowire.Fixed64Type)
	case blobShape:
		if err := f.want(protowire.BytesType, "the shape"); err != nil {
			return err
		}
		return eachField(f.bytes, b.shapeField)
	}
	return err
}

// shapeField takes a field of the shape's message: dimensions, packed or one
// by one.
func (b *caffeBlob) shapeField(f protoField) error {
	if f.number != blobShapeDim {
		return nil
	}
	if f.kind == protowire.VarintType {
		return b.addDim(f.varint)
	}
	if err := f.want(protowire.BytesType, "a dimension"); err != nil {
		return err
	}
	for rest := f.bytes; len(rest) > 0; {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return fmt.Errorf("shape: %w", protowire.ParseError(n))
		}
		if err := b.addDim(v); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
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
func appendValues(values []byte, f protoField, single protowire.Type) ([]byte, error) {
	size := 4
	if single == protowire.Fixed64Type {
		size = 8
	}
	if f.kind != single {
		if err := f.want(protowire.BytesType, "the values"); err != nil {
			return nil, err
		}
		if len(f.bytes)%size != 0 {
			return nil, fmt.Errorf("%d bytes of values of %d bytes each", len(f.bytes), size)
		}
	}
	if len(values) == 0 {
		return f.bytes[:len(f.bytes):len(f.bytes)], nil
	}
	return append(values, f.bytes...), nil
}
