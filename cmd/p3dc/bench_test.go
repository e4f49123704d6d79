package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/internal/bench"
)

// TestWriteSpeed wants rates to say how they count.
func TestWriteSpeed(t *testing.T) {
	r := bench.Result{
		Network: "net", ISA: "avx512", Threads: 4, Sessions: 1, Batch: 1, Runs: 59,
		MedianMS: 50, MinMS: 49.5, MaxMS: 80.25, ClipsPerSecond: 19.8, GFLOP: 10, GFLOPS: 200,
		PeakGFLOPS: 400, PeakISA: "avx512", PeakFraction: 0.5, AllocsPerRun: 0.25,
	}
	want := `net on avx512: 1 session of 4 threads, 59 clips
  a clip       50.00 ms median, 49.50 min, 80.25 max
  clips/s      19.80
  GFLOP/s      200.0 at 10.000 GFLOP a clip, counting every convolution as if computed directly
  peak         400.0 GFLOP/s of avx512 multiply-adds; 50.0 % of it by that count
  allocations  0.2 a clip in the whole program, Go's runtime included
`
	var b bytes.Buffer
	writeSpeed(&b, &r)
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("with a peak (-want +got):\n%s", d)
	}
	r.PeakGFLOPS, r.PeakISA, r.PeakFraction = 0, "", 0
	b.Reset()
	writeSpeed(&b, &r)
	if bytes.Contains(b.Bytes(), []byte("peak")) {
		t.Errorf("without a peak:\n%s", &b)
	}
	r.Batch, r.Runs, r.Sessions = 4, 60, 2
	b.Reset()
	writeSpeed(&b, &r)
	head := "net on avx512: 2 sessions of 4 threads, 60 clips, 4 at once\n  a batch      50.00 ms median"
	if !strings.HasPrefix(b.String(), head) {
		t.Errorf("in batches:\n%swant it to begin\n%s", &b, head)
	}
}
