package main

import (
	"context"
	"fmt"
	"io"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/verify"
)

// compileCmd is "p3dc compile".
type compileCmd struct {
	netArgs
	Output  string `short:"o" placeholder:"DIR" help:"Folder of the package, replaced as a whole. Default: one named like the package, here."`
	Package string `placeholder:"NAME" help:"Name of the package. Default: the network's."`
	Verify  bool   `help:"Before anything is written, build the package, check it against the float64 interpreter and measure its speed."`
	Quiet   bool   `short:"q" help:"Print nothing but failures."`
}

// Help returns what the command's help says in detail.
func (*compileCmd) Help() string {
	return `The package is written when all of it is ready, and takes the old one's place at once: a compile that fails or is interrupted leaves what was there. A folder that holds files of somebody else is refused. The same network gives the same bytes on every machine.

With --verify the network is built in a temporary folder and run on every instruction set that this processor has, as "p3dc verify" does, and then measured, as "p3dc bench" does. Where it is wrong nothing is written.

Examples:

    p3dc compile p3d63
    p3dc compile p3d63 --verify
    p3dc compile p3d199 -o internal/net --package net
    p3dc compile p3d63 --set classes=101 --set mix=A,B -o ucf101
    p3dc compile mynet.p3d`
}

// Run compiles the network.
func (c *compileCmd) Run(ctx context.Context, s *streams) error {
	n, err := c.load()
	if err != nil {
		return err
	}
	pkg, err := n.packageName(c.Package)
	if err != nil {
		return err
	}
	dir := c.Output
	if dir == "" {
		dir = pkg
	}
	if err := codegen.Replaceable(dir); err != nil {
		return err // before the work that would be for nothing
	}
	plans, err := n.plans()
	if err != nil {
		return err
	}
	files := n.generate(plans, pkg)
	out := s.out
	if c.Quiet {
		out = io.Discard
	}
	n.summary(out, plans)
	if c.Verify {
		if err := n.check(ctx, out, s.err); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := codegen.Write(dir, files); err != nil {
		return err
	}
	writeFiles(out, dir, files)
	return nil
}

// check verifies the network and measures its speed. It fails where the
// generated code is wrong.
func (n *network) check(ctx context.Context, out, terminal io.Writer) error {
	bar := newProgress(terminal)
	defer bar.clear()
	report, err := verify.Run(ctx, n.Network, verify.Options{Progress: bar.phase})
	bar.clear()
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	if !report.Passed() {
		writeReport(out, report)
		return disagreement(report)
	}
	writeVerified(out, report)
	speed, err := bench.Run(ctx, n.Network, bench.Options{Progress: bar.phase})
	bar.clear()
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	writeSpeed(out, speed)
	return nil
}
