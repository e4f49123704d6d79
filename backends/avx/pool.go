package avx

import "github.com/p3dc/p3dc/ir"

const poolArgs = 52 // bytes of arguments

// pool writes a pool kernel: for each pixel, all vectors of the panel are
// reduced together over a window whose extents are counted at run time.
func (e *emitter) pool(k *ir.Kernel) {
	e.Line("// func %s(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32)", e.isa.symbol(k))
	e.Line("TEXT ·%s(SB), NOSPLIT, $0-%d", e.isa.symbol(k), poolArgs)
	e.Op("MOVQ", "in+0(FP)", "SI")
	e.Op("MOVQ", "out+8(FP)", "DI")
	e.Op("MOVQ", "pixels+16(FP)", "CX")
	p := poolEmitter{emitter: e, k: k}
	if p.sums() {
		e.Op("VBROADCASTSS", "scale+48(FP)", p.extra(2*k.Vectors))
	}
	e.Label("pixel")
	p.start()
	e.Op("MOVQ", "SI", "AX")
	e.Op("MOVQ", "tapsT+24(FP)", "DX")
	e.Label("frame")
	p.clear(p.frame)
	e.Op("MOVQ", "AX", "R8")
	e.Op("MOVQ", "tapsH+32(FP)", "R11")
	e.Label("row")
	p.clear(p.row)
	e.Op("MOVQ", "R8", "R9")
	e.Op("MOVQ", "tapsW+40(FP)", "R12")
	e.Label("column")
	p.tap()
	e.advance("R9", k.StepW)
	e.Op("DECQ", "R12")
	e.Op("JNE", "column")
	p.carry(p.row, p.frame)
	e.advance("R8", k.StepH)
	e.Op("DECQ", "R11")
	e.Op("JNE", "row")
	p.carry(p.frame, p.acc)
	e.advance("AX", k.StepT)
	e.Op("DECQ", "DX")
	e.Op("JNE", "frame")
	p.store()
	e.advance("SI", k.In.Pixel)
	e.advance("DI", k.Out.Pixel)
	e.Op("DECQ", "CX")
	e.Op("JNE", "pixel")
	e.end()
}

type poolEmitter struct {
	*emitter
	k *ir.Kernel
}

// sums reports whether the kernel averages. It then adds up each row, each
// frame and the window in registers of their own: a single sum over thousands
// of values would err by as many roundings.
func (p *poolEmitter) sums() bool { return p.k.Pool == ir.PoolAverage }

func (p *poolEmitter) acc(v int) string   { return p.isa.reg(v) }
func (p *poolEmitter) frame(v int) string { return p.extra(v) }
func (p *poolEmitter) row(v int) string   { return p.extra(p.k.Vectors + v) }

// extra is a register behind the accumulators.
func (p *poolEmitter) extra(i int) string { return p.isa.reg(p.k.Vectors + i) }

// start sets a sum to zero and a maximum to the window's first value, which
// is then compared with itself.
func (p *poolEmitter) start() {
	p.clear(p.acc)
	for v := 0; v < p.k.Vectors && !p.sums(); v++ {
		p.Op("VMOVUPS", bytesAt(v*p.isa.bytes(), "SI"), p.acc(v))
	}
}

// clear sets sums to zero.
func (p *poolEmitter) clear(sum func(v int) string) {
	for v := 0; v < p.k.Vectors && p.sums(); v++ {
		p.zero(sum(v))
	}
}

// carry adds sums to those of what they are part of.
func (p *poolEmitter) carry(part, whole func(v int) string) {
	for v := 0; v < p.k.Vectors && p.sums(); v++ {
		p.Op("VADDPS", part(v), whole(v), whole(v))
	}
}

func (p *poolEmitter) tap() {
	for v := range p.k.Vectors {
		x := bytesAt(v*p.isa.bytes(), "R9")
		if p.sums() {
			p.Op("VADDPS", x, p.row(v), p.row(v))
		} else {
			p.maximum(x, p.acc(v))
		}
	}
}

// Predicates of VCMPPS.
const (
	unordered = "$3"
	ordered   = "$7"
)

// maximum keeps a NaN in the accumulator; one in memory is what VMAXPS
// returns by itself.
func (p *poolEmitter) maximum(x, acc string) {
	if p.isa.masks {
		p.Op("VCMPPS", ordered, acc, acc, "K1")
		p.Op("VMAXPS", x, acc, "K1", acc)
		return
	}
	most, isNaN := p.extra(0), p.extra(1)
	p.Op("VMAXPS", x, acc, most)
	p.Op("VCMPPS", unordered, acc, acc, isNaN)
	p.Op("VBLENDVPS", isNaN, acc, most, acc)
}

func (p *poolEmitter) store() {
	for v := range p.k.Vectors {
		if p.sums() {
			p.Op("VMULPS", p.extra(2*p.k.Vectors), p.acc(v), p.acc(v))
		}
		p.Op("VMOVUPS", p.acc(v), bytesAt(v*p.isa.bytes(), "DI"))
	}
}
