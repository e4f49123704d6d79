package tune

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

func load(t *testing.T) *dsl.Network {
	t.Helper()
	n, err := dsl.Load(filepath.Join("..", "bench", "testdata", "tiny.p3d"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRun tunes a small network, and schedules it by the answer.
func TestRun(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // on Windows
	steps := 0
	r, err := Run(t.Context(), load(t), Options{
		Threads: 1, ISA: "generic", Plans: 3, Time: time.Nanosecond,
		Progress: func(string, int, int) { steps++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.ISA != "generic" || r.Candidates < len(r.Regions) || math.Abs(r.RankCorrelation) > 1 || steps == 0 {
		t.Errorf("found %+v after %d steps", r, steps)
	}
	if (r.Changed > 0) != (r.Gain > 0) || (r.ModelMS > 0) != (r.TunedMS > 0) {
		t.Errorf("%d changed, %g ms become %g, a gain of %g", r.Changed, r.ModelMS, r.TunedMS, r.Gain)
	}
	for _, region := range r.Regions {
		if region.Measured <= 0 || region.Predicted < 0 || math.IsInf(region.Measured, 1) {
			t.Errorf("found %+v", region)
		}
	}
	f := File{Sections: []Section{{ISA: r.ISA, Regions: r.Regions}}}
	g, err := dsl.Lower(load(t))
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	if g, err = ir.RunPasses(g, ir.Passes()); err != nil {
		t.Fatal(err)
	}
	plans, err := avx.Plans(g, ir.ScheduleOptions{Tuning: f.Tuning()})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(plans[2].Regions) - 1; plans[2].Machine.Name != "generic" || got != len(r.Regions) {
		t.Errorf("%d regions by the tuning, it has %d", got, len(r.Regions))
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func TestRunFails(t *testing.T) {
	if _, err := Run(t.Context(), load(t), Options{ISA: "mmx"}); err == nil || !strings.Contains(err.Error(), "P3DC_ISA=mmx") {
		t.Errorf("an unknown instruction set: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, load(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
