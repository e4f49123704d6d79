package verify

import "math"

// Tolerance is how far a value may be from its float64 counterpart, as a
// relative L2 error ‖a-b‖/‖b‖, on packages with float32 kernels.
//
// A float32 rounding errs by at most u = 2^-24 = 6.0e-8, by u/√3 in the root
// mean square. A sum of n products rounds n times; its partial sums are
// smaller at first, and the errors have no common sign, so that the relative
// error of a convolution is about u/√3·√(n/2) where one accumulator takes all
// n products in turn: 4e-7 for the 147 products of the stem, 6e-7 for 576,
// and layers of such errors largely average out over the sums of the next.
// PyTorch's own float32 shows 7e-7 to 9e-7 at the end of P3D-63 and P3D-199
// with sums that are blocked otherwise. The bound is some two and a half times
// that. Winograd's algorithm keeps within it: on tiles of 2x2 its sums are
// shorter and err less than direct ones, on tiles of 4x4 twice as much. A kernel
// that is wrong in a single tap, channel or pixel is off by 1e-3 and more, three
// decades away.
const Tolerance = 2e-6

// momentTolerance is how far the mean and the root mean square of all of a
// tap's values may be from the reference, relative to the root mean square.
// By the triangle inequality neither can be off by more than the relative L2
// error over all values is.
const momentTolerance = Tolerance

// softmaxTolerance is that of the probabilities of such logits. An error d of
// the logits makes the relative error d_i - Σ p_j·d_j of probability i, which
// is at most 2·‖d‖; and ‖d‖ is at most Tolerance·‖logits‖. The rounding of the
// result comes on top.
func softmaxTolerance(logits []float64) float64 {
	const epsilon = 0x1p-24
	squares := 0.0
	for _, x := range logits {
		squares += x * x
	}
	return 2*Tolerance*math.Sqrt(squares) + epsilon
}

// relL2 returns ‖got-want‖/‖want‖, and ‖got‖ where want is all zero. It is not
// finite where got holds a NaN or an infinity.
func relL2(got []float32, want []float64) float64 {
	var difference, norm float64
	for i, w := range want {
		d := float64(got[i]) - w
		difference += d * d
		norm += w * w
	}
	if norm == 0 {
		norm = 1
	}
	return math.Sqrt(difference / norm)
}

// moments returns the mean and the root mean square.
func moments(values []float32) (mean, rms float64) {
	for _, v := range values {
		mean += float64(v)
		rms += float64(v) * float64(v)
	}
	n := float64(len(values))
	return mean / n, math.Sqrt(rms / n)
}
