// Package tune finds out, by measuring, how the regions of a network are
// computed fastest on this machine, and keeps the answer in a text file.
package tune

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/stats"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// Options say how to tune. The zero value tunes for all cores.
type Options struct {
	Threads int    // of the session that measures; 0 for all cores
	ISA     string // instruction set; "" for what the package chooses
	// Within is how far behind the best a candidate may be predicted, and Plans
	// how many packages are built at most to measure the candidates; 0 for
	// what suits the published networks.
	Within float64
	Plans  int
	// Time is about how long the candidates are measured at most; 0 for 20
	// seconds.
	Time time.Duration
	// Progress, if there is one, is called with what is being done, and how
	// far it is; a total of 0 is unknown.
	Progress func(what string, done, total int)
}

// Result is what was found.
type Result struct {
	ISA        string
	Regions    []Region // fastest, in order
	Candidates int      // that were measured
	Changed    int      // regions that the cost model's schedule does not have
	// RankCorrelation is Spearman's, of predicted and measured times of all
	// candidates; NaN where there are too few.
	RankCorrelation float64
	// ModelMS and TunedMS are the median times of a clip by the cost model's
	// schedule and by the tuned one, run in turn. Gain is the median of how much
	// longer the first took than the second, as a part of it; half of the times
	// it was from GainLow to GainHigh. All are 0 where nothing was changed;
	// without a gain Regions are the cost model's.
	ModelMS, TunedMS, Gain float64
	GainLow, GainHigh      float64
}

// Region is a choice, with the times that it was made by, in microseconds on
// all cores.
type Region struct {
	ir.Choice
	Measured  float64
	Predicted float64 // at the clock at which half of the candidates are faster
}

// Defaults of Options.
const (
	defaultWithin = 0.3
	defaultPlans  = 14
	defaultTime   = 20 * time.Second
)

// Run tunes a network. A context that is done stops it.
func Run(ctx context.Context, net *dsl.Network, o Options) (_ *Result, err error) {
	g, err := dsl.Lower(net)
	if err != nil {
		return nil, err
	}
	g.Taps = nil
	t := &tuner{Options: o.withDefaults(), ctx: ctx, params: g.Params}
	if t.graph, err = ir.RunPasses(g, ir.Passes()); err != nil {
		return nil, err
	}
	if t.dir, err = os.MkdirTemp("", "p3dc-tune-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	t.weights = filepath.Join(t.dir, "weights.safetensors")
	if err := harness.WriteWeights(t.weights, g.Params, weights.Synthetic(g.Params)); err != nil {
		return nil, err
	}
	t.clip = weights.SyntheticClip(g.Input.Shape.Elems())
	return t.run()
}

func (o Options) withDefaults() Options {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Within == 0 {
		o.Within = defaultWithin
	}
	if o.Plans == 0 {
		o.Plans = defaultPlans
	}
	if o.Time == 0 {
		o.Time = defaultTime
	}
	if o.Progress == nil {
		o.Progress = func(string, int, int) {}
	}
	return o
}

// tuner is a tuning under way.
type tuner struct {
	Options
	ctx     context.Context
	graph   *ir.Graph // fused
	params  []ir.Param
	clip    []float32
	dir     string // of the weights
	weights string // their file

	programs  []*harness.Program
	processes []*harness.Process
}

func (t *tuner) run() (*Result, error) {
	t.Progress("building packages", 0, 0)
	model, err := t.start(nil)
	if err != nil {
		return nil, err
	}
	m := machine(model.ISA())
	plan, err := ir.Schedule(t.graph, m, ir.ScheduleOptions{})
	if err != nil {
		return nil, err
	}
	list, err := ir.Candidates(t.graph, m, t.Within)
	if err != nil {
		return nil, err
	}
	c := newContest(t.graph, list, plan)
	ways := append([][]int{c.model}, c.covers(t.Plans-1)...)
	processes := []*harness.Process{model}
	for i, way := range ways[1:] {
		t.Progress("building packages", i+1, len(ways))
		p, err := t.start(ir.Tuning{m.Name: c.choices(way)})
		if err != nil {
			return nil, err
		}
		processes = append(processes, p)
	}
	if err := t.measure(c, ways, processes); err != nil {
		return nil, err
	}
	best := c.best()
	cycles, times := c.known()
	r := &Result{ISA: m.Name, Candidates: len(times), RankCorrelation: stats.Spearman(cycles, times), Changed: c.changed(best)}
	if r.Changed > 0 {
		if err := t.compare(r, model, ir.Tuning{m.Name: c.choices(best)}); err != nil {
			return nil, err
		}
	}
	if r.Gain <= 0 { // faster by chance, region by region, but not as a whole
		best, r.Changed = c.model, 0
	}
	r.Regions = c.regions(best)
	return r, nil
}

// machine returns the model of an instruction set.
func machine(isa string) ir.Machine {
	for _, m := range avx.Machines() {
		if m.Name == isa {
			return m
		}
	}
	panic("BUG: a package runs on " + isa + ", for which there is no machine")
}

// start builds the package of a schedule and opens it.
func (t *tuner) start(tuning ir.Tuning) (*harness.Process, error) {
	plans, err := avx.Plans(t.graph, ir.ScheduleOptions{Tuning: tuning})
	if err != nil {
		return nil, err
	}
	program, err := harness.Build(t.ctx, harness.Files(plans))
	if err != nil {
		return nil, err
	}
	t.programs = append(t.programs, program)
	process, err := program.Start(t.ctx, t.ISA, t.weights)
	if err != nil {
		return nil, err
	}
	t.processes = append(t.processes, process)
	return process, nil
}

// close ends what is running and removes what was written.
func (t *tuner) close() error {
	var errs []error
	for _, p := range t.processes {
		errs = append(errs, p.Close())
	}
	for _, p := range t.programs {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, codegen.RemoveAll(t.dir))...)
}

// What a schedule runs in each of the rounds in which all take turns.
const (
	warmups   = 1
	runs      = 3
	minRounds = 3
	maxRounds = 12
)

// measure takes the times of all regions of all schedules, which take turns so
// that the machine's other work meets all of them alike.
func (t *tuner) measure(c *contest, ways [][]int, processes []*harness.Process) error {
	begin := time.Now()
	for round := 0; round < minRounds || round < maxRounds && time.Since(begin) < t.Time; round++ {
		for i, p := range processes {
			t.Progress("measuring", 0, 0)
			profile, err := p.Profile(t.clip, t.Threads, warmups, runs)
			if err != nil {
				return err
			}
			c.note(ways[i], profile)
		}
	}
	return nil
}

// The clips that each of two schedules runs in turn, each behind one that warms
// the caches up: as many as the time is enough for, within limits.
const (
	minClips = 15
	maxClips = 120
)

// compare runs both schedules in turn.
func (t *tuner) compare(r *Result, model *harness.Process, tuning ir.Tuning) error {
	t.Progress("building the tuned package", 0, 0)
	tuned, err := t.start(tuning)
	if err != nil {
		return err
	}
	t.Progress("comparing", 0, 0)
	var models, tuneds, gains []float64
	begin := time.Now()
	for n := 0; n < minClips || n < maxClips && time.Since(begin) < t.Time; n++ {
		a, err := t.clipTime(model)
		if err != nil {
			return err
		}
		b, err := t.clipTime(tuned)
		if err != nil {
			return err
		}
		models, tuneds, gains = append(models, a), append(tuneds, b), append(gains, a/b-1)
	}
	r.ModelMS, r.TunedMS, r.Gain = stats.Median(models), stats.Median(tuneds), stats.Median(gains)
	r.GainLow, r.GainHigh = stats.Quantile(gains, 0.25), stats.Quantile(gains, 0.75)
	return nil
}

// clipTime returns how many milliseconds a clip takes.
func (t *tuner) clipTime(p *harness.Process) (float64, error) {
	profile, err := p.Profile(t.clip, t.Threads, 1, 1)
	var sum time.Duration
	for _, r := range profile {
		sum += r.Min
	}
	return float64(sum) / float64(time.Millisecond), err
}
