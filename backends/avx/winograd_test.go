package avx

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// winogradGraph is one convolution that Winograd's algorithm computes, with a
// residual.
func winogradGraph() *ir.Graph {
	same := ir.Axis{Kernel: 3, Stride: 1, Pad: 1}
	s := ir.Shape{T: 2, H: 9, W: 11, C: 32}
	g := &ir.Graph{Name: "net", Input: ir.Input{Shape: s, Scale: 1, Mean: make([]float64, s.C), Std: make([]float64, s.C)}}
	in := g.AddValue("input", s)
	w, b := g.AddParam("w", 32, 32, 3, 3), g.AddParam("b", 32)
	g.Ops = []ir.Op{{
		Name: "s", Attr: ir.Conv{Window: ir.Window{T: ir.Unit, H: same, W: same}, Out: 32, Weight: w, Bias: b},
		In: []ir.ValueID{in}, Out: g.AddValue("s", s),
		Epi: []ir.EpiStep{{Kind: ir.EpiBias}, {Kind: ir.EpiAdd, Arg: in, Every: ir.NoSkip}, {Kind: ir.EpiReLU}},
	}}
	g.Outputs = []ir.Output{{Name: "y", Value: 1}}
	return g
}

// TestWinogradRegisters checks that the transforms take only what registers
// and instructions an instruction set has.
func TestWinogradRegisters(t *testing.T) {
	foreign := map[string]*regexp.Regexp{
		"avx2":   regexp.MustCompile(`\b(Y(1[6-9]|[23]\d)|Z\d+|K\d)\b|\.BCST`),
		"avx512": regexp.MustCompile(`\bY\d+\b`),
	}
	for _, s := range []*isa{avx512(), avx2()} {
		for _, mode := range []ir.Winograd{ir.WinogradF2, ir.WinogradF4} {
			p, err := ir.Schedule(winogradGraph(), s.machine, ir.ScheduleOptions{Winograd: mode})
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[ir.KernelKind]bool{}
			for _, k := range p.Kernels {
				kinds[k.Kind] = true
			}
			if !kinds[ir.KernelSpread] || !kinds[ir.KernelGather] {
				t.Fatalf("no transforms in\n%v", p)
			}
			if found := foreign[s.machine.Name].Find(assembly(p, s, codegen.Options{Package: "net"})); found != nil {
				t.Errorf("%s, mode %d: the code has %s", s.machine.Name, mode, found)
			}
		}
	}
}

// TestWinogradRegistersRunOut checks that a transform for which there are too
// few registers is refused.
func TestWinogradRegistersRunOut(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "takes 15 registers of 14") {
			t.Errorf("found %s", got)
		}
	}()
	s := avx2()
	p, err := ir.Schedule(winogradGraph(), s.machine, ir.ScheduleOptions{Winograd: ir.WinogradF4})
	if err != nil {
		t.Fatal(err)
	}
	s.machine.Registers = 14
	assembly(p, s, codegen.Options{Package: "net"})
}

// TestPhaseRegisters checks that all transforms of a strided convolution fit the
// registers, and use no others.
func TestPhaseRegisters(t *testing.T) {
	foreign := regexp.MustCompile(`\b(Y(1[6-9]|[23]\d)|Z\d+|K\d)\b`)
	for stride := 2; stride <= ir.PhaseLanes; stride++ {
		for taps := stride + 1; taps <= 4*stride; taps++ {
			for _, m := range [][2]int{{2, 2}, {2, 4}, {4, 4}} {
				line := func(n int) ir.Line { return ir.Line{Results: n, Taps: taps, Stride: stride} }
				k := ir.Kernel{
					Name: "spread", Kind: ir.KernelSpread, K: ir.PhaseLanes / stride, StepT: 336,
					Transform: ir.Transform{H: line(m[0]), W: line(m[1])}, In: ir.Pitch{Pixel: 3, Row: 501}, Out: ir.Pitch{Pixel: 16},
				}
				text, panicked := emit(avx512(), func(e *emitter) { e.spread(&k) })
				if panicked != nil {
					t.Errorf("%v: %v", k.Transform, panicked)
				}
				if found := foreign.Find(text); found != nil {
					t.Errorf("%v: the code has %s", k.Transform, found)
				}
			}
		}
	}
}
