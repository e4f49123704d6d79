package avx

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// spreadPhases writes the kernel that makes patches of an input with strides
// into points. The phases of a row's pixel and their channels are one vector of
// eight, whose lanes have coefficients of their own: those lie in memory. A
// vector of 256 bits will do, so the code is the same on all processors.
func (e *emitter) spreadPhases(k *ir.Kernel) {
	narrow := &emitter{Printer: e.Printer, isa: avx2()}
	p := phaseEmitter{emitter: narrow, k: k, symbol: e.isa.symbol(k)}
	f := k.Transform
	p.across = p.coefficients()
	p.Line("// %s_lanes are the factors of each lane, by point and column.", p.symbol)
	for i, v := range p.vectors {
		for j := 0; j < len(v); j += 2 {
			p.Line("DATA %s_lanes<>+%d(SB)/8, $0x%08X%08X", p.symbol, i*32+j*4, bits(v[j+1]), bits(v[j]))
		}
	}
	p.Line("GLOBL %s_lanes<>(SB), RODATA|NOPTR, $%d", p.symbol, len(p.vectors)*32)
	p.Line("")
	e.spreadHead(k)
	p.Label("tile")
	p.prefetchBelow()
	for phase := range f.H.Phases() {
		p.phase(phase)
	}
	p.nextTile(k)
}

type phaseEmitter struct {
	*emitter
	k       *ir.Kernel
	symbol  string
	across  [][]int // by point and column: the index of the lanes' factors
	vectors [][ir.PhaseLanes]float64
}

// The indices of lanes' factors that are all alike.
const (
	allZero = -1
	allOne  = -2
)

// prefetchBelow asks for what the tile below will read and this one does not.
// Without, patches take twice as long to transform as from a cache.
func (p *phaseEmitter) prefetchBelow() {
	f, in := p.k.Transform, p.k.In
	below := f.H.Inputs() * f.H.Phases()
	for row := range f.H.Results * f.H.Phases() {
		for at := 0; at < 4*f.W.Results*f.W.Phases()*in.Pixel; at += cacheLine {
			p.Op("PREFETCHT1", bytesAt(4*(below+row)*in.Row+at, regTile))
		}
	}
}

// coefficients collects the factors of the products along a row.
func (p *phaseEmitter) coefficients() [][]int {
	f := p.k.Transform.W
	m := f.Matrices()
	var index [][]int
	for point := range f.Points() {
		var row []int
		for j := range f.Inputs() {
			var v [ir.PhaseLanes]float64
			zero, one := true, true
			for lane := range f.Phases() * p.k.K {
				v[lane] = m.In[lane/p.k.K][point][j]
				zero, one = zero && v[lane] == 0, one && v[lane] == 1
			}
			switch {
			case zero:
				row = append(row, allZero)
			case one:
				row = append(row, allOne)
			default:
				row = append(row, len(p.vectors))
				p.vectors = append(p.vectors, v)
			}
		}
		index = append(index, row)
	}
	return index
}

func (p *phaseEmitter) line(j int) string { return p.isa.reg(j) }
func (p *phaseEmitter) result() string    { return p.isa.reg(p.k.Transform.W.Inputs()) }
func (p *phaseEmitter) constant() string  { return p.isa.reg(p.k.Transform.W.Inputs() + 1) }

// phase transforms the rows of one phase.
func (p *phaseEmitter) phase(phase int) {
	k, f := p.k, p.k.Transform
	columns, points := f.W.Inputs(), f.W.Points()
	for i, row := range f.H.Matrices().In[phase] {
		if terms(row) == 0 {
			for q := range points {
				p.zero(p.result())
				p.store(phase, i*points+q)
			}
			continue
		}
		p.down(row, func(r, j int) string {
			return mem((r*f.H.Phases()+phase)*k.In.Row+j*f.W.Phases()*k.In.Pixel, regTile)
		}, columns)
		for q, factors := range p.across {
			p.combine(factors)
			p.store(phase, i*points+q)
		}
	}
}

// down combines the rows of all columns into the line.
func (p *phaseEmitter) down(row []float64, at func(r, j int) string, columns int) {
	first := true
	for r, c := range row {
		if c == 0 {
			continue
		}
		if c != 1 && c != -1 {
			p.broadcast(c, "X"+p.constant()[1:], p.constant())
		}
		for j := range columns {
			x, y := at(r, j), p.line(j)
			switch {
			case first && c == 1:
				p.Op("VMOVUPS", x, y)
			case first && c == -1:
				p.zero(y)
				p.Op("VSUBPS", x, y, y)
			case first:
				p.Op("VMULPS", x, p.constant(), y)
			case c == 1:
				p.Op("VADDPS", x, y, y)
			case c == -1:
				p.Op("VSUBPS", x, y, y)
			default:
				p.Op("VFMADD231PS", x, p.constant(), y)
			}
		}
		first = false
	}
}

// combine makes one point of the line.
func (p *phaseEmitter) combine(factors []int) {
	first := true
	for j, index := range factors {
		lanes := fmt.Sprintf("%s_lanes<>+%d(SB)", p.symbol, index*32)
		switch {
		case index == allZero:
			continue
		case first && index == allOne:
			p.Op("VMOVAPS", p.line(j), p.result())
		case first:
			p.Op("VMULPS", lanes, p.line(j), p.result())
		case index == allOne:
			p.Op("VADDPS", p.line(j), p.result(), p.result())
		default:
			p.Op("VFMADD231PS", lanes, p.line(j), p.result())
		}
		first = false
	}
}

// store writes a point. The lanes behind the last channel go where the next
// phase or pixel is stored later.
func (p *phaseEmitter) store(phase, point int) {
	k := p.k
	p.Op("VMOVUPS", p.result(), mem(point*k.StepT+phase*k.Transform.W.Phases()*k.K, regOut))
}
