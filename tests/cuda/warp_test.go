package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
)

// TestWarp checks the primitives that a warp executes as one: where values lie
// in the lanes, and what tensor cores make of them.
func TestWarp(t *testing.T) {
	t.Parallel()
	program := emulated(t, "warp")
	t.Run("matrices", func(t *testing.T) {
		if out, err := exec.Command(program, "matrices").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	for _, format := range []struct {
		name  string
		depth int
	}{{"bf16", 16}, {"f16", 16}, {"tf32", 8}} {
		t.Run(format.name, func(t *testing.T) { product(t, program, format.name, format.depth) })
	}
	t.Run("rounding", func(t *testing.T) { rounding(t, program) })
}

// product multiplies matrices of small integers, which are exact in every
// format, and differ from place to place.
func product(t *testing.T, program, format string, depth int) {
	r := rand.New(rand.NewPCG(1, 2))
	ints := func(n int) []int {
		v := make([]int, n)
		for i := range v {
			v[i] = r.IntN(31) - 15
		}
		return v
	}
	a, b, sum := ints(16*depth), ints(depth*8), ints(16*8)
	out := ask(t, program, format, fmt.Sprint(a, b, sum))
	for row := range 16 {
		for col := range 8 {
			want := sum[row*8+col]
			for k := range depth {
				want += a[row*depth+k] * b[k*8+col]
			}
			if got := out[row*8+col]; got != float64(want) {
				t.Errorf("row %d, column %d is %v, want %d", row, col, got, want)
			}
		}
	}
}

// rounding compares the emulator's conversions with others, on all exponents
// and on values halfway between two results.
func rounding(t *testing.T, program string) {
	r := rand.New(rand.NewPCG(3, 4))
	var bits []uint32
	for exponent := range uint32(255) {
		for range 20 {
			x := exponent<<23 | r.Uint32N(1<<23)
			bits = append(bits, x, 1<<31|x, x&^0xfff, x&^0x1fff|0x1000, x&^0xffff|0x8000, x&^0x3fff|0x1000)
		}
	}
	out := ask(t, program, "round", fmt.Sprint(bits))
	for i, b := range bits {
		x := float64(math.Float32frombits(b))
		got := out[i*4 : i*4+4]
		if want := nearest(x, 7, -126, true); !same(float64(math.Float32frombits(uint32(got[0])<<16)), want) {
			t.Fatalf("%g (%#x) to bf16 is %#x, want %g", x, b, int(got[0]), want)
		}
		if want := nearest(x, 10, -14, true); math.Abs(want) < 65520 && !same(float64(fromHalf(uint16(got[1]))), want) {
			t.Fatalf("%g (%#x) to f16 is %#x, want %g", x, b, int(got[1]), want)
		} else if math.Abs(want) >= 65520 && !math.IsInf(float64(fromHalf(uint16(got[1]))), 0) {
			t.Fatalf("%g (%#x) to f16 is %#x, want an infinity", x, b, int(got[1]))
		}
		if want := nearest(x, 10, -126, false); !same(float64(math.Float32frombits(uint32(got[2]))), want) {
			t.Fatalf("%g (%#x) to tf32 is %#x, want %g", x, b, uint32(got[2]), want)
		}
		if want := fromHalf(uint16(b)); want == want && math.Float32bits(want) != uint32(got[3]) {
			t.Fatalf("f16 %#x is %#x, want %g", uint16(b), uint32(got[3]), want)
		}
		if math.Abs(x) < 65504 {
			var word [2]byte
			encode(word[:], cuda.FP16, x)
			if w := int(word[0]) | int(word[1])<<8; w != int(got[1]) {
				t.Fatalf("%g to f16 is %#x by the test, %#x by the emulator", x, w, int(got[1]))
			}
		}
	}
}

// nearest rounds to so many bits of fraction, ties to even or away from zero.
func nearest(x float64, fraction, minExponent int, even bool) float64 {
	if x == 0 {
		return x
	}
	unit := math.Ldexp(1, max(math.Ilogb(x), minExponent)-fraction)
	if even {
		return math.RoundToEven(x/unit) * unit
	}
	return math.Round(x/unit) * unit
}

// same reports whether two values are equal, or what overflowed is infinite.
func same(got, want float64) bool {
	return got == want || math.IsInf(got, 0) && math.Abs(want) > math.MaxFloat32
}

// ask runs a program on numbers and returns those that it prints.
func ask(t *testing.T, program, what, numbers string) []float64 {
	t.Helper()
	cmd := exec.Command(program, what)
	cmd.Stdin = strings.NewReader(strings.NewReplacer("[", " ", "]", " ").Replace(numbers))
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, f := range strings.Fields(string(text)) {
		var x float64
		if _, err := fmt.Sscan(f, &x); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}
