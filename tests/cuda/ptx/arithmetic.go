package ptx

import (
	"math"
	"math/bits"
)

// lanes are the values that a register has in a warp's lanes, in the low bits.
type lanes [warpSize]uint64

const warpSize = 32

// arithmetic returns the instructions on registers alone. Integers that are too long
// wrap, shifts by more than there are bits leave nothing but the sign, and
// denormal numbers stay unless ftz says otherwise.
func arithmetic() map[string]form {
	all := map[string]form{}
	add := func(operands string, ops map[string]func(d, a, b, c *lanes)) {
		for name, f := range ops {
			all[name] = form{class: Other, operands: operands, compute: f}
		}
	}
	type ops = map[string]func(d, a, b, c *lanes)
	add("d s", ops{
		"mov.b32":  one(func(a uint64) uint64 { return uint64(uint32(a)) }),
		"mov.u32":  one(func(a uint64) uint64 { return uint64(uint32(a)) }),
		"mov.f32":  one(func(a uint64) uint64 { return uint64(uint32(a)) }),
		"mov.u64":  one(func(a uint64) uint64 { return a }),
		"mov.pred": one(func(a uint64) uint64 { return truth(a != 0) }),
		"not.b32":  one(func(a uint64) uint64 { return uint64(^uint32(a)) }),
		"not.pred": one(func(a uint64) uint64 { return a ^ 1 }),
		"neg.s32":  one(func(a uint64) uint64 { return uint64(-uint32(a)) }),

		"cvt.s64.s32": one(func(a uint64) uint64 { return uint64(int64(int32(a))) }),
		"cvt.u64.u32": one(func(a uint64) uint64 { return uint64(uint32(a)) }),
		"cvt.u32.u64": one(func(a uint64) uint64 { return uint64(uint32(a)) }),
		"cvt.u32.u16": one(func(a uint64) uint64 { return uint64(uint16(a)) }),
		"cvt.u16.u32": one(func(a uint64) uint64 { return uint64(uint16(a)) }),

		"cvt.rn.f32.s32":     one(func(a uint64) uint64 { return word(float32(int32(a))) }),
		"cvt.rn.f32.u16":     one(func(a uint64) uint64 { return word(float32(uint16(a))) }),
		"cvt.f32.f16":        one(func(a uint64) uint64 { return word(fromF16(uint16(a))) }),
		"cvt.rna.tf32.f32":   one(func(a uint64) uint64 { return uint64(toTF32(float(a))) }),
		"ex2.approx.ftz.f32": one(func(a uint64) uint64 { return word(powerOfTwo(float(a))) }),
		"cvta.to.global.u64": one(func(a uint64) uint64 { return a }),
		"cvta.to.shared.u64": one(func(a uint64) uint64 { return a - sharedWindow }),
		"cvta.shared.u64":    one(func(a uint64) uint64 { return a + sharedWindow }),
	})
	add("d s s", ops{
		"add.s32": two(func(a, b uint64) uint64 { return uint64(uint32(a) + uint32(b)) }),
		"add.s64": two(func(a, b uint64) uint64 { return a + b }),
		"sub.s16": two(func(a, b uint64) uint64 { return uint64(uint16(a) - uint16(b)) }),
		"sub.s32": two(func(a, b uint64) uint64 { return uint64(uint32(a) - uint32(b)) }),
		"sub.s64": two(func(a, b uint64) uint64 { return a - b }),
		"min.s32": two(func(a, b uint64) uint64 { return uint64(uint32(min(int32(a), int32(b)))) }),
		"max.s32": two(func(a, b uint64) uint64 { return uint64(uint32(max(int32(a), int32(b)))) }),

		"mul.lo.s16":   two(func(a, b uint64) uint64 { return uint64(uint16(a) * uint16(b)) }),
		"mul.lo.s32":   two(func(a, b uint64) uint64 { return uint64(uint32(a) * uint32(b)) }),
		"mul.lo.s64":   two(func(a, b uint64) uint64 { return a * b }),
		"mul.hi.s32":   two(func(a, b uint64) uint64 { return uint64(uint32(int64(int32(a)) * int64(int32(b)) >> 32)) }),
		"mul.hi.s64":   two(highSigned),
		"mul.wide.u16": two(func(a, b uint64) uint64 { return uint64(uint32(uint16(a)) * uint32(uint16(b))) }),
		"mul.wide.u32": two(func(a, b uint64) uint64 { return uint64(uint32(a)) * uint64(uint32(b)) }),
		"mul.wide.s32": two(func(a, b uint64) uint64 { return uint64(int64(int32(a)) * int64(int32(b))) }),

		"and.b16":  two(func(a, b uint64) uint64 { return uint64(uint16(a & b)) }),
		"and.b32":  two(func(a, b uint64) uint64 { return uint64(uint32(a & b)) }),
		"and.b64":  two(func(a, b uint64) uint64 { return a & b }),
		"and.pred": two(func(a, b uint64) uint64 { return a & b }),
		"or.b32":   two(func(a, b uint64) uint64 { return uint64(uint32(a | b)) }),
		"or.b64":   two(func(a, b uint64) uint64 { return a | b }),
		"or.pred":  two(func(a, b uint64) uint64 { return a | b }),
		"xor.b32":  two(func(a, b uint64) uint64 { return uint64(uint32(a ^ b)) }),
		"xor.pred": two(func(a, b uint64) uint64 { return a ^ b }),

		"shl.b32": two(func(a, b uint64) uint64 { return uint64(uint32(a) << uint32(b)) }),
		"shl.b64": two(func(a, b uint64) uint64 { return a << uint32(b) }),
		"shr.u32": two(func(a, b uint64) uint64 { return uint64(uint32(a) >> uint32(b)) }),
		"shr.s32": two(func(a, b uint64) uint64 { return uint64(uint32(int32(a) >> uint32(b))) }),
		"shr.u64": two(func(a, b uint64) uint64 { return a >> uint32(b) }),
		"shr.s64": two(func(a, b uint64) uint64 { return uint64(int64(a) >> uint32(b)) }),

		"setp.eq.b32":  two(func(a, b uint64) uint64 { return truth(uint32(a) == uint32(b)) }),
		"setp.eq.s32":  two(func(a, b uint64) uint64 { return truth(uint32(a) == uint32(b)) }),
		"setp.ne.s32":  two(func(a, b uint64) uint64 { return truth(uint32(a) != uint32(b)) }),
		"setp.lt.s32":  two(func(a, b uint64) uint64 { return truth(int32(a) < int32(b)) }),
		"setp.le.s32":  two(func(a, b uint64) uint64 { return truth(int32(a) <= int32(b)) }),
		"setp.gt.s32":  two(func(a, b uint64) uint64 { return truth(int32(a) > int32(b)) }),
		"setp.ge.s32":  two(func(a, b uint64) uint64 { return truth(int32(a) >= int32(b)) }),
		"setp.lt.u32":  two(func(a, b uint64) uint64 { return truth(uint32(a) < uint32(b)) }),
		"setp.gt.u32":  two(func(a, b uint64) uint64 { return truth(uint32(a) > uint32(b)) }),
		"setp.lt.f32":  two(func(a, b uint64) uint64 { return truth(float(a) < float(b)) }),
		"setp.gt.f32":  two(func(a, b uint64) uint64 { return truth(float(a) > float(b)) }),
		"setp.nan.f32": two(func(a, b uint64) uint64 { return truth(float(a) != float(a) || float(b) != float(b)) }),

		"max.NaN.f32": two(largerOrNaN),

		"add.f32":    two(func(a, b uint64) uint64 { return word(float(a) + float(b)) }),
		"sub.f32":    two(func(a, b uint64) uint64 { return word(float(a) - float(b)) }),
		"mul.f32":    two(func(a, b uint64) uint64 { return word(float(a) * float(b)) }),
		"div.rn.f32": two(func(a, b uint64) uint64 { return word(float(a) / float(b)) }),

		// The first operand is the upper half.
		"cvt.rn.bf16x2.f32": two(func(a, b uint64) uint64 { return uint64(toBF16(float(a)))<<16 | uint64(toBF16(float(b))) }),
		"cvt.rn.f16x2.f32":  two(func(a, b uint64) uint64 { return uint64(toF16(float(a)))<<16 | uint64(toF16(float(b))) }),
	})
	add("d s s s", ops{
		"mad.lo.s32": three(func(a, b, c uint64) uint64 { return uint64(uint32(a)*uint32(b) + uint32(c)) }),
		"fma.rn.f32": three(func(a, b, c uint64) uint64 { return word(fma(float(a), float(b), float(c))) }),
		"selp.b32":   three(choose32),
		"selp.f32":   three(choose32),
		"selp.b64":   three(choose),
	})
	add("d p", ops{
		"ld.param.u32": one(func(a uint64) uint64 { return uint64(uint32(a)) }),
		"ld.param.u64": one(func(a uint64) uint64 { return a }),
	})
	return all
}

// one, two and three compute every lane from as many operands.
func one(f func(a uint64) uint64) func(d, a, b, c *lanes) {
	return func(d, a, _, _ *lanes) {
		for i := range d {
			d[i] = f(a[i])
		}
	}
}

func two(f func(a, b uint64) uint64) func(d, a, b, c *lanes) {
	return func(d, a, b, _ *lanes) {
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	}
}

func three(f func(a, b, c uint64) uint64) func(d, a, b, c *lanes) {
	return func(d, a, b, c *lanes) {
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	}
}

// largerOrNaN is the maximum, and the one NaN that instructions make if an operand is one.
// 0 is larger than -0.
func largerOrNaN(a, b uint64) uint64 {
	x, y := float(a), float(b)
	switch {
	case x != x || y != y:
		return 0x7fffffff
	case x == 0 && y == 0:
		return a & b
	}
	return word(max(x, y))
}

// truth is a predicate's value.
func truth(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

func choose(a, b, p uint64) uint64 {
	if p != 0 {
		return a
	}
	return b
}

func choose32(a, b, p uint64) uint64 { return uint64(uint32(choose(a, b, p))) }

// highSigned is the upper half of a product of 128 bits.
func highSigned(a, b uint64) uint64 {
	high, _ := bits.Mul64(a, b)
	if int64(a) < 0 {
		high -= b
	}
	if int64(b) < 0 {
		high -= a
	}
	return high
}

func float(bits uint64) float32 { return math.Float32frombits(uint32(bits)) }
func word(x float32) uint64     { return uint64(math.Float32bits(x)) }
