package weights

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// protoField is one field of a protobuf message.
type protoField struct {
	number protowire.Number
	kind   protowire.Type
	// varint is the value of a field of VarintType.
	varint uint64
	// bytes is the value of a field of BytesType; of the other types, how the
	// value is written. It aliases the message.
	bytes []byte
}

// eachField calls f with every field of a message, in order, and ends at the
// first error.
func eachField(message []byte, f func(protoField) error) error {
	for at := 0; at < len(message); {
		number, kind, n := protowire.ConsumeTag(message[at:])
		if n < 0 {
			return fmt.Errorf("byte %d: %w", at, protowire.ParseError(n))
		}
		value := message[at+n:]
		size := protowire.ConsumeFieldValue(number, kind, value)
		if size < 0 {
			return fmt.Errorf("byte %d: field %d: %w", at, number, protowire.ParseError(size))
		}
		field := protoField{number: number, kind: kind, bytes: value[:size:size]}
		switch kind {
		case protowire.VarintType:
			field.varint, _ = protowire.ConsumeVarint(value)
		case protowire.BytesType:
			field.bytes, _ = protowire.ConsumeBytes(value)
		}
		if err := f(field); err != nil {
			return err
		}
		at += n + size
	}
	return nil
}

// want returns an error if the field is not of the given type; name is the
// field's.
func (f protoField) want(kind protowire.Type, name string) error {
	if f.kind != kind {
		return fmt.Errorf("%s: wire type %d, expected %d", name, f.kind, kind)
	}
	return nil
}
