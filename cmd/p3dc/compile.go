package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/verify"
)

// compileCmd is "p3dc compile".
type compileCmd struct {
	netArgs
	backendArgs
	Output  string `short:"o" placeholder:"DIR" help:"Folder of the package, replaced as a whole. Default: one named like the package, here."`
	Package string `placeholder:"NAME" help:"Name of the package. Default: the network's."`
	Verify  bool   `help:"Before anything is written, build the package, check it against the float64 interpreter and measure its speed."`
	Tune    bool   `help:"First measure on this machine which schedule is fastest, and write that to the tuning file."`
	Quiet   bool   `short:"q" help:"Print nothing but failures."`
}

// Help returns what the command's help says in detail.
func (*compileCmd) Help() string {
	return `The package is written when all of it is ready, and takes the old one's place at once: a compile that fails or is interrupted leaves what was there. A folder that holds files of somebody else is refused. The same network gives the same bytes on every machine.

With --verify the network is built in a temporary folder and run on every instruction set that this processor has, as "p3dc verify" does, and then measured, as "p3dc bench" does. Where it is wrong nothing is written.

With --tune the regions of the network are first computed in all the ways that the cost model thinks may be fastest, and measured on this machine: about two minutes, on a machine that does nothing else. The fastest go to a small text file: net.tune beside net.p3d, or NAME.tune here for a network that ships with the tool, unless --tuning names another. A later compile reads it, on any machine: beside a description by itself, else with --tuning.

With --backend cuda the package also runs on NVIDIA GPUs of compute capability 8.0 or newer: OpenCUDA beside Open, and the CUDA source in a file that includes nothing. It needs the driver and NVRTC at run time, which the source is compiled with once; to build it needs the module github.com/ebitengine/purego besides. A header and a source for programs in C lie beside it. --cubin compiles for some GPUs now, with NVRTC, whose library P3DC_NVRTC names where the system does not find it, or with nvcc: those then need the driver alone. --verify and --tune are about the CPU.

Examples:

    p3dc compile p3d63
    p3dc compile p3d63 --backend cuda
    p3dc compile p3d63 --backend cuda --cubin sm_80,sm_90a
    p3dc compile p3d63 --verify
    p3dc compile p3d63 --tune
    p3dc compile p3d199 -o internal/net --package net
    p3dc compile p3d63 --set classes=101 --set mix=A,B -o ucf101
    p3dc compile mynet.p3d`
}

// Run compiles the network.
func (c *compileCmd) Run(ctx context.Context, s *streams) error {
	archs, err := c.archs()
	if err != nil {
		return err
	}
	n, err := c.loadToTune(ctx)
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
	out := s.out
	if c.Quiet {
		out = io.Discard
	}
	if c.Tune {
		name := c.tuned()
		if err := outside(name, dir); err != nil {
			return err
		}
		if err := n.measureTuning(ctx, out, s.err, name); err != nil {
			return err
		}
		if err := n.tune(ctx, name); err != nil {
			return err
		}
	}
	plans, err := n.plans()
	if err != nil {
		return err
	}
	device, err := c.gpu(n)
	if err != nil {
		return err
	}
	bar := newProgress(s.err)
	err = device.compile(ctx, n, pkg, archs, bar.phase)
	bar.clear()
	if err != nil {
		return err
	}
	files := append(n.generate(plans, pkg), device.files(n, pkg)...)
	n.summary(out, plans)
	device.summary(out)
	n.writeTuning(out)
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

// loadToTune is load without the tuning that is about to be replaced.
func (c *compileCmd) loadToTune(ctx context.Context) (*network, error) {
	if !c.Tune {
		return c.load(ctx)
	}
	if c.Tuning == noTuning {
		return nil, usageError{errors.New("--tune --tuning none: expected the file to write, or no --tuning")}
	}
	return loadNetwork(ctx, c.Net, c.Set)
}

// tuned returns the tuning file that --tune writes.
func (c *compileCmd) tuned() string {
	if c.Tuning != "" {
		return c.Tuning
	}
	return tunedName(c.Net)
}

// outside returns a usage error where a tuning file would lie in the package's
// folder, or in its place: the folder is replaced as a whole, and by no compile
// while there is anything else in it.
func outside(tuning, dir string) error {
	parent, _ := filepath.Split(destination(tuning))
	if sameFile(tuning, dir) || sameFile(cmp.Or(parent, "."), dir) {
		return usageError{fmt.Errorf("--tuning %s: the package's folder %s holds nothing but the package; name a file outside of it", tuning, dir)}
	}
	return nil
}

// check verifies the network and measures its speed. It fails where the
// generated code is wrong.
func (n *network) check(ctx context.Context, out, terminal io.Writer) error {
	bar := newProgress(terminal)
	defer bar.clear()
	report, err := verify.Run(ctx, n.Network, verify.Options{Schedule: n.schedule(), Progress: bar.phase})
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
	speed, err := bench.Run(ctx, n.Network, bench.Options{Schedule: n.schedule(), Progress: bar.phase})
	bar.clear()
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	writeSpeed(out, speed)
	return nil
}
