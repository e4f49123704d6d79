package avx

import (
	"fmt"
	"math"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// General registers of the Winograd kernels, beside those of a conv kernel.
const (
	regFrom    = "AX" // the operands, moving over the channels
	regTo      = "BX"
	regAdd     = "R11"
	regBiases  = "R12"
	regVectors = "DX" // vectors of channels left
	regRows    = "R8" // results of a tile that lie on the map
	regCols    = "R13"
)

// winogradEmitter writes the transforms of Winograd's algorithm, vector by
// vector of channels. In the plane they multiply a block by a matrix from both
// sides: first they combine the block's rows, column by column, into one or two
// lines of registers; then the elements of each line. Along time there is one
// line.
type winogradEmitter struct {
	*emitter
	k         *ir.Kernel
	side      int // registers of a line
	lines     int // worked on at once
	down, row []productRows
	results   int
	constants []float64
}

// newWinogradEmitter prepares products by two matrices, the first of which, for
// the rows, may be missing, on as many registers as there are.
func (e *emitter) newWinogradEmitter(k *ir.Kernel, down, row [][]float64, factor func([][]float64) []productRows) *winogradEmitter {
	w := &winogradEmitter{emitter: e, k: k, side: len(row[0]), lines: 1, results: 2, row: factor(row)}
	if down != nil {
		w.down = factor(down)
	}
	for _, p := range slices.Concat(w.down, w.row) {
		w.constants = p.constants(w.constants)
	}
	registers := e.isa.machine.Registers
	if w.used() > registers { // work on one result after another
		w.row, w.results = single(w.row), 1
	}
	if w.lines = 2; down == nil || w.used() > registers {
		w.down, w.lines = single(w.down), 1
	}
	if w.used() > registers {
		panic(fmt.Sprintf("BUG: %s takes %d registers of %d", k.Name, w.used(), registers))
	}
	return w
}

// used returns how many vector registers the kernel takes.
func (w *winogradEmitter) used() int {
	return w.lines*w.side + w.results + 2 + len(w.constants)
}

// Vector registers: the lines, the results of a second product, temporary
// values, constants.
func (w *winogradEmitter) line(i, j int) string  { return w.isa.reg(i*w.side + j) }
func (w *winogradEmitter) result(i int) string   { return w.isa.reg(w.lines*w.side + i) }
func (w *winogradEmitter) temp(i int) string     { return w.result(w.results + i) }
func (w *winogradEmitter) constant(i int) string { return w.temp(2 + i) }

// load broadcasts the constants.
func (w *winogradEmitter) load() {
	for i, c := range w.constants {
		w.broadcast(c, "X0", w.constant(i))
	}
}

// broadcast sets all lanes of a register to a constant, by way of a register of
// 128 bits.
func (e *emitter) broadcast(c float64, by, reg string) {
	e.Op("MOVL", fmt.Sprintf("$0x%08X", bits(c)), regFrom)
	e.Op("VMOVD", regFrom, by)
	e.Op("VBROADCASTSS", by, reg)
}

// bits are those of a constant as a float32.
func bits(x float64) uint32 { return math.Float32bits(float32(x)) }

// spread writes the kernel that makes patches into points.
func (e *emitter) spread(k *ir.Kernel) {
	f := k.Transform
	if f.Strided() {
		e.spreadPhases(k)
		return
	}
	time := f.T != (ir.Line{})
	var w *winogradEmitter
	if time {
		w = e.newWinogradEmitter(k, nil, present(f.T.Matrices().In[0], k.From*f.Parts(), k.To*f.Parts()), pairRows)
	} else {
		w = e.newWinogradEmitter(k, f.H.Matrices().In[0], f.W.Matrices().In[0], pairRows)
	}
	e.spreadHead(k)
	w.load()
	e.Label("tile")
	e.Op("MOVQ", regTile, regFrom)
	e.Op("MOVQ", regOut, regTo)
	e.Op("MOVQ", "vectors+24(FP)", regVectors)
	e.Label("vector")
	store := func(row int) func(i int, result string) {
		return func(i int, result string) {
			e.Op("VMOVUPS", result, mem((row*f.W.Points()+i)*k.StepT, regTo))
		}
	}
	if time {
		for i := range w.side {
			e.Op("VMOVUPS", mem(i/f.Parts()*k.In.Row+i%f.Parts()*k.K, regFrom), w.line(0, i))
		}
		w.across(0, store(0))
	}
	if !time {
		e.prefetchBelow(k)
	}
	for _, rows := range w.down {
		for j := range w.side {
			w.product(rows, func(i int) string { return mem(i*k.In.Row+j*k.In.Pixel, regFrom) }, func(i int) string { return w.line(i, j) })
		}
		for i, row := range rows.rows {
			w.across(i, store(row))
		}
	}
	e.advance(regFrom, e.isa.machine.Lanes)
	e.advance(regTo, e.isa.machine.Lanes)
	e.Op("DECQ", regVectors)
	e.Op("JNE", "vector")
	e.nextTile(k)
}

// prefetchBelow asks for what the tile below will read and this one does not: it
// has the time of this row's products to arrive.
func (e *emitter) prefetchBelow(k *ir.Kernel) {
	f := k.Transform
	for row := range f.H.Results {
		for col := range f.W.Results {
			e.Op("PREFETCHT1", mem((f.H.Inputs()+row)*k.In.Row+col*k.In.Pixel, regFrom))
		}
	}
}

// spreadHead begins a kernel that makes points.
func (e *emitter) spreadHead(k *ir.Kernel) {
	e.Line("// func %s(in, out *float32, tiles, vectors int)", e.isa.symbol(k))
	e.Line("TEXT ·%s(SB), NOSPLIT, $0-32", e.isa.symbol(k))
	e.Op("MOVQ", "in+0(FP)", regTile)
	e.Op("MOVQ", "out+8(FP)", regOut)
	e.Op("MOVQ", "tiles+16(FP)", regTiles)
}

// nextTile ends a kernel that makes points: its loop over tiles, and itself.
func (e *emitter) nextTile(k *ir.Kernel) {
	e.advance(regTile, k.Cols*k.Transform.W.Phases()*k.In.Pixel)
	e.advance(regOut, k.Out.Pixel)
	e.Op("DECQ", regTiles)
	e.Op("JNE", "tile")
	e.end()
}

// present keeps the columns of a matrix whose inputs are on the map.
func present(m [][]float64, from, to int) [][]float64 {
	var cut [][]float64
	for _, row := range m {
		cut = append(cut, row[from:to])
	}
	return cut
}

// across multiplies a line and hands each result to use.
func (w *winogradEmitter) across(line int, use func(i int, result string)) {
	for _, rows := range w.row {
		w.product(rows, func(j int) string { return w.line(line, j) }, w.result)
		for i, row := range rows.rows {
			use(row, w.result(i))
		}
	}
}

// gather writes the kernel that makes sums at the points into results.
func (e *emitter) gather(k *ir.Kernel) {
	f := k.Transform
	time := f.T != (ir.Line{})
	var w *winogradEmitter
	if time {
		w = e.newWinogradEmitter(k, nil, f.T.Matrices().Out[:k.To*f.Parts()], pairColumns)
	} else {
		w = e.newWinogradEmitter(k, f.H.Matrices().Out, f.W.Matrices().Out, pairColumns)
	}
	e.Line("// func %s(in, bias, res, out *float32, tiles, vectors, rows, cols int)", e.isa.symbol(k))
	e.Line("TEXT ·%s(SB), NOSPLIT, $0-64", e.isa.symbol(k))
	w.load()
	e.Op("MOVQ", "in+0(FP)", regTile)
	e.Op("MOVQ", "bias+8(FP)", regBias)
	if adds(k) {
		e.Op("MOVQ", "res+16(FP)", regRes)
	}
	e.Op("MOVQ", "out+24(FP)", regOut)
	e.Op("MOVQ", "tiles+32(FP)", regTiles)
	if !time {
		e.Op("MOVQ", "rows+48(FP)", regRows)
		e.Op("MOVQ", "cols+56(FP)", regCols)
	}
	e.Label("tile")
	e.Op("MOVQ", regTile, regFrom)
	e.Op("MOVQ", regOut, regTo)
	e.Op("MOVQ", regBias, regBiases)
	if adds(k) {
		e.Op("MOVQ", regRes, regAdd)
	}
	e.Op("MOVQ", "vectors+40(FP)", regVectors)
	e.Label("vector")
	if time {
		for i := range w.side {
			e.Op("VMOVUPS", mem(i*k.StepT, regFrom), w.line(0, i))
		}
		w.across(0, func(i int, result string) { w.finish(result, i/f.Parts(), 0, i%f.Parts()) })
	}
	for _, rows := range w.down {
		for j := range w.side {
			w.product(rows, func(i int) string { return mem((i*w.side+j)*k.StepT, regFrom) }, func(i int) string { return w.line(i, j) })
		}
		for i, row := range rows.rows {
			w.present(regRows, row, fmt.Sprintf("row%d", row), func() {
				w.across(i, func(col int, result string) {
					w.present(regCols, col, fmt.Sprintf("row%dcol%d", row, col), func() { w.finish(result, row, col, 0) })
				})
			})
		}
	}
	e.advance(regFrom, e.isa.machine.Lanes)
	e.advance(regTo, f.Parts()*e.isa.machine.Lanes)
	e.advance(regBiases, f.Parts()*e.isa.machine.Lanes)
	if adds(k) {
		e.advance(regAdd, f.Parts()*e.isa.machine.Lanes)
	}
	e.Op("DECQ", regVectors)
	e.Op("JNE", "vector")
	e.advance(regTile, k.In.Pixel)
	e.advance(regOut, k.Cols*k.Out.Pixel)
	if adds(k) {
		e.advance(regRes, k.Cols*k.Res.Pixel)
	}
	e.Op("DECQ", regTiles)
	e.Op("JNE", "tile")
	e.end()
}

// present runs the body where a tile has row or column i; it has the first.
func (w *winogradEmitter) present(count string, i int, label string, body func()) {
	if i == 0 {
		body()
		return
	}
	w.Op("CMPQ", count, imm(i))
	w.Op("JLE", label)
	body()
	w.Label(label)
}

// finish runs the epilogue on one result, of one part of the channels, and
// stores it.
func (w *winogradEmitter) finish(acc string, row, col, part int) {
	behind := part * w.isa.machine.Lanes
	for _, e := range epilogue(w.k) {
		switch e {
		case ir.EpiBias.String():
			w.add(acc, mem(behind, regBiases))
		case ir.EpiReLU.String():
			w.zero(w.temp(0))
			w.Op("VMAXPS", acc, w.temp(0), acc)
		case ir.EpiAdd.String():
			w.add(acc, mem(row*w.k.Res.Row+col*w.k.Res.Pixel+behind, regAdd))
		default:
			panic(fmt.Sprintf("BUG: %s has the epilogue step %q", w.k.Name, e))
		}
	}
	w.Op("VMOVUPS", acc, mem(row*w.k.Out.Row+col*w.k.Out.Pixel+behind, regTo))
}
