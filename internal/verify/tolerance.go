package verify

import (
	"math"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// least is the Tolerance of networks that do not need more.
//
// A float32 rounding errs by 0.4·2^-24 = 2.4e-8 of the rounded value in the
// mean. A sum of n products rounds n times, and its partial sums grow as the
// root of their number, so that a layer where one accumulator takes all n
// products in turn is off by 2.4e-8·√(n/2): 1.1e-6 for n = 4608, the 3x3 window
// of 512 channels, 7.7e-7 for 2048, 3.8e-7 for 512. The root of the squares of
// one layer of 4608, two of 2048 and one of 512 is 1.6e-6, and residual sums dilute what comes from earlier
// ones. PyTorch's own float32 shows 7e-7 to 9e-7 at the end of P3D-63 and
// P3D-199. Winograd's algorithm keeps within it: on tiles of 2x2 its sums are
// shorter and err less than direct ones, on tiles of 4x4 twice as much, on late ones of 5x5 six times. A kernel
// that is wrong in a single tap, channel or pixel is off by 1e-3 and more, three
// decades away.
const least = 2e-6

// Tolerance returns how far a network's values may be from their float64
// counterparts, as a relative L2 error ‖a-b‖/‖b‖, on packages with float32
// kernels. In a mere chain of layers, behind the last residual sum or where there
// is none, the errors of all add up, as the root of their squares: a network
// with many or long ones there may be off by more than 2e-6.
//
// By the triangle inequality the mean and the root mean square of all values
// cannot be off by more, relative to the latter.
func Tolerance(g *ir.Graph) float64 {
	products := int64(0) // of a result's sums, one layer after the other
	for i := range g.Ops {
		op := &g.Ops[i]
		sums := slices.ContainsFunc(op.Epi, func(e ir.EpiStep) bool { return e.Kind == ir.EpiAdd || e.Kind == ir.EpiProject })
		if _, ok := op.Attr.(ir.Add); ok || sums {
			products = 0
			continue
		}
		products += g.FLOPs(op) / 2 / int64(g.Values[op.Out].Shape.Elems())
	}
	return max(least, 0.4*0x1p-24*math.Sqrt(float64(products)/2))
}

// softmaxTolerance is that of the probabilities of such logits. An error d of
// the logits makes the relative error d_i - Σ p_j·d_j of probability i, which
// is at most 2·‖d‖; and ‖d‖ is at most the tolerance times ‖logits‖. The rounding
// of the result comes on top.
func softmaxTolerance(tolerance float64, logits []float64) float64 {
	const epsilon = 0x1p-24
	squares := 0.0
	for _, x := range logits {
		squares += x * x
	}
	return 2*tolerance*math.Sqrt(squares) + epsilon
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
