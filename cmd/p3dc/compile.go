package main

import (
	"context"

	"github.com/p3dc/p3dc/codegen"
)

// compileCmd is "p3dc compile".
type compileCmd struct {
	netArgs
	Output  string `short:"o" placeholder:"DIR" help:"Folder of the package, replaced as a whole. Default: one named like the package, here."`
	Package string `placeholder:"NAME" help:"Name of the package. Default: the network's."`
	Quiet   bool   `short:"q" help:"Print nothing but failures."`
}

// Help returns what the command's help says in detail.
func (*compileCmd) Help() string {
	return `The package is written when all of it is ready, and takes the old one's place at once: a compile that fails or is interrupted leaves what was there. A folder that holds files of somebody else is refused. The same network gives the same bytes on every machine.

Examples:

    p3dc compile p3d63
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
	plans, err := n.plans()
	if err != nil {
		return err
	}
	files, err := n.generate(plans, pkg)
	if err != nil {
		return err
	}
	dir := c.Output
	if dir == "" {
		dir = pkg
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := codegen.Write(dir, files); err != nil {
		return err
	}
	if !c.Quiet {
		n.summary(s.out, plans)
		writeFiles(s.out, dir, files)
	}
	return nil
}
