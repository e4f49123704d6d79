package main

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/internal/tune"
)

func TestWriteTuned(t *testing.T) {
	for _, tc := range []struct {
		name   string
		result tune.Result
		want   string
	}{
		{"faster", tune.Result{
			ISA: "avx512", Candidates: 7, RankCorrelation: 0.95, Changed: 1, Regions: make([]tune.Region, 3),
			ModelMS: 40, TunedMS: 39, Gain: 0.027, GainLow: -0.01, GainHigh: 0.03,
		}, `tuned for avx512 on it: 7 candidates measured, rank correlation of predicted and measured times 0.950
the cost model's schedule: 40.00 ms a clip, tuned: 39.00 ms, in turn
tuned is +2.7 % faster, half of the times -1.0 to +3.0 %: 1 region of 3 changed
`},
		{"slower", tune.Result{ISA: "avx2", Candidates: 1, RankCorrelation: math.NaN(), ModelMS: 40, TunedMS: 41, Gain: -0.025, GainLow: -0.03, GainHigh: 0.01},
			`tuned for avx2 on it: 1 candidate measured
the cost model's schedule: 40.00 ms a clip, tuned: 41.00 ms, in turn
tuned is -2.5 % faster, half of the times -3.0 to +1.0 %: the cost model's schedule stays
`},
		{"same", tune.Result{ISA: "avx2", Candidates: 2, RankCorrelation: 1}, `tuned for avx2 on it: 2 candidates measured, rank correlation of predicted and measured times 1.000
no region is faster than as the cost model has it
`},
	} {
		var b bytes.Buffer
		writeTuned(&b, &tc.result, "it")
		if d := cmp.Diff(tc.want, b.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}
