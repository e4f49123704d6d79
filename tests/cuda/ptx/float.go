package ptx

import "math"

// roundTo rounds to so many bits of fraction, with exponents from least on: below,
// numbers are denormal. Ties go to the even neighbour.
func roundTo(x float64, fraction, least int) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	unit := max(math.Ilogb(x), least) - fraction
	return math.Ldexp(math.RoundToEven(math.Ldexp(x, -unit)), unit)
}

// toBF16 returns the bits of bfloat16: float32's upper half, rounded.
func toBF16(x float32) uint16 {
	if x != x {
		return 0x7fff
	}
	return uint16(math.Float32bits(float32(roundTo(float64(x), 7, -126))) >> 16)
}

func fromBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// toF16 returns the bits of a half: sign, 5 bits of exponent, 10 of fraction.
func toF16(x float32) uint16 {
	sign := uint16(math.Float32bits(x) >> 16 & 0x8000)
	if x != x {
		return 0x7fff
	}
	y := math.Abs(roundTo(float64(x), 10, -14))
	switch {
	case y > 65504:
		return sign | 0x7c00
	case y < 0x1p-14:
		return sign | uint16(y*0x1p24)
	}
	exponent := math.Ilogb(y)
	return sign | uint16(exponent+15)<<10 | uint16(math.Ldexp(y, 10-exponent))&0x3ff
}

func fromF16(h uint16) float32 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var x float64
	switch exponent {
	case 0:
		x = fraction * 0x1p-24
	case 31:
		if x = math.Inf(1); fraction != 0 {
			return float32(math.NaN())
		}
	default:
		x = math.Ldexp(1+fraction*0x1p-10, exponent-15)
	}
	if h&0x8000 != 0 {
		x = -x
	}
	return float32(x)
}

// toTF32 returns float32's bits, rounded to 10 bits of fraction, ties away from zero.
func toTF32(x float32) uint32 {
	bits := math.Float32bits(x)
	if x-x != 0 { // infinite, or no number
		return bits
	}
	return (bits + 1<<12) &^ (1<<13 - 1)
}

// fma is x*y + z, rounded once. The product is exact in float64, and the sum rounds to
// an odd fraction, so that rounding it once more is right.
func fma(x, y, z float32) float32 {
	p := float64(x) * float64(y)
	c := float64(z)
	sum := float64(p + c)
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		return float32(sum)
	}
	// What the sum lost, which is exact.
	back := float64(sum - p)
	lost := float64(p-float64(sum-back)) + float64(c-back)
	if bits := math.Float64bits(sum); lost != 0 && bits&1 == 0 {
		if (lost > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
		sum = math.Float64frombits(bits)
	}
	return float32(sum)
}

// powerOfTwo is 2^x to within what the manual allows; denormal numbers are zeros.
func powerOfTwo(x float32) float32 {
	y := float32(math.Exp2(float64(x)))
	if y < 0x1p-126 {
		return 0
	}
	return y
}
