package avx

import (
	"fmt"
	"math"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// General registers of a late kernel, beside those of a conv kernel.
const (
	regMade  = "R9"
	regRow   = "R12"
	lateArgs = 64 // bytes of arguments
)

// lateEmitter writes a kernel of products whose weights are made into Winograd's
// points in registers: tiles of pixels by one vector, a row of points at a time, of
// which two or three at once share sums. With the first of them the taps of each
// channel are summed along columns, one sum for each column of taps, which the
// others find in memory. Registers are the accumulators, these sums, two
// combinations of them, and two points' weights.
type lateEmitter struct {
	*emitter
	k       *ir.Kernel
	line    ir.Line
	columns [][]float64 // points x taps: what is summed for a row of points
	groups  [][]int
	pairs   []productRows // by group
}

// late writes a kernel of products of a late transform: see ir.Kernel. The lines
// that it asks for, a panel behind ahead, are those of the next panel's taps: they
// would have to be waited for.
func (e *emitter) late(k *ir.Kernel) {
	l := lateEmitter{emitter: e, k: k, line: k.Transform.W, columns: k.Transform.H.Matrices().Weights[0], groups: k.Transform.W.LateGroups()}
	if !e.isa.machine.FitsLate(l.line, k.Pixels(), k.Vectors) {
		panic(fmt.Sprintf("BUG: %s does not fit %d registers", k.Name, e.isa.machine.Registers))
	}
	for _, rows := range pairRows(l.line.Matrices().Weights[0]) {
		if len(rows.rows) == 2 {
			l.pairs = append(l.pairs, rows)
		}
	}
	e.Line("// func %s(in, panel, made, ahead, out *float32, tiles, row, rows int)", e.isa.symbol(k))
	e.Line("TEXT ·%s(SB), NOSPLIT, $0-%d", e.isa.symbol(k), lateArgs)
	e.Label("row")
	e.Op("MOVQ", "in+0(FP)", regTile)
	e.Op("MOVQ", "out+32(FP)", regOut)
	e.Op("MOVQ", "tiles+40(FP)", regTiles)
	e.Label("tile")
	e.Op("MOVQ", "ahead+24(FP)", regAhead)
	l.firstGroups()
	for i := range l.groups[1:] {
		l.group(i+1, fmt.Sprintf("group%d", i+1), "made+16(FP)", l.find)
	}
	e.advance(regTile, k.Cols*k.In.Pixel)
	e.advance(regOut, k.Cols*k.Out.Pixel)
	e.Op("DECQ", regTiles)
	e.Op("JNE", "tile")
	e.Op("ADDQ", imm(4*l.line.Points()*k.StepT), "in+0(FP)")
	e.Op("ADDQ", imm(4*l.line.Points()*k.Out.Row), "out+32(FP)")
	e.Op("ADDQ", imm(l.bodies()*l.lines()*cacheLine), "ahead+24(FP)")
	e.Op("INCQ", "row+48(FP)")
	e.Op("DECQ", "rows+56(FP)")
	e.Op("JNE", "row")
	e.end()
}

// firstGroups writes the first group's products, for each row by itself: their
// taps are summed with other factors.
func (l *lateEmitter) firstGroups() {
	l.Op("MOVQ", "row+48(FP)", regRow)
	for row := range l.columns {
		if row < len(l.columns)-1 {
			l.Op("CMPQ", regRow, imm(row))
			l.Op("JGT", fmt.Sprintf("behind%d", row))
		}
		l.Op("MOVQ", "made+16(FP)", regMade)
		l.group(0, fmt.Sprintf("row%d", row), "panel+8(FP)", func(channel int) { l.make(row, channel) })
		if row < len(l.columns)-1 {
			l.Op("JMP", "others")
			l.Label(fmt.Sprintf("behind%d", row))
		}
	}
	l.Label("others")
}

// The registers behind the accumulators.
func (l *lateEmitter) spare(i int) string  { return l.isa.reg(len(l.groups[0])*l.k.Cols + i) }
func (l *lateEmitter) tap(i int) string    { return l.spare(i) }
func (l *lateEmitter) same() string        { return l.spare(l.line.Taps) }
func (l *lateEmitter) other() string       { return l.spare(l.line.Taps + 1) }
func (l *lateEmitter) weight(i int) string { return l.spare(l.line.Taps + 2 + i) }

// unroll returns how many channels a body of the reduction takes.
func (l *lateEmitter) unroll() int { return min(l.k.K, 4) }

// bodies returns how many bodies a row of points runs through.
func (l *lateEmitter) bodies() int { return len(l.groups) * (l.k.K / l.unroll()) }

// taps returns how many there are for a channel.
func (l *lateEmitter) taps() int { return len(l.columns[0]) * l.line.Taps }

// panel returns the length of a panel of taps, in vectors.
func (l *lateEmitter) panel() int { return l.taps() * l.k.K }

// lines returns how many lines of the next panel a body asks for.
func (l *lateEmitter) lines() int {
	all := l.k.Points * l.bodies()
	return (l.panel() + all - 1) / all
}

// group writes the products at some points of a row. read brings a channel's
// taps, summed, to their registers, from where regWeights has begun at weights.
func (l *lateEmitter) group(n int, label, weights string, read func(channel int)) {
	k, lanes, points := l.k, l.isa.machine.Lanes, l.groups[n]
	each := func(f func(acc string, i, pixel int)) {
		for i := range points {
			for pixel := range k.Cols {
				f(l.isa.reg(i*k.Cols+pixel), i, pixel)
			}
		}
	}
	each(func(acc string, _, _ int) { l.zero(acc) })
	l.Op("MOVQ", regTile, regIn)
	l.Op("MOVQ", weights, regWeights)
	body := func(channels int) {
		for range l.lines() {
			l.Op("PREFETCHT1", mem(l.panel()*lanes, regAhead))
			l.Op("ADDQ", imm(cacheLine), regAhead)
		}
		for channel := range channels {
			read(channel)
			weights := l.combine(n)
			each(func(acc string, i, pixel int) {
				l.Op("VFMADD231PS.BCST", mem(points[i]*k.StepT+pixel*k.In.Pixel+channel, regIn), weights[i], acc)
			})
		}
		l.advance(regIn, channels)
		if n == 0 {
			l.advance(regWeights, channels*l.taps()*lanes)
			l.advance(regMade, channels*l.line.Taps*lanes)
		} else {
			l.advance(regWeights, channels*l.line.Taps*lanes)
		}
	}
	l.loop(k.K/l.unroll(), regK, label, func() { body(l.unroll()) })
	if rest := k.K % l.unroll(); rest > 0 {
		body(rest)
	}
	each(func(acc string, i, pixel int) {
		l.Op("VMOVUPS", acc, mem(points[i]*k.Out.Row+pixel*k.Out.Pixel, regOut))
	})
}

// make sums a channel's taps for a row of points, and keeps the sums.
func (l *lateEmitter) make(row, channel int) {
	lanes := l.isa.machine.Lanes
	for col := range l.line.Taps {
		tap := func(i int) string { return mem((channel*l.taps()+i*l.line.Taps+col)*lanes, regWeights) }
		y := l.tap(col)
		doubling(l.columns[row], doublingSteps{
			begin: func(i int) { l.Op("VMOVUPS", tap(i), y) },
			twice: func() { l.add(y, y) },
			plus:  func(i int) { l.add(y, tap(i)) },
			minus: func(i int) { l.sub(y, tap(i)) },
		})
		l.Op("VMOVUPS", y, mem((channel*l.line.Taps+col)*lanes, regMade))
	}
}

// find loads what make has kept.
func (l *lateEmitter) find(channel int) {
	for col := range l.line.Taps {
		l.Op("VMOVUPS", mem((channel*l.line.Taps+col)*l.isa.machine.Lanes, regWeights), l.tap(col))
	}
}

// combine makes a channel's summed taps into the weights at a group's points, and
// returns the registers that hold them.
func (l *lateEmitter) combine(n int) []string {
	pair := l.pairs[n]
	same, other := l.sum(pair.same, l.same()), l.sum(pair.other, l.other())
	l.Op("VADDPS", other, same, l.weight(0))
	l.Op("VSUBPS", other, same, l.weight(1))
	weights := make([]string, len(l.groups[n]))
	for i, point := range l.groups[n] {
		switch {
		case slices.Contains(pair.rows, point):
			weights[i] = l.weight(slices.Index(pair.rows, point))
		case point == l.line.Points()-1: // infinity
			weights[i] = l.tap(l.line.Taps - 1)
		default: // 0
			weights[i] = l.tap(0)
		}
	}
	return weights
}

// sum combines a channel's summed taps in y, and returns the register of the
// result: a tap's where there is nothing to do.
func (l *lateEmitter) sum(c []float64, y string) string {
	result := y
	from := func(x string) { // x is added to the result, or is its beginning
		l.Op("VADDPS", x, result, y)
		result = y
	}
	doubling(c, doublingSteps{
		begin: func(i int) { result = l.tap(i) },
		twice: func() { from(result) },
		plus:  func(i int) { from(l.tap(i)) },
	})
	return result
}

// doublingSteps make a sum: they begin it with a term, double it, and add terms
// or subtract them.
type doublingSteps struct {
	begin       func(i int)
	twice       func()
	plus, minus func(i int)
}

// doubling makes Σ c·x of factors that are powers of two: additions go beside
// multiply-adds, and multiplications do not. The first of the largest factors is
// positive.
func doubling(c []float64, do doublingSteps) {
	size := 0.0
	for _, f := range c {
		size = max(size, math.Abs(f))
	}
	for begun := false; size >= 1; size /= 2 {
		if begun {
			do.twice()
		}
		for i, f := range c {
			switch {
			case math.Abs(f) != size:
			case !begun:
				do.begin(i)
				begun = true
			case f < 0:
				do.minus(i)
			default:
				do.plus(i)
			}
		}
	}
}
