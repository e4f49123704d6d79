package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message: a number, or bytes that alias the
// file.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	n     uint64 // of a varint or a fixed-size field
	bytes []byte // of a length-delimited field
}

// eachField calls f for the fields of a message in order. Groups, which ONNX
// does not have, are skipped.
func eachField(message []byte, f func(field) error) error {
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return wireError(n)
		}
		message = message[n:]
		v := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			v.n, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(message)
			v.n = uint64(x)
		case protowire.Fixed64Type:
			v.n, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(num, typ, message)
		}
		if n < 0 {
			return wireError(n)
		}
		message = message[n:]
		if err := f(v); err != nil {
			return err
		}
	}
	return nil
}

// wireError is protowire's error without its prefix, whose spaces vary.
func wireError(n int) error {
	switch protowire.ParseError(n) {
	case nil:
		panic("BUG: no error in protobuf")
	default:
		return errors.New("not a protobuf message, as ONNX models are, or one that is damaged or cut off")
	}
}

// errWire is a known field of another wire type than it has in ONNX.
func (v field) errWire() error { return fmt.Errorf("field %d has wire type %d", v.num, v.typ) }

func (v field) int(dst *int64) error {
	if v.typ != protowire.VarintType {
		return v.errWire()
	}
	*dst = int64(v.n)
	return nil
}

func (v field) float(dst *float32) error {
	if v.typ != protowire.Fixed32Type {
		return v.errWire()
	}
	*dst = math.Float32frombits(uint32(v.n))
	return nil
}

func (v field) text(dst *string) error {
	if v.typ != protowire.BytesType {
		return v.errWire()
	}
	*dst = string(v.bytes)
	return nil
}

func (v field) texts(dst *[]string) error {
	var s string
	if err := v.text(&s); err != nil {
		return err
	}
	*dst = append(*dst, s)
	return nil
}

// ints appends a repeated integer, packed or not.
func (v field) ints(dst *[]int64) error {
	if v.typ == protowire.VarintType {
		*dst = append(*dst, int64(v.n))
		return nil
	}
	if v.typ != protowire.BytesType {
		return v.errWire()
	}
	for b := v.bytes; len(b) > 0; {
		x, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return wireError(n)
		}
		*dst = append(*dst, int64(x))
		b = b[n:]
	}
	return nil
}

// floats appends a repeated float, packed or not.
func (v field) floats(dst *[]float32) error {
	if v.typ == protowire.Fixed32Type {
		*dst = append(*dst, math.Float32frombits(uint32(v.n)))
		return nil
	}
	if v.typ != protowire.BytesType {
		return v.errWire()
	}
	for b := v.bytes; len(b) > 0; {
		x, n := protowire.ConsumeFixed32(b)
		if n < 0 {
			return wireError(n)
		}
		*dst = append(*dst, math.Float32frombits(x))
		b = b[n:]
	}
	return nil
}

// message decodes a nested message.
func (v field) message(f func(field) error) error {
	if v.typ != protowire.BytesType {
		return v.errWire()
	}
	return eachField(v.bytes, f)
}
