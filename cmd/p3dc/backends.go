package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// backendArgs are the flags that say what a package has code for.
type backendArgs struct {
	Backend       []string `default:"avx" enum:"avx,cuda" placeholder:"avx" help:"What the package has code for: avx, the CPU, which is always there, and cuda, NVIDIA's GPUs. Default: avx."`
	CUDAPrecision string   `name:"cuda-precision" default:"bf16" enum:"bf16,fp16,tf32,fp32" placeholder:"bf16" help:"What feature maps and weights consist of on a GPU: bf16, fp16, tf32 or fp32. Default: bf16."`
}

// gpu is a network's plan for GPUs.
type gpu struct {
	plan      *ir.Plan
	precision cuda.Precision
}

// gpu plans the network for GPUs, if that is asked for; else it returns nil.
func (a *backendArgs) gpu(n *network) (*gpu, error) {
	if !slices.Contains(a.Backend, "cuda") {
		return nil, nil
	}
	p, err := cuda.ParsePrecision(a.CUDAPrecision)
	if err != nil {
		return nil, usageError{fmt.Errorf("--cuda-precision: %w", err)}
	}
	g, err := n.fused()
	if err != nil {
		return nil, err
	}
	plan, err := cuda.Plan(g, p)
	if err != nil {
		return nil, err
	}
	return &gpu{plan, p}, nil
}

// files returns what the package has for GPUs.
func (g *gpu) files(n *network, pkg string) []codegen.File {
	if g == nil {
		return nil
	}
	return cuda.Generate(g.plan, g.precision, codegen.Options{Package: pkg, Source: n.source, Version: version})
}

// summary tells what memory of a GPU the network takes.
func (g *gpu) summary(w io.Writer) {
	if g == nil {
		return
	}
	size := g.precision.Bytes()
	fmt.Fprintf(w, "\n  CUDA in %v: weights %s, %s a clip, %d kernels, %d launches\n", g.precision,
		units.Bytes(g.plan.PackedLen*size), units.Bytes(cuda.ArenaBytes(g.plan)), len(cuda.Entries(g.plan)), len(cuda.Launches(g.plan)))
}
