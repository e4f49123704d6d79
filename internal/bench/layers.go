package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/stats"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// LayersResult is where the time of a clip goes.
type LayersResult struct {
	Network string `json:"network"`
	ISA     string `json:"isa"`
	Threads int    `json:"threads"`
	Runs    int    `json:"runs"`

	// PeakGFLOPS and PeakISA are as in [Result]. ClockGHz follows from them:
	// the cores' clock at which multiply-adds, as many a cycle as the machine's
	// model says, have that rate. All three are empty where there is no
	// measurement.
	PeakGFLOPS float64 `json:"peak_gflops,omitempty"`
	PeakISA    string  `json:"peak_isa,omitempty"`
	ClockGHz   float64 `json:"clock_ghz,omitempty"`

	Regions []RegionResult `json:"regions"` // in the order in which they run
	Total   Cost           `json:"total"`   // sums over the regions
	// RankCorrelation is Spearman's, of predicted and median times of the
	// regions that there is a prediction for; nil where there are too few.
	RankCorrelation *float64 `json:"rank_correlation"`
}

// RegionResult is a region of the plan and what it costs.
type RegionResult struct {
	Name      string   `json:"name"`
	Layers    []string `json:"layers"`
	Algorithm string   `json:"algorithm"` // see ir.Region
	// Tiles are the register tiles of its convolutions in order, pixels x
	// channels; of a transform, that of its product.
	Tiles []string `json:"tiles"`
	Tasks int      `json:"tasks"` // that cores share
	Cost
}

// Cost is what a region takes, or all of them.
type Cost struct {
	// GFLOP is the arithmetic in 1e9 operations, as if convolutions were
	// computed directly, without what nobody reads: see ir.Graph.FLOPs.
	GFLOP float64 `json:"gflop"`
	// PredictedKCycles is the cost model's prediction, for as many cores as it
	// plans for. PredictedMS is that at the clock, spread over the threads.
	// Both are 0 where there is none.
	PredictedKCycles float64 `json:"predicted_kcycles,omitempty"`
	PredictedMS      float64 `json:"predicted_ms,omitempty"`
	MedianMS         float64 `json:"median_ms"`
	MinMS            float64 `json:"min_ms"`
	// Ratio is PredictedMS / MedianMS: below 1, the region takes longer than
	// it should. That of the total leaves out what there is no prediction for.
	Ratio float64 `json:"ratio,omitempty"`
	// GFLOPS is GFLOP by the median, PeakFraction that of the peak.
	GFLOPS       float64 `json:"gflops"`
	PeakFraction float64 `json:"peak_fraction,omitempty"`
}

// Layers builds a network's package and measures each region of its plan, as
// [Run] measures the whole, in one session.
func Layers(ctx context.Context, net *dsl.Network, o Options) (r *LayersResult, err error) {
	err = openPlan(ctx, net, o, func(c *harness.Process, plan *ir.Plan, o Options) error {
		r, err = measureLayers(c, plan, o)
		return err
	})
	return r, err
}

// openPlan builds a network's package and calls f with a process that has it
// open, the plan that it runs, and the options without zeros.
func openPlan(ctx context.Context, net *dsl.Network, o Options, f func(*harness.Process, *ir.Plan, Options) error) error {
	g, err := dsl.Lower(net)
	if err != nil {
		return err
	}
	g.Taps = nil
	if o, err = o.withDefaults(); err != nil {
		return err
	}
	if o.Sessions > 1 {
		return errors.New("layers are measured in one session")
	}
	plans, err := harness.Plans(g, o.Schedule)
	if err != nil {
		return err
	}
	return open(ctx, g, harness.Files(plans), o, func(c *harness.Process) error {
		for _, p := range plans {
			if p.Machine.Name == c.ISA() {
				return f(c, p, o)
			}
		}
		panic("BUG: the package runs on " + c.ISA() + ", for which there is no plan")
	})
}

func measureLayers(c *harness.Process, plan *ir.Plan, o Options) (*LayersResult, error) {
	clip := weights.SyntheticClip(plan.Graph.Input.Shape.Elems())
	runs := o.Runs
	if runs == 0 {
		trial, err := c.Profile(clip, o.Threads, warmups, warmups)
		if err != nil {
			return nil, err
		}
		var once time.Duration
		for _, r := range trial {
			once += r.Median
		}
		runs = max(defaultRuns, int(defaultTime/max(once, 1)))
	}
	before, err := peak(c, o)
	if err != nil {
		return nil, err
	}
	times, err := c.Profile(clip, o.Threads, warmups, runs)
	if err != nil {
		return nil, err
	}
	after, err := peak(c, o)
	if err != nil {
		return nil, err
	}
	r := &LayersResult{
		Network: plan.Graph.Name, ISA: c.ISA(), Threads: o.Threads, Runs: runs,
		PeakISA: before.ISA, PeakGFLOPS: max(before.FLOPS, after.FLOPS) / 1e9,
	}
	r.ClockGHz = clock(r.PeakGFLOPS, r.PeakISA, o.workers())
	r.fill(plan, times)
	return r, nil
}

// clock returns the clock in GHz that a rate of multiply-adds of one of the
// instruction sets tells of, or 0.
func clock(gflops float64, isa string, threads int) float64 {
	for _, m := range avx.Machines() {
		if m.Name == isa {
			return gflops / (float64(threads) * 2 * float64(m.Lanes) / m.FMA)
		}
	}
	return 0
}

// fill puts together what the plan says of its regions and what was measured.
func (r *LayersResult) fill(p *ir.Plan, times []harness.RegionTime) {
	flops := make(map[string]int64, len(p.Graph.Ops))
	for i := range p.Graph.Ops {
		op := &p.Graph.Ops[i]
		flops[op.Name] = p.Graph.FLOPs(op)
	}
	var predicted, measured []float64
	var comparable float64
	for i := range p.Regions {
		region := describe(p, &p.Regions[i])
		for _, name := range region.Layers {
			region.GFLOP += float64(flops[name]) / 1e9
		}
		region.PredictedKCycles = p.Regions[i].Cycles / 1e3
		if r.ClockGHz > 0 {
			cores := float64(p.Machine.Cores) / float64(r.Threads)
			region.PredictedMS = region.PredictedKCycles * cores / r.ClockGHz / 1e3
		}
		region.MedianMS, region.MinMS = milliseconds(times[i].Median), milliseconds(times[i].Min)
		region.rates(r.PeakGFLOPS, region.MedianMS)
		if region.PredictedKCycles > 0 {
			predicted, measured = append(predicted, region.PredictedKCycles), append(measured, region.MedianMS)
			comparable += region.MedianMS
		}
		r.Regions = append(r.Regions, region)
		r.Total.add(&region.Cost)
	}
	r.Total.rates(r.PeakGFLOPS, comparable)
	if c := stats.Spearman(predicted, measured); !math.IsNaN(c) {
		r.RankCorrelation = &c
	}
}

// describe says what a region does.
func describe(p *ir.Plan, r *ir.Region) RegionResult {
	d := RegionResult{Name: r.Name, Algorithm: r.Algorithm, Tasks: r.Tiles().Elems(), Tiles: []string{}}
	for i := range r.Steps {
		st := &r.Steps[i]
		if n := len(d.Layers); n == 0 || d.Layers[n-1] != st.Op {
			d.Layers = append(d.Layers, st.Op)
		}
		if k := &p.Kernels[st.Kernel]; k.Kind == ir.KernelConv {
			d.Tiles = append(d.Tiles, fmt.Sprintf("%dx%d", k.Pixels(), k.Vectors*p.Machine.Lanes))
		}
	}
	return d
}

// add adds up what has sums.
func (c *Cost) add(o *Cost) {
	c.GFLOP += o.GFLOP
	c.PredictedKCycles += o.PredictedKCycles
	c.PredictedMS += o.PredictedMS
	c.MedianMS += o.MedianMS
	c.MinMS += o.MinMS
}

// rates fills in what follows from the times. Those that there is a prediction
// for took so many milliseconds.
func (c *Cost) rates(peak, predicted float64) {
	if predicted > 0 {
		c.Ratio = c.PredictedMS / predicted
	}
	c.GFLOPS = c.GFLOP / c.MedianMS * 1e3
	if peak > 0 {
		c.PeakFraction = c.GFLOPS / peak
	}
}
