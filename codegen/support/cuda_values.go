package support

import (
	"encoding/binary"
	"math"
)

// put writes a value, rounded to the nearest, ties to even. It reports false
// where the precision has no finite value for it.
func (p precision) put(to []byte, x float32) bool {
	switch p {
	case bfloat16:
		bits := math.Float32bits(x)
		bits = (bits + 0x7fff + bits>>16&1) >> 16
		binary.LittleEndian.PutUint16(to, uint16(bits))
		return bits&0x7f80 != 0x7f80
	case half:
		h := toHalf(x)
		binary.LittleEndian.PutUint16(to, h)
		return h&0x7c00 != 0x7c00
	}
	binary.LittleEndian.PutUint32(to, math.Float32bits(x))
	return finite(x)
}

// get reads a value.
func (p precision) get(from []byte) float32 {
	switch p {
	case bfloat16:
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(from)) << 16)
	case half:
		return fromHalf(binary.LittleEndian.Uint16(from))
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(from))
}

// Half precision has a sign, 5 bits of exponent, and 10 of fraction.

// toHalf rounds to half precision. What is too large becomes infinite.
func toHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, magnitude := uint16(bits>>16&0x8000), bits&0x7fffffff
	switch {
	case magnitude > 0x7f800000:
		return 0x7e00
	case magnitude >= 0x47800000: // 65536
		return sign | 0x7c00
	case magnitude < 0x38800000: // 2^-14: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(magnitude))*0x1p24))
	}
	magnitude += 0xfff + magnitude>>13&1
	return sign | uint16((magnitude-0x38000000)>>13)
}

// fromHalf returns half precision's value.
func fromHalf(h uint16) float32 {
	sign, magnitude := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case magnitude >= 0x7c00:
		return math.Float32frombits(sign | 0x7f800000 | magnitude<<13)
	case magnitude >= 0x400:
		return math.Float32frombits(sign | magnitude<<13 + 0x38000000)
	}
	return math.Float32frombits(sign | math.Float32bits(float32(magnitude)*0x1p-24))
}
