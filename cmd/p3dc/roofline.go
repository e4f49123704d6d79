package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/roofline"
	"github.com/p3dc/p3dc/internal/units"
)

// rooflineArgs are the flags of "p3dc explain" that draw what is measured.
type rooflineArgs struct {
	Roofline string `xor:"form" placeholder:"FILE.svg" help:"Measure each region on this machine, and draw what it reaches beside the machine's ceilings."`
	Threads  int    `placeholder:"N" help:"With --roofline: threads to run on. Default: all cores."`
	Runs     int    `placeholder:"N" help:"With --roofline: clips to run. Default: about three seconds' worth."`
}

// check returns what makes no sense.
func (a *rooflineArgs) check() error {
	if a.Roofline == "" && (a.Threads != 0 || a.Runs != 0) {
		return usageError{errors.New("--threads and --runs: only --roofline FILE.svg measures anything")}
	}
	return cmp.Or(inRange("--threads", a.Threads, 0, bench.MaxThreads), inRange("--runs", a.Runs, 0, bench.MaxRuns))
}

// draw measures the network and writes the drawing, whole or not at all.
func (a *rooflineArgs) draw(ctx context.Context, n *network, isa string, s *streams) error {
	var r *bench.RooflineResult
	err := produce(ctx, a.Roofline, func(_, part string) (err error) {
		bar := newProgress(s.err)
		defer bar.clear()
		o := bench.Options{Threads: a.Threads, Runs: a.Runs, ISA: isa, Schedule: n.schedule(), Progress: bar.phase}
		if r, err = bench.Roofline(ctx, n.Network, o); err != nil {
			return err
		}
		return os.WriteFile(part, rooflineChart(r).SVG(), 0o666)
	})
	if err != nil {
		return err
	}
	writeCeilings(s.out, r)
	fmt.Fprintf(s.out, "wrote %s\n", a.Roofline)
	return nil
}

// writeCeilings prints what the machine can do.
func writeCeilings(w io.Writer, r *bench.RooflineResult) {
	fmt.Fprintf(w, "%s on %s: %s, %s\n", r.Network, r.ISA, units.Plural(r.Threads, "thread"), units.Plural(r.Runs, "clip"))
	t := table{align: "ll"}
	t.row("multiply-adds", fmt.Sprintf("%.1f GFLOP/s of %s", r.PeakGFLOPS, r.PeakISA))
	t.row("memory", fmt.Sprintf("%.1f GB/s", r.MemoryGBs))
	t.row("second-level cache", fmt.Sprintf("%.1f GB/s", r.L2GBs))
	t.write(w, "  ")
}

// rooflineChart makes a drawing of what was measured. Regions that multiply
// nothing have no place in it.
func rooflineChart(r *bench.RooflineResult) *roofline.Chart {
	c := &roofline.Chart{
		Title:      fmt.Sprintf("%s on %s, %s: what each region reaches of what this machine can do", r.Network, r.ISA, units.Plural(r.Threads, "thread")),
		Peak:       roofline.Ceiling{Name: r.PeakISA + " multiply-adds", Rate: r.PeakGFLOPS},
		Bandwidths: []roofline.Ceiling{{Name: "memory", Rate: r.MemoryGBs}, {Name: "second-level cache", Rate: r.L2GBs}},
	}
	all, left := 0.0, 0.0
	for i := range r.Regions {
		all += r.Regions[i].MedianMS
	}
	for i := range r.Regions {
		region := &r.Regions[i]
		share := region.MedianMS / all
		if region.FLOPs == 0 {
			left += share
			continue
		}
		c.Dots = append(c.Dots, roofline.Dot{
			Name: region.Name, Group: region.Kind, Intensity: region.Intensity(), GFLOPS: region.GFLOPS(), Share: share,
		})
	}
	c.Notes = []string{
		"A dot is a region: some layers that are computed tile by tile. Its area is its part of the time.",
		fmt.Sprintf("Regions that multiply nothing, %s of the time, are left out.", roofline.Percent(left)),
	}
	return c
}
