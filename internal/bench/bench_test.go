package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
)

func load(t *testing.T) *dsl.Network {
	t.Helper()
	n, err := dsl.Load(filepath.Join("testdata", "tiny.p3d"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRun(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // on Windows
	var steps []string
	r, err := Run(t.Context(), load(t), Options{
		Threads: 1, Sessions: 2, Batch: 3, Runs: 7, ISA: "generic",
		Progress: func(s string) { steps = append(steps, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Network != "tiny" || r.ISA != "generic" || r.Threads != 1 || r.Sessions != 2 || r.Batch != 3 || r.Runs != 9 {
		t.Errorf("measured %+v", r)
	}
	if !(0 < r.MinMS && r.MinMS <= r.MedianMS && r.MedianMS <= r.MaxMS) {
		t.Errorf("times out of order: %+v", r)
	}
	if r.ClipsPerSecond <= 0 || math.Abs(r.GFLOPS-r.GFLOP*r.ClipsPerSecond) > 1e-9*r.GFLOPS {
		t.Errorf("rates do not agree: %+v", r)
	}
	if runtime.GOARCH == "amd64" && r.PeakISA != "" && (r.PeakGFLOPS < 10 || r.PeakFraction <= 0 || r.PeakFraction > 1) {
		t.Errorf("portable code at such a fraction of the peak: %+v", r)
	}
	if r.AllocsPerRun > 10 {
		t.Errorf("%g allocations a run", r.AllocsPerRun)
	}
	if len(steps) != 2 {
		t.Errorf("progress: %q", steps)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Sessions: -1}, "-1 sessions: expected 0 to 1024"},
		{Options{Batch: -1}, "-1 clips at once: expected 0 to 1024"},
		{Options{Threads: MaxThreads + 1}, "1025 threads: expected 0 to 1024"},
		{Options{Runs: math.MaxInt, Batch: 2}, " clips: expected 0 to 1000000"},
	} {
		if _, err := Run(t.Context(), load(t), tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want %q", tt.o, err, tt.want)
		}
	}
	if _, err := Run(t.Context(), load(t), Options{ISA: "mmx"}); err == nil || !strings.Contains(err.Error(), "P3DC_ISA=mmx") {
		t.Errorf("an unknown instruction set: %v", err)
	}
	if _, err := Run(t.Context(), load(t), Options{Weights: map[string][]float32{}}); err == nil || !strings.Contains(err.Error(), "weights lack") {
		t.Errorf("no weights: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, load(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled benchmark: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	for _, tc := range []struct{ in, want Options }{
		{Options{}, Options{Threads: cores, Sessions: 1, Batch: 1}},
		{Options{Sessions: 2 * cores}, Options{Threads: 1, Sessions: 2 * cores, Batch: 1}},
		{Options{Threads: 3, Sessions: 2, Batch: 4}, Options{Threads: 3, Sessions: 2, Batch: 4}},
	} {
		got, err := tc.in.withDefaults()
		if err != nil || got.Threads != tc.want.Threads || got.Sessions != tc.want.Sessions || got.Batch != tc.want.Batch {
			t.Errorf("%+v becomes %+v, %v; want %+v", tc.in, got, err, tc.want)
		}
	}
}

func TestTimes(t *testing.T) {
	ms := time.Millisecond
	for _, tc := range []struct {
		name     string
		sessions int
		batch    int
		runs     []time.Duration
		wall     time.Duration
		want     Result
	}{
		{"odd", 1, 1, []time.Duration{5 * ms, 2 * ms, 4 * ms}, 20 * ms,
			Result{MinMS: 2, MedianMS: 4, MaxMS: 5, ClipsPerSecond: 150, GFLOPS: 500, PeakFraction: 0.5}},
		{"even", 1, 1, []time.Duration{1 * ms, 7 * ms, 5 * ms, 3 * ms}, 16 * ms,
			Result{MinMS: 1, MedianMS: 4, MaxMS: 7, ClipsPerSecond: 250, GFLOPS: 500, PeakFraction: 0.5}},
		{"sessions", 2, 1, []time.Duration{4 * ms, 4 * ms}, 4 * ms,
			Result{MinMS: 4, MedianMS: 4, MaxMS: 4, ClipsPerSecond: 500, GFLOPS: 1000, PeakFraction: 1}},
		{"batch", 1, 4, []time.Duration{8 * ms, 12 * ms, 10 * ms}, 40 * ms,
			Result{MinMS: 8, MedianMS: 10, MaxMS: 12, ClipsPerSecond: 300, GFLOPS: 800, PeakFraction: 0.8}},
		{"batches", 2, 4, []time.Duration{8 * ms, 8 * ms}, 8 * ms,
			Result{MinMS: 8, MedianMS: 8, MaxMS: 8, ClipsPerSecond: 1000, GFLOPS: 2000, PeakFraction: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := tc.want
			want.Sessions, want.Batch, want.GFLOP, want.PeakGFLOPS = tc.sessions, tc.batch, 2, 1000
			got := Result{Sessions: tc.sessions, Batch: tc.batch, GFLOP: 2, PeakGFLOPS: 1000}
			got.times(&harness.BenchResult{Durations: tc.runs, Wall: tc.wall})
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}
