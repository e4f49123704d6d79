package weights

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

// The element types that a file may hold. Only the floating-point types F64,
// F32, F16 and BF16 can be converted to float32; the others can be listed and
// copied (integers count batches in batch normalisation, for example).
const (
	F32 DType = iota
	F16
	BF16
	F64
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
	F8E4M3
	F8E5M2
	numDTypes
)

// dtypes holds, for each DType, its name in a safetensors header and the size
// of an element in bytes.
var dtypes = [numDTypes]struct {
	name string
	size int
}{
	F32:    {"F32", 4},
	F16:    {"F16", 2},
	BF16:   {"BF16", 2},
	F64:    {"F64", 8},
	I64:    {"I64", 8},
	I32:    {"I32", 4},
	I16:    {"I16", 2},
	I8:     {"I8", 1},
	U64:    {"U64", 8},
	U32:    {"U32", 4},
	U16:    {"U16", 2},
	U8:     {"U8", 1},
	Bool:   {"BOOL", 1},
	F8E4M3: {"F8_E4M3", 1},
	F8E5M2: {"F8_E5M2", 1},
}

// String returns the type's name as safetensors writes it, such as "BF16".
func (d DType) String() string {
	if d >= numDTypes {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Size returns the bytes that one element takes.
func (d DType) Size() int { return dtypes[d].size }

// IsFloat reports whether elements of the type can be converted to float32.
func (d DType) IsFloat() bool {
	return d == F32 || d == F16 || d == BF16 || d == F64
}

// dtypeByName returns the type with the given safetensors name.
func dtypeByName(name string) (DType, bool) {
	for d, info := range dtypes {
		if info.name == name {
			return DType(d), true
		}
	}
	return 0, false
}
