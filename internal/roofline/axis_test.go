package roofline

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAxis(t *testing.T) {
	for _, tc := range []struct {
		low, high float64
		ticks     []float64
	}{
		{1.5, 30, []float64{1, 2, 5, 10, 20, 50}},
		{0.02, 0.3, []float64{0.02, 0.05, 0.1, 0.2, 0.5}},
		{3, 3.5, []float64{2, 5}},
		{100, 1000, []float64{100, 200, 500, 1000}},
	} {
		a := newAxis(tc.low, tc.high, 0, 300)
		if d := cmp.Diff(tc.ticks, a.ticks()); d != "" {
			t.Errorf("%g to %g (-want +got):\n%s", tc.low, tc.high, d)
		}
		if from, to := a.at(a.low), a.at(a.high); from != 0 || math.Abs(to-300) > 1e-9 {
			t.Errorf("%g to %g is drawn from %g to %g", tc.low, tc.high, from, to)
		}
	}
	a := newAxis(1, 100, 400, 200) // upwards
	if y := a.at(10); math.Abs(y-300) > 1e-9 {
		t.Errorf("10 of 1 to 100 is at %g, want the middle, 300", y)
	}
}
