package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/internal/bench"
)

func TestWriteLayers(t *testing.T) {
	correlation := 0.5
	r := bench.LayersResult{
		Network: "net", ISA: "avx512", Threads: 4, Runs: 9, PeakGFLOPS: 448, PeakISA: "avx512", ClockGHz: 3.5,
		Regions: []bench.RegionResult{
			{Name: "input", Layers: []string{"input"}, Tasks: 8, Cost: bench.Cost{MedianMS: 0.25, MinMS: 0.125}},
			{Name: "a..c", Algorithm: "direct", Layers: []string{"a", "b", "c"}, Tiles: []string{"14x32", "10x32"}, Tasks: 40, Cost: bench.Cost{
				GFLOP: 1.2, PredictedKCycles: 10000, PredictedMS: 3, MedianMS: 4, MinMS: 3.5, Ratio: 0.75, GFLOPS: 300, PeakFraction: 0.67,
			}},
		},
		Total: bench.Cost{
			GFLOP: 1.2, PredictedKCycles: 10000, PredictedMS: 3, MedianMS: 4.25, MinMS: 3.625, Ratio: 0.75, GFLOPS: 282.4, PeakFraction: 0.63,
		},
		RankCorrelation: &correlation,
	}
	want := `net on avx512: 4 threads, 9 clips
peak 448.0 GFLOP/s of avx512 multiply-adds: cores at 3.50 GHz

  region  computed            tasks  GFLOP  predicted ms  median  least  ratio  GFLOP/s  of peak
  input                           8                        0.250  0.125
  a..c    direct 14x32 10x32     40  1.200         3.000   4.000  3.500   0.75      300     67 %
  total                              1.200         3.000   4.250  3.625   0.75      282     63 %

rank correlation of predicted and median times: 0.500
`
	var b bytes.Buffer
	writeLayers(&b, &r)
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	r.PeakGFLOPS, r.RankCorrelation = 0, nil
	b.Reset()
	writeLayers(&b, &r)
	if bytes.Contains(b.Bytes(), []byte("448")) || bytes.Contains(b.Bytes(), []byte("correlation")) {
		t.Errorf("without a peak:\n%s", &b)
	}
}
