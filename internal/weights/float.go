package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// decodeFloats converts little-endian elements of type d to float32. len(src)
// is len(dst)*d.Size(). A float64 too large for float32 becomes an infinity.
func decodeFloats(dst []float32, src []byte, d DType) {
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	case F16:
		for i := range dst {
			dst[i] = float16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	default:
		panic(fmt.Sprintf("BUG: decodeFloats of %v", d))
	}
}

// encodeFloats appends values to dst as little-endian float32.
func encodeFloats(dst []byte, values []float32) []byte {
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
	}
	return dst
}

// float16 widens an IEEE 754 binary16 number; the result is exact.
func float16(h uint16) float32 {
	const (
		mantissaBits = 10
		maxExponent  = 0x1f
		// 2^-24, the value of a subnormal's last bit.
		subnormalUnit = 1.0 / (1 << 24)
		// What to add to a binary16 exponent to bias it for binary32.
		rebias = 127 - 15
	)
	sign := uint32(h>>15) << 31
	exponent := uint32(h>>mantissaBits) & maxExponent
	mantissa := uint32(h) & (1<<mantissaBits - 1)
	switch exponent {
	case 0:
		f := float32(mantissa) * subnormalUnit
		return math.Float32frombits(math.Float32bits(f) | sign)
	case maxExponent:
		return math.Float32frombits(sign | 0xff<<23 | mantissa<<13)
	default:
		return math.Float32frombits(sign | (exponent+rebias)<<23 | mantissa<<13)
	}
}

// firstNonFinite returns the index of the first infinity or NaN, or -1.
func firstNonFinite(values []float32) int {
	const exponentMask = 0xff << 23
	for i, v := range values {
		if math.Float32bits(v)&exponentMask == exponentMask {
			return i
		}
	}
	return -1
}
