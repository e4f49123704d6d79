package ptx

import (
	"math"
	"slices"
)

// sum is how tensor cores add products to a sum. The manual leaves order and rounding
// open.
type sum func(start float32, a, b []float64) float32

// rounded adds the products, which are exact in float64, and rounds once.
func rounded(start float32, a, b []float64) float32 {
	x := 0.0
	for k := range a {
		x += a[k] * b[k]
	}
	return float32(float64(start) + x)
}

// truncated returns a sum as Fasi, Higham, Mikaitis and Pranesh describe those of tensor
// cores ("Numerical behavior of NVIDIA tensor cores", 2021): of some products at a time and
// the sum before, what is below the last bit of the largest is cut off, but for so many
// bits more, and what is below the last bit of the result, too.
func truncated(together, more int) sum {
	return func(start float32, a, b []float64) float32 {
		for len(a) > 0 {
			start = truncatedStep(start, a[:together], b[:together], more)
			a, b = a[together:], b[together:]
		}
		return start
	}
}

func truncatedStep(start float32, a, b []float64, more int) float32 {
	largest := math.Abs(float64(start))
	for k := range a {
		largest = max(largest, math.Abs(a[k]*b[k]))
	}
	if largest == 0 || math.IsInf(largest, 0) || math.IsNaN(largest) {
		return rounded(start, a, b)
	}
	unit := math.Ldexp(1, math.Ilogb(largest)-23-more)
	x := math.Trunc(float64(start) / unit)
	for k := range a {
		x += math.Trunc(a[k] * b[k] / unit)
	}
	x *= unit
	y := float32(x)
	if math.Abs(float64(y)) > math.Abs(x) {
		y = math.Nextafter32(y, 0)
	}
	return y
}

// Truncating returns the kernel with products on tensor cores that cut off what does not
// fit, but for so many bits more than float32's.
func (k *Kernel) Truncating(more int) *Kernel {
	t := *k
	t.code = slices.Clone(k.code)
	for i := range t.code {
		switch in := &t.code[i]; in.opcode {
		case "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32":
			in.access = multiply16(fromBF16, truncated(8, more))
		case "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32":
			in.access = multiply16(fromF16, truncated(8, more))
		case "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32":
			in.access = multiplyTF32(truncated(4, more))
		}
	}
	return &t
}
