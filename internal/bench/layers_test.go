package bench

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

func TestLayers(t *testing.T) {
	r, err := Layers(t.Context(), load(t), Options{Threads: 1, Runs: 6, ISA: "generic"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Network != "tiny" || r.ISA != "generic" || r.Threads != 1 || r.Runs != 6 {
		t.Errorf("measured %+v", r)
	}
	layers := 0
	for _, region := range r.Regions {
		layers += len(region.Layers)
		if region.MinMS < 0 || region.MedianMS < region.MinMS || region.Tasks < 1 {
			t.Errorf("measured %+v", region)
		}
	}
	g, err := dsl.Lower(load(t))
	if err != nil {
		t.Fatal(err)
	}
	plans, err := harness.Plans(g, ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(plans[0].Graph.Ops) + 1; layers != want { // and the input
		t.Errorf("%d layers in all regions, want %d", layers, want)
	}
	if r.RankCorrelation == nil || math.Abs(*r.RankCorrelation) > 1 {
		t.Errorf("rank correlation %v", r.RankCorrelation)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestLayersFaults(t *testing.T) {
	if _, err := Layers(t.Context(), load(t), Options{Sessions: 2}); err == nil || !strings.Contains(err.Error(), "one session") {
		t.Errorf("two sessions: %v", err)
	}
	if _, err := Layers(t.Context(), load(t), Options{ISA: "mmx"}); err == nil || !strings.Contains(err.Error(), "P3DC_ISA=mmx") {
		t.Errorf("an unknown instruction set: %v", err)
	}
}

// TestFill makes times of a plan's predictions, so that all that follows from
// them is known.
func TestFill(t *testing.T) {
	g, err := dsl.Lower(load(t))
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	plans, err := harness.Plans(g, ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := plans[0]
	const slower = 2 // than predicted, by a clock of 2 GHz on all cores
	times := make([]harness.RegionTime, len(p.Regions))
	for i := range times {
		d := time.Duration(slower * p.Regions[i].Cycles / 2)
		times[i] = harness.RegionTime{Name: p.Regions[i].Name, Min: d / 2, Median: d}
	}
	times[0].Median = time.Millisecond // the input, which has no prediction
	r := LayersResult{Threads: p.Machine.Cores, PeakGFLOPS: 100, ClockGHz: 2}
	r.fill(p, times)
	if r.RankCorrelation == nil || math.Abs(*r.RankCorrelation-1) > 1e-9 {
		t.Errorf("rank correlation %v, want 1", r.RankCorrelation)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-3*want {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("the total's ratio", r.Total.Ratio, 1./slower)
	near("the arithmetic", r.Total.GFLOP, float64(p.Graph.TotalFLOPs())/1e9)
	near("the rate", r.Total.GFLOPS, r.Total.GFLOP/r.Total.MedianMS*1e3)
	near("the part of the peak", r.Total.PeakFraction, r.Total.GFLOPS/100)
	if in := r.Regions[0]; in.PredictedMS != 0 || in.Ratio != 0 || in.MedianMS != 1 {
		t.Errorf("the input: %+v", in)
	}
	near("a region's ratio", r.Regions[1].Ratio, 1./slower)

	r = LayersResult{Threads: 2 * p.Machine.Cores, ClockGHz: 2}
	r.fill(p, times)
	near("the ratio on twice as many threads", r.Total.Ratio, 0.5/slower)
	r = LayersResult{Threads: 1}
	r.fill(p, times)
	if r.Total.PredictedMS != 0 || r.Total.Ratio != 0 || r.Total.PredictedKCycles <= 0 || r.RankCorrelation == nil {
		t.Errorf("without a peak: %+v, rank correlation %v", r.Total, r.RankCorrelation)
	}
}

func TestClock(t *testing.T) {
	for _, m := range avx.Machines() {
		perCycle := 2 * float64(m.Lanes) / m.FMA
		if got := clock(3*4*perCycle, m.Name, 4); math.Abs(got-3) > 1e-12 {
			t.Errorf("%s: %g GHz, want 3", m.Name, got)
		}
	}
	if got := clock(0, "", 4); got != 0 {
		t.Errorf("without a peak: %g GHz", got)
	}
}
