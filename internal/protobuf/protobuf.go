// Package protobuf reads messages in protobuf's wire format field by field. It is
// for formats of which a few fields matter: generated code would bring all.
//
// A file is data from somebody else. No length in it is believed before it is
// compared with what is there, and nothing is copied.
package protobuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field is one field of a message.
type Field struct {
	Number protowire.Number
	Type   protowire.Type
	Varint uint64 // the value of a field of VarintType
	// Bytes is the value of a field of BytesType; of the other types, how the
	// value is written. It aliases the message.
	Bytes []byte
}

// errDamaged stands for protowire's errors, whose texts are not the same in
// every program.
var errDamaged = errors.New("not a protobuf message, or one that is damaged or cut off")

// EachField calls f with every field of a message, in order, and ends at the
// first error. Where a message cannot be read, the error says at which byte.
func EachField(message []byte, f func(Field) error) error {
	for at := 0; at < len(message); {
		number, kind, n := protowire.ConsumeTag(message[at:])
		if n < 0 {
			return fmt.Errorf("byte %d: %w", at, errDamaged)
		}
		value := message[at+n:]
		size := protowire.ConsumeFieldValue(number, kind, value)
		if size < 0 {
			return fmt.Errorf("byte %d: %w", at, errDamaged)
		}
		field := Field{Number: number, Type: kind, Bytes: value[:size:size]}
		switch kind {
		case protowire.VarintType:
			field.Varint, _ = protowire.ConsumeVarint(value)
		case protowire.BytesType:
			field.Bytes, _ = protowire.ConsumeBytes(value)
		}
		if err := f(field); err != nil {
			return err
		}
		at += n + size
	}
	return nil
}

// Want returns an error if the field is not of the given type.
func (f Field) Want(kind protowire.Type) error {
	if f.Type != kind {
		return fmt.Errorf("field %d has wire type %d, expected %d", f.Number, f.Type, kind)
	}
	return nil
}

// Message calls each with every field of a nested message, as EachField does.
func (f Field) Message(each func(Field) error) error {
	if err := f.Want(protowire.BytesType); err != nil {
		return err
	}
	return EachField(f.Bytes, each)
}

// Int sets dst to an integer.
func (f Field) Int(dst *int64) error {
	if err := f.Want(protowire.VarintType); err != nil {
		return err
	}
	*dst = int64(f.Varint)
	return nil
}

// Float sets dst to a number.
func (f Field) Float(dst *float32) error {
	if err := f.Want(protowire.Fixed32Type); err != nil {
		return err
	}
	*dst = math.Float32frombits(binary.LittleEndian.Uint32(f.Bytes))
	return nil
}

// Text sets dst to a string.
func (f Field) Text(dst *string) error {
	if err := f.Want(protowire.BytesType); err != nil {
		return err
	}
	*dst = string(f.Bytes)
	return nil
}

// Varints calls each with the integers of a repeated field: those of a packed
// one, or the single one that it is.
func (f Field) Varints(each func(uint64) error) error {
	if f.Type == protowire.VarintType {
		return each(f.Varint)
	}
	if err := f.Want(protowire.BytesType); err != nil {
		return err
	}
	for rest := f.Bytes; len(rest) > 0; {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return fmt.Errorf("field %d: %w", f.Number, errDamaged)
		}
		if err := each(v); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// Values returns the little-endian numbers of a repeated field, packed or a
// single one of the given type, Fixed32Type or Fixed64Type.
func (f Field) Values(single protowire.Type) ([]byte, error) {
	if f.Type == single {
		return f.Bytes, nil
	}
	if err := f.Want(protowire.BytesType); err != nil {
		return nil, err
	}
	size := 4
	if single == protowire.Fixed64Type {
		size = 8
	}
	if len(f.Bytes)%size != 0 {
		return nil, fmt.Errorf("field %d has %d bytes of values of %d bytes each", f.Number, len(f.Bytes), size)
	}
	return f.Bytes, nil
}
