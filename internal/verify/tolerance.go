package verify

import "math"

// slack is how far past the expected error a value may be. The estimate supposes
// that no two roundings have a sign in common; but those of weights are the same
// at all positions, and sums of positive values round alike.
const slack = 2

// tolerance returns how far a value may be from its float64 counterpart, as a
// relative L2 error ‖a-b‖/‖b‖, on packages with float32 kernels: what
// [ir.InterpretRounding] expects, and some slack. On P3D-63 and C3D packages
// show 0.3 to 0.9 of what is expected, and PyTorch's own float32 7e-7 to 9e-7 at
// the end of P3D-63 and P3D-199. A kernel that is wrong in a single tap, channel
// or pixel is off by 1e-3 and more, two decades away at the least.
//
// By the triangle inequality the mean and the root mean square of all values
// cannot be off by more, relative to the latter.
func (e *expected) tolerance(name string) float64 { return slack * e.rounding[name] }

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
