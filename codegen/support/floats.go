package support

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// littleEndian reports whether this processor keeps numbers as weights files do.
func littleEndian() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

// floats returns the little-endian float32 values in data: data itself seen as
// values where processor and alignment allow that, else a copy.
func floats(data []byte) []float32 {
	n := len(data) / 4
	if n == 0 {
		return nil
	}
	if littleEndian() && uintptr(unsafe.Pointer(&data[0]))%4 == 0 {
		return floatsIn(data)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

// floatsIn returns memory, aligned to values and not empty, seen as values.
func floatsIn(data []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&data[0])), len(data)/4)
}

// floatBytes is the reverse of floats.
func floatBytes(values []float32) []byte {
	if len(values) == 0 {
		return nil
	}
	if littleEndian() {
		return unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), 4*len(values))
	}
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}
