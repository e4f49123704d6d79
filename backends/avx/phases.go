package avx

import (
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// spreadPhases writes the kernel that makes patches of an input with strides
// into points. The phases of a row's pixel and their channels are one vector of
// eight. A vector of 256 bits will do, so the code is the same on all processors.
//
// First the columns of a patch are transformed to where its points will be, then
// each row of these. All phases but for the last finite point have one matrix:
// see ir.Line.WithoutLast.
func (e *emitter) spreadPhases(k *ir.Kernel) {
	f := k.Transform
	narrow := &emitter{Printer: e.Printer, isa: avx2()}
	p := phaseEmitter{winogradEmitter: &winogradEmitter{emitter: narrow, k: k, lines: 1, results: 2}}
	p.down, p.across = p.line(f.H), p.line(f.W)
	if p.used() > p.isa.machine.Registers {
		panic(fmt.Sprintf("BUG: %s takes %d registers of %d", k.Name, p.used(), p.isa.machine.Registers))
	}
	e.spreadHead(k)
	p.load()
	p.Label("tile")
	p.prefetchBelow()
	for phase := range f.H.Phases() {
		for j := range f.W.Inputs() {
			p.column(phase, j)
		}
		for i := range f.H.Points() {
			p.row(phase, i)
		}
	}
	p.nextTile(k)
}

type phaseEmitter struct {
	*winogradEmitter
	down, across phaseLine
}

// phaseLine is the transform of a line's inputs, which are in registers.
type phaseLine struct {
	ir.Line
	last float64       // the last finite point
	own  productRows   // what makes it
	rest []productRows // what makes the other points, of one input less, behind the first register
}

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

// line prepares the transform of a line, and room for it in registers.
func (p *phaseEmitter) line(l ir.Line) phaseLine {
	last, rest := l.WithoutLast()
	n := l.Inputs()
	own := append(slices.Clone(rest[n-2]), 0)
	for i, row := range rest {
		rest[i] = append([]float64{0}, row...)
	}
	pl := phaseLine{Line: l, last: last, own: pairRows([][]float64{own})[0], rest: pairRows(rest)}
	for _, rows := range append(pl.rest, pl.own, productRows{same: []float64{last}}) {
		p.constants = rows.constants(p.constants)
	}
	p.side = max(p.side, n)
	return pl
}

// lacks reports whether a phase has a tap less than the first, and so nothing
// at the last finite point.
func (l *phaseLine) lacks(phase int) bool { return (l.Taps-phase-1)/l.Stride < (l.Taps-1)/l.Stride }

// point returns which point the i-th row of the rest makes.
func (l *phaseLine) point(i int) int {
	if i == l.Points()-2 {
		return i + 1 // infinity, behind the last finite point
	}
	return i
}

// column transforms a column of one phase of rows.
func (p *phaseEmitter) column(phase, j int) {
	k, l := p.k, &p.down
	at := func(r int) string {
		return mem((r*l.Phases()+phase)*k.In.Row+j*p.across.Phases()*k.In.Pixel, regTile)
	}
	if l.lacks(phase) {
		for r := range l.Inputs() - 1 {
			p.Op("VMOVUPS", at(r), p.x(r+1))
		}
	} else {
		for r := range l.Inputs() {
			p.Op("VMOVUPS", at(r), p.x(r))
		}
		p.product(l.own, p.x, p.result)
		p.Op("VMOVUPS", p.result(0), p.place(phase, l.Points()-2, j))
		p.shorten(l, 0)
	}
	p.others(l, func(i int) string { return p.place(phase, i, j) })
}

// row transforms a row of columns, in its place. Its lanes are of several phases.
func (p *phaseEmitter) row(phase, i int) {
	l := &p.across
	at := func(q int) string { return p.place(phase, i, q) }
	if p.down.lacks(phase) && i == p.down.Points()-2 {
		p.zero(p.result(0))
		for q := range l.Points() {
			p.Op("VMOVUPS", p.result(0), at(q))
		}
		return
	}
	lacking := 0 // lanes, a bit each
	for lane := range l.Phases() * p.k.K {
		if l.lacks(lane / p.k.K) {
			lacking |= 1 << lane
		}
	}
	for q := range l.Inputs() {
		p.Op("VMOVUPS", at(q), p.x(q))
	}
	p.product(l.own, p.x, p.result)
	if lacking != 0 {
		p.zero(p.temp(0))
		p.Op("VBLENDPS", imm(lacking), p.temp(0), p.result(0), p.result(0))
	}
	p.Op("VMOVUPS", p.result(0), at(l.Points()-2))
	p.shorten(l, lacking)
	p.others(l, at)
}

// x is the register of an input.
func (p *phaseEmitter) x(i int) string { return p.winogradEmitter.line(0, i) }

// shorten makes the inputs into one less, behind the first register, without the
// last finite point. Lanes that have one less already only move.
func (p *phaseEmitter) shorten(l *phaseLine, lacking int) {
	for i := l.Inputs() - 1; i > 0; i-- {
		term := make([]float64, l.Inputs())
		term[i-1] = -l.last
		p.accumulate(p.x(i), term, p.x)
		if lacking != 0 {
			p.Op("VBLENDPS", imm(lacking), p.x(i-1), p.x(i), p.x(i))
		}
	}
}

// others makes and stores the points that all phases have.
func (p *phaseEmitter) others(l *phaseLine, at func(point int) string) {
	for _, rows := range l.rest {
		p.product(rows, p.x, p.result)
		for i, row := range rows.rows {
			p.Op("VMOVUPS", p.result(i), at(l.point(row)))
		}
	}
}

// place is where a point of the phases of a row is stored. The lanes behind the
// last channel go where the next phase or pixel is stored later.
func (p *phaseEmitter) place(phase, i, q int) string {
	return mem((i*p.across.Points()+q)*p.k.StepT+phase*p.across.Phases()*p.k.K, regOut)
}
