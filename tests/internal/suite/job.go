package suite

import (
	"encoding/binary"
	"math"
)

// job is one network on one instruction set, run once for each number of
// threads. The results file gets, for each run, the values in order.
type job struct {
	Net     string
	ISA     string
	Threads []int
	Weights string // path
	Clip    string // path
	Want    []value
}

// value is an output or a tap.
type value struct {
	Name string
	Len  int // in float32 values
	Tap  bool
}

// encode returns values as little-endian bytes.
func encode(values []float32) []byte {
	b := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// decode is the reverse of encode.
func decode(b []byte) []float32 {
	values := make([]float32, len(b)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return values
}
