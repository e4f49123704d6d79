package avx

import (
	"bytes"
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/p3dc/p3dc/codegen"
)

// PeakFiles returns the files of a package that measures how many
// multiply-adds a processor can do, and how much it can read: loops that do
// nothing else, to compare a network's speed with. It is no part of a network's
// package. The package exports
//
//	type Loop struct {
//		ISA   string            // avx512 or avx2
//		FLOPs int               // floating-point operations of one iteration of Run
//		Run   func(n int)       // runs n > 0 iterations on the calling goroutine
//		Read  func(data []byte) // loads data, at least one and only whole blocks of ReadBlock bytes
//	}
//
//	const ReadBlock = 512
//
//	func Loops() []Loop // that this processor can run, the widest first
//
// Off amd64, Loops returns nothing.
func PeakFiles(o codegen.Options) []codegen.File {
	t := tables{options: o}
	return []codegen.File{
		{Name: "loop.go", Content: render(t.peakLoop())},
		{Name: "peak_amd64.go", Content: render(t.peakStubs())},
		{Name: "peak_amd64.s", Content: peakAssembly(o)},
		{Name: "peak_other.go", Content: render(t.peakOther())},
	}
}

func render(f *jen.File) []byte {
	var b bytes.Buffer
	if err := f.Render(&b); err != nil {
		panic(fmt.Sprintf("BUG: generated Go: %v", err))
	}
	return b.Bytes()
}

// peakLoops lists the instruction sets, the widest first, and the features
// that x/sys/cpu must report for each.
func peakLoops() []peakISA {
	return []peakISA{
		{avx512(), []string{"AVX512F"}},
		{avx2(), []string{"AVX2", "FMA"}},
	}
}

type peakISA struct {
	*isa
	features []string
}

// symbol is the function that multiplies and adds.
func (s peakISA) symbol() string { return "multiplyAdd_" + s.machine.Name }

// readSymbol is the function that reads.
func (s peakISA) readSymbol() string { return "read_" + s.machine.Name }

// readBlock is what an iteration of the loop that reads takes in, in bytes.
const readBlock = 512

// accumulators is the number of independent sums. A processor of the last ten
// years starts at most two multiply-adds a cycle, each of which takes four or
// five: ten would do, and two to four registers stay free for the constant.
func (s peakISA) accumulators() int { return s.machine.Registers * 3 / 4 }

// flops counts the operations of one iteration: a product and a sum in each
// lane of each accumulator.
func (s peakISA) flops() int { return 2 * s.accumulators() * s.machine.Lanes }

// peakAssembly writes the loops. Register 0 holds ones, the accumulators
// follow: each adds 1·1 until 2^24, where it stays, so that no value is
// subnormal or infinite. What a register holds at the start does not matter
// for speed unless it is subnormal, so the sums start at 1 too.
func peakAssembly(o codegen.Options) []byte {
	var p codegen.Printer
	p.Line("// %s", o.Header())
	p.Line("")
	p.Line("//go:build amd64")
	p.Line("")
	p.Line(`#include "textflag.h"`)
	for _, s := range peakLoops() {
		one := s.reg(0)
		p.Line("")
		p.Line("// func %s(n int)", s.symbol())
		p.Line("TEXT ·%s(SB), NOSPLIT, $0-8", s.symbol())
		p.Op("MOVQ", "n+0(FP)", "CX")
		p.Op("MOVL", "$0x3F800000", "AX") // 1 in float32
		p.Op("VMOVD", "AX", "X0")
		p.Op("VBROADCASTSS", "X0", one)
		for i := range s.accumulators() {
			p.Op("VMOVAPS", one, s.reg(1+i))
		}
		p.Label("loop")
		for i := range s.accumulators() {
			p.Op("VFMADD231PS", one, one, s.reg(1+i))
		}
		p.Op("DECQ", "CX")
		p.Op("JNE", "loop")
		p.Op("VZEROUPPER")
		p.Op("RET")
		s.read(&p)
	}
	return p.Bytes()
}

// read writes the loop that reads: loads from one place after another, whose
// values nobody needs. The processor does them all the same, and fetches ahead
// of them.
func (s peakISA) read(p *codegen.Printer) {
	p.Line("")
	p.Line("// func %s(data []byte)", s.readSymbol())
	p.Line("TEXT ·%s(SB), NOSPLIT, $0-24", s.readSymbol())
	p.Op("MOVQ", "data_base+0(FP)", "SI")
	p.Op("MOVQ", "data_len+8(FP)", "CX")
	p.Op("ADDQ", "SI", "CX")
	p.Label("loop")
	for i := range readBlock / s.bytes() {
		p.Op("VMOVUPS", fmt.Sprintf("%d(SI)", i*s.bytes()), s.reg(i))
	}
	p.Op("ADDQ", fmt.Sprintf("$%d", readBlock), "SI")
	p.Op("CMPQ", "SI", "CX")
	p.Op("JNE", "loop")
	p.Op("VZEROUPPER")
	p.Op("RET")
}

func (t *tables) peakLoop() *jen.File {
	f := t.file()
	f.PackageComment(fmt.Sprintf("Package %s measures how many multiply-adds this processor can do, and how much it can read.", t.options.Package))
	f.Comment("Loop does nothing but independent multiply-adds, or loads.")
	f.Type().Id("Loop").Struct(
		jen.Id("ISA").String().Comment("avx512 or avx2"),
		jen.Id("FLOPs").Int().Comment("floating-point operations of one iteration of Run"),
		jen.Id("Run").Func().Params(jen.Id("n").Int()).Comment("runs n > 0 iterations on the calling goroutine"),
		jen.Id("Read").Func().Params(jen.Id("data").Index().Byte()).Comment("loads data, at least one and only whole blocks of ReadBlock bytes"),
	)
	f.Line()
	f.Comment("ReadBlock divides the length of what is read.")
	f.Const().Id("ReadBlock").Op("=").Lit(readBlock)
	return f
}

func (t *tables) peakStubs() *jen.File {
	f := t.file()
	f.HeaderComment("//go:build amd64")
	body := []jen.Code{jen.Var().Id("loops").Index().Id("Loop")}
	for _, s := range peakLoops() {
		f.Func().Id(s.symbol()).Params(jen.Id("n").Int())
		f.Line()
		f.Comment("//go:noescape")
		f.Func().Id(s.readSymbol()).Params(jen.Id("data").Index().Byte())
		f.Line()
		var has *jen.Statement
		for i, name := range s.features {
			flag := jen.Qual(cpuPackage, "X86").Dot("Has" + name)
			if i == 0 {
				has = flag
			} else {
				has = has.Op("&&").Add(flag)
			}
		}
		body = append(body, jen.If(has).Block(
			jen.Id("loops").Op("=").Append(jen.Id("loops"), jen.Id("Loop").Values(
				jen.Lit(s.machine.Name), jen.Lit(s.flops()), jen.Id(s.symbol()), jen.Id(s.readSymbol()),
			)),
		))
	}
	f.Comment("Loops returns the loops that this processor can run, the widest first.")
	f.Func().Id("Loops").Params().Index().Id("Loop").Block(append(body, jen.Return(jen.Id("loops")))...)
	return f
}

func (t *tables) peakOther() *jen.File {
	f := t.file()
	f.HeaderComment("//go:build !amd64")
	f.Comment("Loops returns nothing: there is no loop for this architecture.")
	f.Func().Id("Loops").Params().Index().Id("Loop").Block(jen.Return(jen.Nil()))
	return f
}
