package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/tune"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// tuning is a tuning file that has been read.
type tuning struct {
	*tune.File
	name string
}

// noTuning is the name of the file for none.
const noTuning = "none"

// tuningArgs are the flags that say how a network is scheduled.
type tuningArgs struct {
	Tuning string `placeholder:"FILE" help:"Schedule as this file of \"p3dc compile --tune\" says; \"none\" reads no file. Default: for net.p3d net.tune, if there is one."`
}

// tuningFile returns the tuning file to read for a network, "" for none: the one
// given, or that beside a description.
func (a *tuningArgs) tuningFile(net string) string {
	switch {
	case a.Tuning == noTuning:
		return ""
	case a.Tuning != "" || slices.Contains(dsl.Presets(), net):
		return a.Tuning
	}
	name := tunedName(net)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return name
}

// tunedName returns the tuning file of a network: beside its description, or
// here for one that ships with the tool.
func tunedName(net string) string {
	return strings.TrimSuffix(net, ".p3d") + ".tune"
}

// tune reads a tuning file for the network; "" is none.
func (n *network) tune(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	f, err := readTuning(ctx, name)
	if err != nil {
		return err
	}
	if err := f.Fits(n.graph); err != nil {
		return fmt.Errorf("%s: %w; --tuning none does without", name, err)
	}
	n.tuning = &tuning{f, name}
	n.source += " tuned by " + filepath.Base(name)
	_, err = n.plans()
	var fault *ir.ChoiceError
	if errors.As(err, &fault) {
		return fmt.Errorf("%s: %w", name, &tune.FileError{Line: fault.Line, Text: fault.Text})
	}
	return err
}

// readTuning reads a tuning file.
func readTuning(ctx context.Context, name string) (*tune.File, error) {
	text, err := readFile(ctx, name, tune.MaxFile)
	if err != nil {
		return nil, err
	}
	f, err := tune.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// schedule returns by what the network is scheduled.
func (n *network) schedule() ir.ScheduleOptions {
	if n.tuning == nil {
		return ir.ScheduleOptions{}
	}
	return ir.ScheduleOptions{Tuning: n.tuning.Tuning()}
}

// writeTuning says by which file the network is scheduled.
func (n *network) writeTuning(w io.Writer) {
	if n.tuning == nil {
		return
	}
	for _, s := range n.tuning.Sections {
		fmt.Fprintf(w, "\nschedule for %s as measured on %s: %s\n", s.ISA, s.Processor, n.tuning.name)
	}
}

// measureTuning tunes the network on this machine and writes the file. What
// the file says of other instruction sets stays, if it is of the same network.
func (n *network) measureTuning(ctx context.Context, out, terminal io.Writer, name string) error {
	file := &tune.File{Network: n.graph.Name, Clip: n.graph.Input.Shape}
	old, err := readTuning(ctx, name)
	switch {
	case err == nil && old.Fits(n.graph) == nil:
		file = old
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err // somebody else's file
	}
	// A file that cannot be written is to fail before it has taken minutes.
	err = writeFile(ctx, name, func(w io.Writer) error {
		bar := newProgress(terminal)
		defer bar.clear()
		r, err := tune.Run(ctx, n.Network, tune.Options{Progress: bar.count})
		bar.clear()
		if err != nil {
			return err
		}
		processor := tune.Processor()
		file.Set(tune.Section{ISA: r.ISA, Processor: processor, Regions: r.Regions})
		writeTuned(out, r, processor)
		_, err = w.Write(file.Format())
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "wrote %s\n\n", name)
	return nil
}

// writeTuned prints what a tuning found.
func writeTuned(w io.Writer, r *tune.Result, processor string) {
	fmt.Fprintf(w, "tuned for %s on %s: %s measured", r.ISA, processor, units.Plural(r.Candidates, "candidate"))
	if !math.IsNaN(r.RankCorrelation) {
		fmt.Fprintf(w, ", rank correlation of predicted and measured times %.3f", r.RankCorrelation)
	}
	fmt.Fprintln(w)
	if r.ModelMS == 0 {
		fmt.Fprintln(w, "no region is faster than as the cost model has it")
		return
	}
	fmt.Fprintf(w, "the cost model's schedule: %.2f ms a clip, tuned: %.2f ms, in turn\n", r.ModelMS, r.TunedMS)
	fmt.Fprintf(w, "tuned is %+.1f %% faster, half of the times %+.1f to %+.1f %%: ", 100*r.Gain, 100*r.GainLow, 100*r.GainHigh)
	if r.Gain <= 0 {
		fmt.Fprintln(w, "the cost model's schedule stays")
		return
	}
	fmt.Fprintf(w, "%s of %d changed\n", units.Plural(r.Changed, "region"), len(r.Regions))
}
