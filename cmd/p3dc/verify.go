package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/p3dc/p3dc/internal/verify"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// verifyCmd is "p3dc verify".
type verifyCmd struct {
	netArgs
	Weights   string   `default:"synthetic" placeholder:"FILE" help:"Checkpoint to run with, or \"synthetic\" for made-up values."`
	Reference string   `placeholder:"FILE" help:"JSON file of what another implementation computes. Default: compare with the float64 interpreter."`
	ISA       []string `name:"isa" placeholder:"ISA" help:"Instruction sets to run on: ${isas}. Default: all that this processor has."`
	JSON      bool     `name:"json" help:"Print JSON; docs/cli.md names the fields."`
}

// Help returns what the command's help says in detail.
func (*verifyCmd) Help() string {
	return `The package is built in a temporary folder, which needs the go command, and runs a reproducible clip on every instruction set. Logits, features and every named layer are compared; the error is the relative L2 error. Runs on one thread and on all cores must agree to the bit. The exit code is 1 where anything is past its tolerance.

The interpreter computes in float64 and takes some seconds for the smallest preset, more for the others.

Examples:

    p3dc verify p3d63
    p3dc verify mynet.p3d --weights mynet.safetensors --isa avx2,generic
    p3dc verify p3d63 --set mix=A --reference p3d63-a.json --json`
}

// Run verifies the network.
func (c *verifyCmd) Run(ctx context.Context, s *streams) error {
	if c.ISA != nil && len(c.ISA) == 0 {
		return usageError{fmt.Errorf("--isa: names no instruction set; expected some of %s, or leave it out for all that this processor has", strings.Join(isaNames(), ", "))}
	}
	for _, isa := range c.ISA {
		if err := knownISA(isa); err != nil {
			return err
		}
	}
	if c.Reference != "" && c.Weights != syntheticWeights {
		return usageError{errors.New("--reference: such files are of synthetic weights; leave --weights out")}
	}
	n, err := c.load(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(s.err)
	defer bar.clear()
	o := verify.Options{ISAs: c.ISA, Schedule: n.schedule(), Progress: bar.phase}
	if o.Weights, err = readWeights(c.Weights, n.graph.Params); err != nil {
		return err
	}
	if c.Reference != "" {
		o.Reference, err = await(ctx, func() (*verify.Reference, error) { return verify.ReadReferenceFile(c.Reference) })
		if err != nil {
			return err
		}
	}
	report, err := verify.Run(ctx, n.Network, o)
	bar.clear()
	if err != nil {
		return err
	}
	if c.JSON {
		err = writeJSON(s.out, struct {
			*verify.Report
			Passed bool `json:"passed"`
		}{report, report.Passed()})
	} else {
		writeReport(s.out, report)
	}
	if err != nil {
		return err
	}
	if !report.Passed() {
		return disagreement(report)
	}
	return nil
}

// knownISA checks the name of an instruction set.
func knownISA(name string) error {
	for _, known := range isaNames() {
		if name == known {
			return nil
		}
	}
	return usageError{fmt.Errorf("--isa %s: expected some of %s", name, strings.Join(isaNames(), ", "))}
}

// readWeights returns the parameters' values from a checkpoint; nil stands
// for synthetic ones.
func readWeights(file string, params []ir.Param) (_ map[string][]float32, err error) {
	if file == syntheticWeights {
		return nil, nil
	}
	f, err := weights.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return weights.Match(f, params)
}

// writeReport prints a verification, a line a comparison.
func writeReport(w io.Writer, r *verify.Report) {
	fmt.Fprintf(w, "%s against the %s\n\n", r.Network, r.Against)
	t := table{align: "llrrrl"}
	t.row("isa", "value", "compared", "rel L2", "tolerance", "")
	for _, x := range r.Results {
		for _, c := range x.Comparisons {
			t.row(x.ISA, c.Value, c.Count, fmt.Sprintf("%.2e", float64(c.RelL2)), fmt.Sprintf("%.0e", c.Tolerance), verdict(c.Passed))
		}
		for _, id := range x.Identities {
			different := "same bits"
			if id.Different > 0 {
				different = fmt.Sprintf("%d differ", id.Different)
			}
			t.row(x.ISA, id.What, id.Count, different, "", verdict(id.Passed))
		}
	}
	t.write(w, "  ")
}

// writeVerified prints a verification that has passed, a line an instruction
// set.
func writeVerified(w io.Writer, r *verify.Report) {
	fmt.Fprintf(w, "verified against the %s, relative L2 errors:\n", r.Against)
	t := table{align: "lll"}
	for _, x := range r.Results {
		var outputs []string
		worst := verify.Comparison{}
		for _, c := range x.Comparisons {
			switch {
			case c.Tap && c.RelL2 >= worst.RelL2:
				worst = c
			case !c.Tap && c.Value != verify.FramesValue:
				outputs = append(outputs, fmt.Sprintf("%s %.2e", c.Value, float64(c.RelL2)))
			}
		}
		layers := ""
		if worst.Tap {
			layers = fmt.Sprintf("layers at most %.2e (%s)", float64(worst.RelL2), worst.Value)
		}
		t.row(x.ISA, strings.Join(outputs, ", "), layers)
	}
	t.write(w, "  ")
}

// disagreement is the error for a verification that has not passed.
func disagreement(r *verify.Report) error {
	return fmt.Errorf("the code generated for %s does not agree with the %s; please report it with the network's description", r.Network, r.Against)
}

// verdict says whether a check passed.
func verdict(passed bool) string {
	if passed {
		return "ok"
	}
	return "FAILED"
}
