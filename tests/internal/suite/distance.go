package suite

import "math"

// Distance is the relative L2 error of a result, ‖got-want‖/‖want‖: NaN where
// one is in either, infinite where the lengths differ.
func Distance[T float32 | float64](got []T, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	diff, norm := 0.0, 0.0
	for i, w := range want {
		d := float64(got[i]) - w
		diff += d * d
		norm += w * w
	}
	return math.Sqrt(diff / norm)
}
