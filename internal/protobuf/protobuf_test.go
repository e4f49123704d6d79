package protobuf

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func tag(number protowire.Number, kind protowire.Type, value ...byte) []byte {
	return append(protowire.AppendTag(nil, number, kind), value...)
}

// TestEachField reads a field of each type, groups among them.
func TestEachField(t *testing.T) {
	message := slices.Concat(
		tag(1, protowire.VarintType, 0xac, 0x02),
		tag(2, protowire.BytesType, 2, 'h', 'i'),
		tag(3, protowire.Fixed32Type, 0, 0, 0x80, 0x3f),
		tag(4, protowire.StartGroupType), tag(5, protowire.VarintType, 7), tag(4, protowire.EndGroupType),
		tag(6, protowire.BytesType, 3, 1, 0xac, 0x02),
		tag(6, protowire.VarintType, 9),
	)
	var (
		n       int64
		text    string
		number  float32
		list    []uint64
		numbers []protowire.Number
	)
	err := EachField(message, func(f Field) error {
		numbers = append(numbers, f.Number)
		switch f.Number {
		case 1:
			return f.Int(&n)
		case 2:
			return f.Text(&text)
		case 3:
			return f.Float(&number)
		case 6:
			return f.Varints(func(v uint64) error { list = append(list, v); return nil })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 300 || text != "hi" || number != 1 || !slices.Equal(list, []uint64{1, 300, 9}) {
		t.Errorf("got %d, %q, %g, %d", n, text, number, list)
	}
	if want := []protowire.Number{1, 2, 3, 4, 6, 6}; !slices.Equal(numbers, want) {
		t.Errorf("got the fields %d, want %d", numbers, want)
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name    string
		message []byte
		read    func(Field) error
		want    string
	}{
		{"tag", []byte{8, 1, 0xff}, nil, "byte 2: not a protobuf message, or one that is damaged or cut off"},
		{"value", tag(2, protowire.BytesType, 5, 'a'), nil, "byte 0: not a protobuf message, or one that is damaged or cut off"},
		{"group", tag(2, protowire.StartGroupType), nil, "byte 0: not a protobuf message, or one that is damaged or cut off"},
		{"type", tag(2, protowire.VarintType, 1), func(f Field) error { return f.Text(new(string)) }, "field 2 has wire type 0, expected 2"},
		{"nested", tag(2, protowire.BytesType, 1, 0xff), func(f Field) error { return f.Message(nil) }, "byte 0: not a protobuf message, or one that is damaged or cut off"},
		{"packed", tag(2, protowire.BytesType, 1, 0xff), func(f Field) error { return f.Varints(nil) }, "field 2: not a protobuf message, or one that is damaged or cut off"},
		{"values", tag(2, protowire.BytesType, 1, 0), func(f Field) error { _, err := f.Values(protowire.Fixed64Type); return err }, "field 2 has 1 bytes of values of 8 bytes each"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read := tt.read
			if read == nil {
				read = func(Field) error { return nil }
			}
			if err := EachField(tt.message, read); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
