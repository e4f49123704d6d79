package avx

import (
	"bytes"
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// Machines returns the machines that a package has plans for, in the order in
// which a program prefers them: avx512, avx2, generic.
func Machines() []ir.Machine {
	return []ir.Machine{avx512().machine, avx2().machine, generic()}
}

// Plans schedules a fused graph for each of the machines.
func Plans(g *ir.Graph, o ir.ScheduleOptions) ([]*ir.Plan, error) {
	var plans []*ir.Plan
	for _, m := range Machines() {
		p, err := ir.Schedule(g, m, o)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// Generate returns the files of a network's package. The plans are those of
// [Plans], on one graph. The same input gives the same bytes.
func Generate(plans []*ir.Plan, o codegen.Options) []codegen.File {
	g := plans[0].Graph
	t := tables{options: o, graph: g, lines: linesOf(plans)}
	files := codegen.Support(o, len(g.Taps) > 0)
	source := func(name string, f *jen.File) {
		var b bytes.Buffer
		if err := f.Render(&b); err != nil {
			panic(fmt.Sprintf("BUG: %s: %v", name, err))
		}
		files = append(files, codegen.File{Name: name, Content: b.Bytes()})
	}
	source("api.go", t.api())
	source("example_test.go", t.example())
	source("network.go", t.network())
	if len(t.lines) > 0 {
		source("lines.go", t.lineTable())
	}
	source("isa_amd64.go", t.isaAMD64())
	source("isa_other.go", t.isaOther())
	stubs := t.file()
	stubs.HeaderComment("//go:build amd64")
	for i, s := range []*isa{avx512(), avx2()} {
		p, name := plans[i], s.machine.Name
		t.stubs(stubs, p, s)
		source("plan_"+name+"_amd64.go", t.plan(p, s))
		files = append(files, codegen.File{Name: "kernels_" + name + "_amd64.s", Content: assembly(p, s, o)})
	}
	source("kernels_amd64.go", stubs)
	source("plan_generic.go", t.plan(plans[len(plans)-1], nil))
	return files
}

// assembly returns the kernels of one instruction set.
func assembly(p *ir.Plan, s *isa, o codegen.Options) []byte {
	e := &emitter{Printer: new(codegen.Printer), isa: s}
	e.Line("// %s", o.Header())
	e.Line("")
	e.Line("//go:build amd64")
	e.Line("")
	e.Line(`#include "textflag.h"`)
	e.Line("")
	e.prefetchLines()
	for i := range p.Kernels {
		switch k := &p.Kernels[i]; k.Kind {
		case ir.KernelConv:
			if k.Transform.Late() {
				e.late(k)
			} else {
				e.conv(k)
			}
		case ir.KernelPool:
			e.pool(k)
		case ir.KernelSpread:
			e.spread(k)
		case ir.KernelGather:
			e.gather(k)
		}
	}
	return bytes.TrimSuffix(e.Bytes(), []byte("\n"))
}
