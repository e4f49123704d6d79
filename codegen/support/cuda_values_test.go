package support

import (
	"math"
	"testing"
)

// TestHalf goes through all values of half precision, what lies between two
// neighbours, and what is too large.
func TestHalf(t *testing.T) {
	value := func(h uint16) float64 {
		exponent, fraction := int(h>>10&31), float64(h&1023)
		if exponent == 0 {
			return math.Ldexp(fraction, -24)
		}
		return math.Ldexp(1024+fraction, exponent-25)
	}
	for h := range uint16(0x7c00) {
		x := value(h)
		if got := float64(fromHalf(h)); got != x {
			t.Fatalf("%#x is %g, want %g", h, got, x)
		}
		if got := fromHalf(0x8000 | h); float64(got) != -x || math.Signbit(float64(got)) != true {
			t.Fatalf("%#x is %g, want %g", 0x8000|h, got, -x)
		}
		next := value(h + 1) // 65536 behind the last
		even := h + h&1
		for _, tc := range []struct {
			x    float64
			want uint16
		}{{x, h}, {x + (next-x)/4, h}, {x + (next-x)/2, even}, {next - (next-x)/4, h + 1}} {
			if got := toHalf(float32(tc.x)); got != tc.want {
				t.Fatalf("%g becomes %#x, want %#x", tc.x, got, tc.want)
			}
			if got := toHalf(float32(-tc.x)); got != 0x8000|tc.want {
				t.Fatalf("%g becomes %#x, want %#x", -tc.x, got, 0x8000|tc.want)
			}
		}
	}
	for _, x := range []float64{65536, 1e30, math.Inf(1)} {
		if got := toHalf(float32(x)); got != 0x7c00 || !math.IsInf(float64(fromHalf(got)), 1) {
			t.Errorf("%g becomes %#x", x, got)
		}
	}
	if h := toHalf(float32(math.NaN())); fromHalf(h) == fromHalf(h) {
		t.Errorf("NaN becomes %#x", h)
	}
}

// TestPrecisions writes values that each precision has, that it rounds, and
// that it cannot hold.
func TestPrecisions(t *testing.T) {
	for _, tc := range []struct {
		p       precision
		x, want float32
		ok      bool
	}{
		{bfloat16, 1.5, 1.5, true},
		{bfloat16, 1 + 0x1p-8, 1, true},          // a tie, to even
		{bfloat16, 1 + 0x3p-8, 1 + 0x1p-6, true}, // a tie, to even
		{bfloat16, -1 - 0x1.1p-8, -1 - 0x1p-7, true},
		{bfloat16, math.MaxFloat32, float32(math.Inf(1)), false},
		{half, 0.1, 0.099975586, true},
		{half, 1e5, float32(math.Inf(1)), false},
		{single, 0.1, 0.1, true},
		{single, float32(math.Inf(-1)), float32(math.Inf(-1)), false},
	} {
		to := make([]byte, tc.p.bytes())
		ok := tc.p.put(to, tc.x)
		if got := tc.p.get(to); got != tc.want || ok != tc.ok {
			t.Errorf("%d: %g becomes %g, %t, want %g, %t", tc.p, tc.x, got, ok, tc.want, tc.ok)
		}
	}
}
