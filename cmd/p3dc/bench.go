package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/units"
)

// benchCmd is "p3dc bench".
type benchCmd struct {
	netArgs
	Threads  int    `placeholder:"N" help:"Threads of each session. Default: all cores, shared out among the sessions."`
	Sessions int    `default:"1" placeholder:"N" help:"Sessions that run at the same time, on one model. Default: 1."`
	Batch    int    `default:"1" placeholder:"N" help:"Clips that a session runs at once. Default: 1."`
	Runs     int    `placeholder:"N" help:"Clips to run, over all sessions, rounded up to whole batches. Default: about three seconds' worth."`
	ISA      string `name:"isa" placeholder:"ISA" help:"Instruction set: ${isas}. Default: the best that this processor has."`
	Layers   bool   `help:"Measure each region of the plan, beside what the cost model predicts."`
	JSON     bool   `name:"json" help:"Print JSON; docs/cli.md names the fields."`
}

// Help returns what the command's help says in detail.
func (*benchCmd) Help() string {
	return `The package is built in a temporary folder, which needs the go command, and runs a reproducible clip with made-up weights. GFLOP/s count every convolution as if computed directly, padding and values that nothing reads included, as papers do. The code computes less: Winograd's algorithm needs fewer multiplications, and what nothing reads is left out; "p3dc explain" tells. So the part of the peak is that of a program which does all of it, and may exceed 100 %. The peak is that of multiply-adds in registers, measured on as many threads just before and after.

Allocations are those of the whole program, Go's runtime included; a session itself allocates nothing.

With --layers there is a line for each region: the layers that workers run through before they wait for one another. The prediction is made for as many cores as the plan is cut for, four; it is turned into milliseconds by the clock that the measured peak tells of, and spread over the threads. GFLOP there leave out what nothing reads.

Measure on a machine that does nothing else: other work shows in the maximum first.

Examples:

    p3dc bench p3d63
    p3dc bench p3d63 --threads 1 --isa avx2
    p3dc bench p3d63 --batch 4
    p3dc bench p3d63 --layers
    p3dc bench p3d63 --sessions 4 --threads 1 --runs 400 --json`
}

// Run measures the network.
func (c *benchCmd) Run(ctx context.Context, s *streams) error {
	if err := cmp.Or(inRange("--threads", c.Threads, 0, bench.MaxThreads), inRange("--sessions", c.Sessions, 1, bench.MaxSessions),
		inRange("--batch", c.Batch, 1, bench.MaxBatch), inRange("--runs", c.Runs, 0, bench.MaxRuns)); err != nil {
		return err
	}
	if c.Layers && (c.Sessions > 1 || c.Batch > 1) {
		return usageError{fmt.Errorf("--layers --sessions %d --batch %d: the time of a region is that in one session, for one clip at once", c.Sessions, c.Batch)}
	}
	if c.ISA != "" {
		if err := knownISA(c.ISA); err != nil {
			return err
		}
	}
	n, err := c.load(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(s.err)
	defer bar.clear()
	o := bench.Options{Threads: c.Threads, Sessions: c.Sessions, Batch: c.Batch, Runs: c.Runs, ISA: c.ISA, Schedule: n.schedule(), Progress: bar.phase}
	if c.Layers {
		r, err := bench.Layers(ctx, n.Network, o)
		bar.clear()
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(s.out, r)
		}
		writeLayers(s.out, r)
		return nil
	}
	r, err := bench.Run(ctx, n.Network, o)
	bar.clear()
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(s.out, r)
	}
	writeSpeed(s.out, r)
	return nil
}

// inRange returns a usage error for a number that is too small or too large.
func inRange(flag string, n, least, most int) error {
	if n < least || n > most {
		return usageError{fmt.Errorf("%s %d: expected %d to %d", flag, n, least, most)}
	}
	return nil
}

// writeSpeed prints what was measured.
func writeSpeed(w io.Writer, r *bench.Result) {
	clips, timed := units.Plural(r.Runs, "clip"), "a clip"
	if r.Batch > 1 {
		clips, timed = fmt.Sprintf("%s, %d at once", clips, r.Batch), "a batch"
	}
	fmt.Fprintf(w, "%s on %s: %s of %s, %s\n", r.Network, r.ISA, units.Plural(r.Sessions, "session"), units.Plural(r.Threads, "thread"), clips)
	t := table{align: "ll"}
	t.row(timed, fmt.Sprintf("%.2f ms median, %.2f min, %.2f max", r.MedianMS, r.MinMS, r.MaxMS))
	t.row("clips/s", fmt.Sprintf("%.2f", r.ClipsPerSecond))
	t.row("GFLOP/s", fmt.Sprintf("%.1f at %.3f GFLOP a clip, counting every convolution as if computed directly", r.GFLOPS, r.GFLOP))
	if r.PeakGFLOPS > 0 {
		t.row("peak", fmt.Sprintf("%.1f GFLOP/s of %s multiply-adds; %.1f %% of it by that count", r.PeakGFLOPS, r.PeakISA, 100*r.PeakFraction))
	}
	t.row("allocations", fmt.Sprintf("%.1f a clip in the whole program, Go's runtime included", r.AllocsPerRun))
	t.write(w, "  ")
}
