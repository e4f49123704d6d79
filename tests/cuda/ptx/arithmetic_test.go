package ptx

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestArithmetic compares instructions on registers with what the manual says, at the edges.
func TestArithmetic(t *testing.T) {
	const top = 1 << 31
	minus := func(n int64) uint64 { return uint64(uint32(-n)) }
	bits := func(x float32) uint64 { return uint64(math.Float32bits(x)) }
	nan := bits(float32(math.NaN()))
	for _, tc := range []struct {
		opcode        string
		a, b, c, want uint64
	}{
		{"add.s32", math.MaxUint32, 2, 0, 1},
		{"sub.s32", 1, 2, 0, math.MaxUint32},
		{"sub.s16", 1, 2, 0, 0xffff},
		{"max.s32", minus(1), 0, 0, 0},
		{"min.s32", minus(1), 0, 0, minus(1)},
		{"neg.s32", 1, 0, 0, math.MaxUint32},
		{"mul.lo.s32", top, 3, 0, top},
		{"mul.hi.s32", minus(2), 3, 0, math.MaxUint32},
		{"mul.hi.s32", top, top, 0, 1 << 30},
		{"mul.hi.s64", math.MaxUint64, 3, 0, math.MaxUint64},
		{"mul.hi.s64", 1 << 63, 1 << 63, 0, 1 << 62},
		{"mul.wide.s32", minus(2), 3, 0, ^uint64(5)},
		{"mul.wide.u32", minus(2), 3, 0, 3 * (1<<32 - 2)},
		{"mul.wide.u16", 0xffff, 0xffff, 0, 0xfffe0001},
		{"mul.lo.s16", 0xff, 0x101, 0, 0xffff},
		{"mad.lo.s32", top, 2, 7, 7},
		{"shl.b32", 1, 31, 0, top},
		{"shl.b32", 1, 32, 0, 0},
		{"shr.u32", top, 32, 0, 0},
		{"shr.s32", top, 99, 0, math.MaxUint32},
		{"shr.s64", 1 << 63, 64, 0, math.MaxUint64},
		{"shr.u64", 1 << 63, 63, 0, 1},
		{"and.b32", minus(1), minus(16), 0, minus(16)},
		{"cvt.s64.s32", minus(5), 0, 0, ^uint64(4)},
		{"cvt.u64.u32", minus(5), 0, 0, minus(5)},
		{"cvt.u32.u64", 5<<32 | 3, 0, 0, 3},
		{"cvt.u16.u32", 0x12345, 0, 0, 0x2345},
		{"cvt.rn.f32.s32", minus(3), 0, 0, bits(-3)},
		{"cvt.rn.f32.u16", 255, 0, 0, bits(255)},
		{"setp.lt.s32", minus(1), 0, 0, 1},
		{"setp.lt.u32", minus(1), 0, 0, 0},
		{"setp.lt.f32", nan, bits(1), 0, 0},
		{"setp.gt.f32", bits(2), bits(1), 0, 1},
		{"setp.nan.f32", bits(1), nan, 0, 1},
		{"setp.nan.f32", bits(1), bits(2), 0, 0},
		{"selp.b32", 1, 2, 0, 2},
		{"selp.b32", 1, 2, 1, 1},
		{"not.pred", 1, 0, 0, 0},
		{"mov.pred", math.MaxUint64, 0, 0, 1},
		{"add.f32", bits(1), bits(0x1p-24), 0, bits(1)},
		{"div.rn.f32", bits(1), bits(3), 0, bits(1.0 / 3)},
		{"ex2.approx.ftz.f32", bits(-3), 0, 0, bits(0.125)},
		{"ex2.approx.ftz.f32", bits(-130), 0, 0, 0},
		{"ex2.approx.ftz.f32", bits(float32(math.Inf(-1))), 0, 0, 0},
		{"cvt.rn.bf16x2.f32", bits(1), bits(-2), 0, 0x3f80_c000},
		{"cvt.rn.bf16x2.f32", 0x3f808000, 0x3f818000, 0, 0x3f80_3f82},
		{"cvt.rn.f16x2.f32", bits(1), bits(-2), 0, 0x3c00_c000},
		{"cvt.rn.f16x2.f32", bits(65520), bits(65519), 0, 0x7c00_7bff},
		{"cvt.rna.tf32.f32", 0x3f801000, 0, 0, 0x3f802000},
		{"cvt.rna.tf32.f32", 0xbf800fff, 0, 0, 0xbf800000},
		{"cvt.f32.f16", 0x0001, 0, 0, bits(0x1p-24)},
		{"cvt.f32.f16", 0xfc00, 0, 0, bits(float32(math.Inf(-1)))},
	} {
		f, known := forms[tc.opcode]
		if !known {
			t.Errorf("there is no %s", tc.opcode)
			continue
		}
		var d, a, b, c lanes
		a[31], b[31], c[31] = tc.a, tc.b, tc.c
		if f.compute(&d, &a, &b, &c); d[31] != tc.want {
			t.Errorf("%s %#x, %#x, %#x is %#x, want %#x", tc.opcode, tc.a, tc.b, tc.c, d[31], tc.want)
		}
	}
}

// TestFMA compares with exact arithmetic, where rounding twice would be wrong, too.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func() float32 {
		return math.Float32frombits(r.Uint32()&0x807fffff | (100+r.Uint32N(60))<<23)
	}
	exact := func(x float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(x)) }
	for i := range 200000 {
		x, y, z := draw(), draw(), draw()
		if i%2 == 0 { // ties: a product of 24 bits and one far below
			x, y = float32(1+r.IntN(1<<12))*0x1p12, float32(1+r.IntN(1<<12))*0x1p13
			z = float32(r.IntN(3)-1) * 0x1p-60
		}
		want, _ := new(big.Float).SetPrec(1000).Add(new(big.Float).SetPrec(1000).Mul(exact(x), exact(y)), exact(z)).Float32()
		if got := fma(x, y, z); got != want {
			t.Fatalf("%v * %v + %v is %v, want %v", x, y, z, got, want)
		}
	}
}

// TestRounding checks every value of 16 bits, the middles between neighbours and what is
// beside those.
func TestRounding(t *testing.T) {
	for _, f := range []struct {
		name string
		to   func(float32) uint16
		from func(uint16) float32
		last uint16 // the largest finite value
	}{{"bf16", toBF16, fromBF16, 0x7f7f}, {"f16", toF16, fromF16, 0x7bff}} {
		for h := range f.last {
			x, y := f.from(h), f.from(h+1)
			middle := float32((float64(x) + float64(y)) / 2)
			even := h + h&1
			for value, want := range map[float32]uint16{
				x: h, middle: even,
				math.Nextafter32(middle, x): h, math.Nextafter32(middle, y): h + 1,
			} {
				if got, minus := f.to(value), f.to(-value); got != want || value != 0 && minus != want|0x8000 {
					t.Fatalf("%s: %v is %#x, and %v is %#x, want %#x", f.name, value, got, -value, minus, want)
				}
			}
		}
		if f.to(float32(math.NaN())) != 0x7fff {
			t.Errorf("%s: NaN is %#x", f.name, f.to(float32(math.NaN())))
		}
	}
}
