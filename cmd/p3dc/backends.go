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
	Cubin         []string `name:"cubin" placeholder:"ARCH" help:"GPUs to compile for now, with NVRTC or nvcc, as in sm_80,sm_90a. Others compile the source when the network is opened."`
}

// gpu is a network's plans for GPUs, and machine code that was made of them.
type gpu struct {
	plans     []*ir.Plan
	precision cuda.Precision
	cubins    []cuda.Cubin
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
	return n.onGPU(p)
}

// onGPU plans the network for GPUs.
func (n *network) onGPU(p cuda.Precision) (*gpu, error) {
	g, err := n.fused()
	if err != nil {
		return nil, err
	}
	plans, err := cuda.Plans(g, p)
	if err != nil {
		return nil, err
	}
	return &gpu{plans: plans, precision: p}, nil
}

// files returns what the package has for GPUs.
func (g *gpu) files(n *network, pkg string) []codegen.File {
	if g == nil {
		return nil
	}
	return cuda.Generate(g.plans, g.precision, codegen.Options{Package: pkg, Source: n.source, Version: version}, g.cubins...)
}

// summary tells what memory of a GPU the network takes.
func (g *gpu) summary(w io.Writer) {
	if g == nil {
		return
	}
	fmt.Fprintln(w)
	for _, plan := range g.plans {
		clips := "several clips"
		if plan.Machine.Blocks.Clips == 1 {
			clips = "one clip"
		}
		fmt.Fprintf(w, "  CUDA in %v, %s: weights %s, %s a clip, %d kernels, %d launches\n", g.precision, clips,
			units.Bytes(plan.PackedLen*g.precision.Bytes()), units.Bytes(cuda.ArenaBytes(plan)), len(cuda.Entries(plan)), len(cuda.Launches(plan)))
	}
}
