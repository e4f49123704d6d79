package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/roofline"
)

// measuredRoofline is made up.
func measuredRoofline() *bench.RooflineResult {
	return &bench.RooflineResult{
		Network: "net", ISA: "generic", Threads: 2, Runs: 9,
		PeakGFLOPS: 234.56, PeakISA: "avx2", MemoryGBs: 21.5, L2GBs: 198.7,
		Regions: []bench.RooflineRegion{
			{Name: "input", Bytes: 1000, MedianMS: 0.5},
			{Name: "a..c", Kind: "spatial + pointwise", FLOPs: 60e6, Bytes: 2e6, MedianMS: 1},
			{Name: "fc", Kind: "linear", FLOPs: 1e6, Bytes: 2e6, MedianMS: 0.5},
		},
	}
}

// TestRooflineChart wants regions without arithmetic left out, whose time counts
// all the same.
func TestRooflineChart(t *testing.T) {
	want := &roofline.Chart{
		Title: "net on generic, 2 threads: what each region reaches of what this machine can do",
		Notes: []string{
			"A dot is a region: some layers that are computed tile by tile. Its area is its part of the time.",
			"Regions that multiply nothing, 25 % of the time, are left out.",
		},
		Peak:       roofline.Ceiling{Name: "avx2 multiply-adds", Rate: 234.56},
		Bandwidths: []roofline.Ceiling{{Name: "memory", Rate: 21.5}, {Name: "second-level cache", Rate: 198.7}},
		Dots: []roofline.Dot{
			{Name: "a..c", Group: "spatial + pointwise", Intensity: 30, GFLOPS: 60, Share: 0.5},
			{Name: "fc", Group: "linear", Intensity: 0.5, GFLOPS: 2, Share: 0.25},
		},
	}
	if d := cmp.Diff(want, rooflineChart(measuredRoofline())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestWriteCeilings(t *testing.T) {
	want := `net on generic: 2 threads, 9 clips
  multiply-adds       234.6 GFLOP/s of avx2
  memory              21.5 GB/s
  second-level cache  198.7 GB/s
`
	var b bytes.Buffer
	writeCeilings(&b, measuredRoofline())
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
