// Package bench measures how fast a network's generated package is, beside
// what the processor could do at most.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// The most that may be measured: more than makes sense on any machine, and few
// enough to be counted and held.
const (
	MaxThreads  = 1024
	MaxSessions = 1024
	MaxBatch    = 1024
	MaxRuns     = 1_000_000
)

// Options say what to measure. The zero value measures one session on all
// cores with synthetic weights.
type Options struct {
	// Threads of each session; 0 shares all cores out among the sessions.
	Threads int
	// Sessions that run at the same time; 0 means one.
	Sessions int
	// Batch is how many clips a session runs at once; 0 means one.
	Batch int
	// Runs is how many clips all sessions together run, rounded up to whole
	// batches; 0 means as many as take about three seconds, and at least five
	// batches.
	Runs int
	// ISA is the instruction set; "" for what the package chooses.
	ISA string
	// Weights are by parameter name; nil for synthetic ones.
	Weights  map[string][]float32
	Schedule ir.ScheduleOptions
	// Progress, if there is one, is called with what is about to be done.
	Progress func(what string)
}

// Result is what was measured.
type Result struct {
	Network  string `json:"network"`
	ISA      string `json:"isa"`
	Threads  int    `json:"threads"` // of each session
	Sessions int    `json:"sessions"`
	Batch    int    `json:"batch"` // clips that a session runs at once
	Runs     int    `json:"runs"`  // clips of all sessions together

	// Milliseconds from a batch's start to its results.
	MedianMS float64 `json:"median_ms"`
	MinMS    float64 `json:"min_ms"`
	MaxMS    float64 `json:"max_ms"`

	// ClipsPerSecond is over all sessions.
	ClipsPerSecond float64 `json:"clips_per_second"`
	// GFLOP is the arithmetic of one clip in 1e9 operations, counted as if
	// every convolution were computed directly, padding included: see ir.Graph.FLOPs.
	GFLOP float64 `json:"gflop"`
	// GFLOPS is GFLOP times clips a second. For one session it goes by the
	// median batch, so that a disturbance does not change it.
	GFLOPS float64 `json:"gflops"`
	// PeakGFLOPS is the most multiply-adds that the processor did on
	// Threads x Sessions threads, no more than there are cores, just before
	// and just after. PeakISA says with which vectors: the package's own, or
	// the widest for portable code. Both are empty where there is no
	// measurement.
	PeakGFLOPS float64 `json:"peak_gflops,omitempty"`
	PeakISA    string  `json:"peak_isa,omitempty"`
	// PeakFraction is GFLOPS / PeakGFLOPS. It can exceed 1 where a schedule
	// saves arithmetic.
	PeakFraction float64 `json:"peak_fraction,omitempty"`
	// AllocsPerRun is how many heap objects the whole program allocated for
	// one clip, on average: those of Go's runtime, since a session allocates
	// nothing.
	AllocsPerRun float64 `json:"allocs_per_run"`
}

// Run builds a network's package and measures it on the synthetic clip, in a
// process of its own. A context that is done stops it.
func Run(ctx context.Context, net *dsl.Network, o Options) (r *Result, err error) {
	g, err := dsl.Lower(net)
	if err != nil {
		return nil, err
	}
	g.Taps = nil
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	files, err := harness.Generate(g, o.Schedule)
	if err != nil {
		return nil, err
	}
	err = open(ctx, g, files, o, func(c *harness.Process) error {
		r, err = measure(c, g, o)
		return err
	})
	return r, err
}

// open builds a package and calls f with a process that has it open.
func open(ctx context.Context, g *ir.Graph, files []codegen.File, o Options, f func(*harness.Process) error) (err error) {
	o.Progress("building the package")
	p, err := harness.Build(ctx, files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	c, err := start(ctx, p, g, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	o.Progress("measuring")
	return f(c)
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() (Options, error) {
	for _, x := range []struct {
		what    string
		n, most int
	}{{"threads", o.Threads, MaxThreads}, {"sessions", o.Sessions, MaxSessions}, {"clips at once", o.Batch, MaxBatch}, {"clips", o.Runs, MaxRuns}} {
		if x.n < 0 || x.n > x.most {
			return o, fmt.Errorf("a benchmark of %d %s: expected 0 to %d", x.n, x.what, x.most)
		}
	}
	o.Sessions, o.Batch = max(1, o.Sessions), max(1, o.Batch)
	if o.Threads == 0 {
		o.Threads = max(1, runtime.GOMAXPROCS(0)/o.Sessions)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o, nil
}

// start opens the package in a process. The weights' file is not needed
// afterwards.
func start(ctx context.Context, p *harness.Program, g *ir.Graph, o Options) (_ *harness.Process, err error) {
	dir, err := os.MkdirTemp("", "p3dc-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, codegen.RemoveAll(dir)) }()
	if o.Weights == nil {
		o.Weights = weights.Synthetic(g.Params)
	}
	file := filepath.Join(dir, "weights.safetensors")
	if err := harness.WriteWeights(file, g.Params, o.Weights); err != nil {
		return nil, err
	}
	return p.Start(ctx, o.ISA, file)
}

// What each session runs before it is measured: the runtime's own caches fill,
// and the processor finds its speed.
const (
	warmups  = 2 // at least
	warmTime = 300 * time.Millisecond
)

// The runs of a benchmark that is not told how many.
const (
	defaultTime = 3 * time.Second
	defaultRuns = 5 // at least
)

func measure(c *harness.Process, g *ir.Graph, o Options) (*Result, error) {
	clip := weights.SyntheticClip(g.Input.Shape.Elems())
	b := harness.BenchOptions{
		Threads: o.Threads, Sessions: o.Sessions, Batch: o.Batch, Warmups: warmups, WarmTime: warmTime,
		Runs: (o.Runs + o.Batch - 1) / o.Batch,
	}
	if b.Runs == 0 {
		b.Runs = b.Sessions
		trial, err := c.Bench(clip, b)
		if err != nil {
			return nil, err
		}
		b.Runs = max(defaultRuns, int(float64(b.Runs)*defaultTime.Seconds()/trial.Wall.Seconds()))
	}
	before, err := peak(c, o)
	if err != nil {
		return nil, err
	}
	m, err := c.Bench(clip, b)
	if err != nil {
		return nil, err
	}
	after, err := peak(c, o)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Network: g.Name, ISA: c.ISA(), Threads: o.Threads, Sessions: o.Sessions, Batch: o.Batch, Runs: b.Runs * o.Batch,
		GFLOP:        float64(g.TotalFLOPs()) / 1e9,
		PeakISA:      before.ISA,
		PeakGFLOPS:   max(before.FLOPS, after.FLOPS) / 1e9,
		AllocsPerRun: float64(m.Mallocs) / float64(b.Runs*o.Batch),
	}
	r.times(m)
	return r, nil
}

// workers returns on how many threads ceilings are measured: as many as work at
// the same time.
func (o Options) workers() int { return min(o.Threads*o.Sessions, runtime.GOMAXPROCS(0)) }

// peak measures the multiply-adds of the package's vectors, or of the widest.
func peak(c *harness.Process, o Options) (*harness.Peak, error) {
	p, err := c.Peak(c.ISA(), o.workers())
	if err == nil && p.ISA == "" {
		p, err = c.Peak("", o.workers())
	}
	return p, err
}

// times fills in what follows from the durations.
func (r *Result) times(m *harness.BenchResult) {
	d := slices.Sorted(slices.Values(m.Durations))
	n := len(d)
	r.MinMS, r.MaxMS = milliseconds(d[0]), milliseconds(d[n-1])
	r.MedianMS = (milliseconds(d[(n-1)/2]) + milliseconds(d[n/2])) / 2
	r.ClipsPerSecond = float64(n*r.Batch) / m.Wall.Seconds()
	rate := r.ClipsPerSecond
	if r.Sessions == 1 {
		rate = 1e3 * float64(r.Batch) / r.MedianMS
	}
	r.GFLOPS = r.GFLOP * rate
	if r.PeakGFLOPS > 0 {
		r.PeakFraction = r.GFLOPS / r.PeakGFLOPS
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
