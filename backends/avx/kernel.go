package avx

import (
	"fmt"
	"strings"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// emitter writes the kernels of one instruction set.
type emitter struct {
	*codegen.Printer
	isa *isa
}

// symbol is a kernel's function name: kernels of all instruction sets share
// the package.
func (s *isa) symbol(k *ir.Kernel) string { return k.Name + "_" + s.machine.Name }

// prefetch is the name of the function that asks for lines ahead of their use.
func (s *isa) prefetch() string { return "prefetch_" + s.machine.Name }

// prefetchLines writes the function that asks for cache lines that follow one
// another.
func (e *emitter) prefetchLines() {
	e.Line("// func %s(at *float32, lines int)", e.isa.prefetch())
	e.Line("TEXT ·%s(SB), NOSPLIT, $0-16", e.isa.prefetch())
	e.Op("MOVQ", "at+0(FP)", regTile)
	e.Op("MOVQ", "lines+8(FP)", regTiles)
	e.Label("line")
	e.Op("PREFETCHT1", bytesAt(0, regTile))
	e.Op("ADDQ", imm(cacheLine), regTile)
	e.Op("DECQ", regTiles)
	e.Op("JNE", "line")
	e.end()
}

// epilogue returns the steps of a kernel's epilogue.
func epilogue(k *ir.Kernel) []string { return strings.Fields(k.Epi) }

// adds reports whether a kernel's epilogue adds a value.
func adds(k *ir.Kernel) bool { return strings.Contains(k.Epi, ir.EpiAdd.String()) }

// mem is a memory operand: a number of float32 values behind a register.
func mem(floats int, base string) string { return bytesAt(4*floats, base) }

func bytesAt(disp int, base string) string {
	if disp == 0 {
		return "(" + base + ")"
	}
	return fmt.Sprintf("%d(%s)", disp, base)
}

// imm is an immediate operand.
func imm(n int) string { return fmt.Sprintf("$%d", n) }

// advance adds a distance in float32 values to a pointer.
func (e *emitter) advance(reg string, floats int) {
	if floats != 0 {
		e.Op("ADDQ", imm(4*floats), reg)
	}
}

// loop repeats the body a constant number of times, counting down a register.
// Once is no loop.
func (e *emitter) loop(n int, counter, label string, body func()) {
	if n == 1 {
		body()
		return
	}
	e.Op("MOVQ", imm(n), counter)
	e.Label(label)
	body()
	e.Op("DECQ", counter)
	e.Op("JNE", label)
}

// end leaves a function. The upper halves of the vector registers are cleared,
// or code with SSE instructions behind the call would be slow.
func (e *emitter) end() {
	e.Op("VZEROUPPER")
	e.Op("RET")
	e.Line("")
}

func (e *emitter) zero(reg string) { e.Op(e.isa.zeroing, reg, reg, reg) }
