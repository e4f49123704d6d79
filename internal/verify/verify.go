package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// Options are what a verification may be told. The zero value verifies with
// synthetic weights against the interpreter on all instruction sets.
type Options struct {
	Weights   map[string][]float32 // by parameter name; nil for synthetic ones
	Reference *Reference           // what to compare with; nil for the interpreter
	ISAs      []string             // none for all that this processor has
	Schedule  ir.ScheduleOptions
	// Progress, if there is one, is called with what is about to be done.
	Progress func(what string)
}

// Run builds a network's package twice, as it is deployed and with taps, runs
// the synthetic clip through both on each instruction set, and compares
// logits, features, probabilities and taps. It also checks what must agree to
// the bit: runs on one thread and on all cores, and runs of both packages.
// Where the network takes frames, the same clip as uint8 must give the same
// logits as when it comes normalised.
//
// Differences are in the report. An error means that there is none: a network
// that does not build, a reference of another network, an instruction set that
// this processor lacks, a program that fails, or a context that is done.
func Run(ctx context.Context, net *dsl.Network, o Options) (*Report, error) {
	return run(ctx, net, o, harness.Generate)
}

// generator makes the files of a graph's package.
type generator func(*ir.Graph, ir.ScheduleOptions) ([]codegen.File, error)

func run(ctx context.Context, net *dsl.Network, o Options, generate generator) (_ *Report, err error) {
	tapped, err := dsl.Lower(net)
	if err != nil {
		return nil, err
	}
	if o.Reference != nil {
		if err := o.Reference.Fit(net); err != nil {
			return nil, err
		}
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	v := &verifier{Options: o, generate: generate, tapped: tapped, deployed: tapped.Clone()}
	v.deployed.Taps = nil
	if v.Weights == nil {
		v.Weights = weights.Synthetic(tapped.Params)
	}
	v.clip = weights.SyntheticClip(tapped.Input.Shape.Elems())
	defer func() { err = errors.Join(err, v.close()) }()
	if err := v.prepare(ctx); err != nil {
		return nil, err
	}
	isas, err := v.isas(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{Network: net.Name, Against: v.against()}
	for _, isa := range isas {
		o.Progress("running on " + isa)
		r, err := v.isa(ctx, isa)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", isa, err)
		}
		report.Results = append(report.Results, *r)
	}
	return report, nil
}

// verifier is what all instruction sets share.
type verifier struct {
	Options
	generate         generator
	tapped, deployed *ir.Graph
	clip             []float32
	want             *expected

	dir      string // of the weights file
	programs [2]*harness.Program
}

// The programs.
const (
	withTaps = iota
	asDeployed
)

func (v *verifier) weightsFile() string { return filepath.Join(v.dir, "weights.safetensors") }

// prepare does at the same time what takes long: it builds both programs,
// writes the weights, and computes what is expected.
func (v *verifier) prepare(ctx context.Context) (err error) {
	v.Progress("building the package")
	if v.dir, err = os.MkdirTemp("", "p3dc-verify-"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	do := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				cancel(err)
			}
		})
	}
	do(func() (err error) { v.programs[withTaps], err = v.build(ctx, v.tapped); return err })
	do(func() (err error) { v.programs[asDeployed], err = v.build(ctx, v.deployed); return err })
	do(func() error { return harness.WriteWeights(v.weightsFile(), v.tapped.Params, v.Weights) })
	want := make(chan struct{})
	go func() { // not waited for where something fails: it cannot be stopped, and leaves nothing behind
		defer close(want)
		var err error
		if v.want, err = v.expect(); err != nil {
			cancel(err)
		}
	}()
	wg.Wait()
	select {
	case <-want:
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}

func (v *verifier) build(ctx context.Context, g *ir.Graph) (*harness.Program, error) {
	files, err := v.generate(g, v.Schedule)
	if err != nil {
		return nil, err
	}
	return harness.Build(ctx, files)
}

// close removes what prepare left in the file system.
func (v *verifier) close() error {
	var errs []error
	for _, p := range v.programs {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if v.dir != "" {
		errs = append(errs, codegen.RemoveAll(v.dir))
	}
	return errors.Join(errs...)
}

// isas returns the instruction sets to run on.
func (v *verifier) isas(ctx context.Context) ([]string, error) {
	have, err := v.programs[asDeployed].ISAs(ctx)
	if err != nil || len(v.ISAs) == 0 {
		return have, err
	}
	for _, isa := range v.ISAs {
		if !slices.Contains(have, isa) {
			return nil, fmt.Errorf("this processor does not run %q; expected some of %s", isa, strings.Join(have, ", "))
		}
	}
	return v.ISAs, nil
}

// against says what is compared with.
func (v *verifier) against() string {
	if v.Reference != nil {
		return "reference " + v.Reference.Name
	}
	return "float64 interpreter"
}

// manyThreads is all cores, and more than one, so that the comparison with one
// thread says something on every machine.
func manyThreads() int { return max(2, runtime.GOMAXPROCS(0)) }
