package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/units"
)

// writeLayers prints where the time of a clip goes, a line a region.
func writeLayers(w io.Writer, r *bench.LayersResult) {
	fmt.Fprintf(w, "%s on %s: %s, %s\n", r.Network, r.ISA, units.Plural(r.Threads, "thread"), units.Plural(r.Runs, "clip"))
	if r.PeakGFLOPS > 0 {
		fmt.Fprintf(w, "peak %.1f GFLOP/s of %s multiply-adds: cores at %.2f GHz\n", r.PeakGFLOPS, r.PeakISA, r.ClockGHz)
	}
	fmt.Fprintln(w)
	t := table{align: "llrrrrrrrr"}
	t.row("region", "computed", "tasks", "GFLOP", "predicted ms", "median", "least", "ratio", "GFLOP/s", "of peak")
	row := func(name, computed string, tasks any, c *bench.Cost) {
		t.row(name, computed, tasks, positive("%.3f", c.GFLOP), positive("%.3f", c.PredictedMS), fmt.Sprintf("%.3f", c.MedianMS),
			fmt.Sprintf("%.3f", c.MinMS), positive("%.2f", c.Ratio), positive("%.0f", c.GFLOPS), positive("%.0f %%", 100*c.PeakFraction))
	}
	for i := range r.Regions {
		region := &r.Regions[i]
		computed := strings.Join(append([]string{region.Algorithm}, region.Tiles...), " ")
		row(region.Name, computed, region.Tasks, &region.Cost)
	}
	row("total", "", "", &r.Total)
	t.write(w, "  ")
	if r.RankCorrelation != nil {
		fmt.Fprintf(w, "\nrank correlation of predicted and median times: %.3f\n", *r.RankCorrelation)
	}
}

// positive formats what there is, and nothing where there is none.
func positive(format string, v float64) string {
	if v <= 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}
