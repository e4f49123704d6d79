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

// winogradEmitter writes the transforms of Winograd's algorithm. Both multiply
// a square block by a matrix from both sides: first they combine the block's
// rows, column by column, into a line of registers; then the elements of that
// line. Some pairs of a product's elements have most of their arithmetic in
// common: they are worked on together where there are registers for two lines.
type winogradEmitter struct {
	*emitter
	k         *ir.Kernel
	side      int // of a patch
	pairs     [][]int
	constants []float64
}

// Vector registers: the lines, the elements of a second product, temporary
// values, constants.
func (w *winogradEmitter) line(i, j int) string  { return w.isa.reg(i*w.side + j) }
func (w *winogradEmitter) result(i int) string   { return w.isa.reg(w.lines()*w.side + i) }
func (w *winogradEmitter) temp(i int) string     { return w.result(2 + i) }
func (w *winogradEmitter) constant(i int) string { return w.temp(2 + i) }

// lines returns how many lines are worked on at once.
func (w *winogradEmitter) lines() int {
	if w.side == 4 || w.isa.machine.Registers >= 32 {
		return 2
	}
	return 1
}

// groups returns the elements that a first product makes at once.
func (w *winogradEmitter) groups() [][]int {
	if w.lines() == 2 {
		return w.pairs
	}
	var single [][]int
	for _, pair := range w.pairs {
		for _, i := range pair {
			single = append(single, []int{i})
		}
	}
	return single
}

// load broadcasts the constants.
func (w *winogradEmitter) load() {
	if n := w.lines()*w.side + 4 + len(w.constants); n > w.isa.machine.Registers {
		panic(fmt.Sprintf("BUG: %s takes %d registers of %d", w.k.Name, n, w.isa.machine.Registers))
	}
	for i, c := range w.constants {
		w.Op("MOVL", fmt.Sprintf("$0x%08X", math.Float32bits(float32(c))), regFrom)
		w.Op("VMOVD", regFrom, "X0")
		w.Op("VBROADCASTSS", "X0", w.constant(i))
	}
}

// c is the register of a constant.
func (w *winogradEmitter) c(x float64) string { return w.constant(slices.Index(w.constants, x)) }

// The arithmetic of a product. x may be in memory; y is changed.
func (w *winogradEmitter) set(y, x string) { w.Op("VMOVUPS", x, y) }
func (w *winogradEmitter) add(y, x string) { w.Op("VADDPS", x, y, y) }
func (w *winogradEmitter) sub(y, x string) { w.Op("VSUBPS", x, y, y) }

func (w *winogradEmitter) mul(y string, c float64)       { w.Op("VMULPS", w.c(c), y, y) }
func (w *winogradEmitter) addMul(y, x string, c float64) { w.Op("VFMADD231PS", x, w.c(c), y) }
func (w *winogradEmitter) subMul(y, x string, c float64) { w.Op("VFNMADD231PS", x, w.c(c), y) }

// winogradIn writes the kernel that makes patches into points.
func (e *emitter) winogradIn(k *ir.Kernel) {
	w := winogradEmitter{emitter: e, k: k, side: k.Rows + 2, pairs: [][]int{{0}, {1}, {2}, {3}}}
	spread := w.spread2
	if k.Rows == 4 {
		spread = w.spread4
		w.pairs = [][]int{{0}, {1, 2}, {3, 4}, {5}}
		w.constants = []float64{2.5, 2, 0.5, math.Sqrt2 / 2, math.Sqrt2}
	}
	e.Line("// func %s(in, out *float32, tiles, vectors int)", e.isa.symbol(k))
	e.Line("TEXT ·%s(SB), NOSPLIT, $0-32", e.isa.symbol(k))
	w.load()
	e.Op("MOVQ", "in+0(FP)", regTile)
	e.Op("MOVQ", "out+8(FP)", regOut)
	e.Op("MOVQ", "tiles+16(FP)", regTiles)
	e.Label("tile")
	e.Op("MOVQ", regTile, regFrom)
	e.Op("MOVQ", regOut, regTo)
	e.Op("MOVQ", "vectors+24(FP)", regVectors)
	e.Label("vector")
	for _, rows := range w.groups() {
		for j := range w.side {
			spread(rows,
				func(i int) string { return mem(i*k.In.Row+j*k.In.Pixel, regFrom) },
				func(i int) string { return w.line(i, j) })
		}
		for i, row := range rows {
			for _, points := range w.pairs {
				spread(points, func(j int) string { return w.line(i, j) }, w.result)
				for p, point := range points {
					e.Op("VMOVUPS", w.result(p), mem((row*w.side+point)*k.StepT, regTo))
				}
			}
		}
	}
	e.advance(regFrom, e.isa.machine.Lanes)
	e.advance(regTo, e.isa.machine.Lanes)
	e.Op("DECQ", regVectors)
	e.Op("JNE", "vector")
	e.advance(regTile, k.Cols*k.In.Pixel)
	e.advance(regOut, k.Out.Pixel)
	e.Op("DECQ", regTiles)
	e.Op("JNE", "tile")
	e.end()
}

// spread2 makes some of four points, y, of four pixels, x.
func (w *winogradEmitter) spread2(points []int, x, y func(int) string) {
	for i, point := range points {
		w.set(y(i), x(point))
		switch point {
		case 0:
			w.sub(y(i), x(2))
		case 1:
			w.add(y(i), x(2))
		default:
			w.sub(y(i), x(1))
		}
	}
}

// spread4 makes one of six points, y, of six pixels, x, or both of a pair.
func (w *winogradEmitter) spread4(points []int, x, y func(int) string) {
	y0, odd := y(0), w.temp(0)
	near, far := 2.0, math.Sqrt2/2
	switch points[0] {
	case 0, 5:
		i := points[0] / 5
		w.set(y0, x(i))
		w.add(y0, x(4+i))
		w.subMul(y0, x(2+i), 2.5)
		return
	case 3, 4:
		near, far = 0.5, math.Sqrt2
	}
	w.set(y0, x(4))
	w.subMul(y0, x(2), near)
	w.set(odd, x(3))
	w.subMul(odd, x(1), near)
	if len(points) == 2 {
		w.set(y(1), y0)
		w.subMul(y(1), odd, far)
	}
	if points[0]%2 == 1 {
		w.addMul(y0, odd, far)
	} else {
		w.subMul(y0, odd, far)
	}
}

// winogradOut writes the kernel that makes sums at the points into results.
func (e *emitter) winogradOut(k *ir.Kernel) {
	w := winogradEmitter{emitter: e, k: k, side: k.Rows + 2, pairs: [][]int{{0, 1}}}
	gather := w.gather2
	if k.Rows == 4 {
		gather = w.gather4
		w.pairs = [][]int{{0, 2}, {1, 3}}
		w.constants = []float64{2, 0.5, math.Sqrt2 / 2, math.Sqrt2}
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
	e.Op("MOVQ", "rows+48(FP)", regRows)
	e.Op("MOVQ", "cols+56(FP)", regCols)
	e.Label("tile")
	e.Op("MOVQ", regTile, regFrom)
	e.Op("MOVQ", regOut, regTo)
	e.Op("MOVQ", regBias, regBiases)
	if adds(k) {
		e.Op("MOVQ", regRes, regAdd)
	}
	e.Op("MOVQ", "vectors+40(FP)", regVectors)
	e.Label("vector")
	for _, rows := range w.groups() {
		for j := range w.side {
			gather(rows,
				func(i int) string { return mem((i*w.side+j)*k.StepT, regFrom) },
				func(i int) string { return w.line(i, j) })
		}
		for i, row := range rows {
			w.present(regRows, row, fmt.Sprintf("row%d", row), func() {
				for _, cols := range w.pairs {
					gather(cols, func(j int) string { return w.line(i, j) }, w.result)
					for c, col := range cols {
						w.present(regCols, col, fmt.Sprintf("row%dcol%d", row, col), func() { w.finish(w.result(c), row, col) })
					}
				}
			})
		}
	}
	for _, reg := range []string{regFrom, regTo, regBiases} {
		e.advance(reg, e.isa.machine.Lanes)
	}
	if adds(k) {
		e.advance(regAdd, e.isa.machine.Lanes)
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

// gather2 makes both results, y, of the sums at four points, x.
func (w *winogradEmitter) gather2(_ []int, x, y func(int) string) {
	w.set(y(0), x(1))
	w.add(y(0), x(2))
	w.add(y(0), x(0))
	w.set(y(1), x(1))
	w.sub(y(1), x(2))
	w.add(y(1), x(3))
}

// gather4 makes one of four results, y, of the sums at six points, x, or both
// of a pair.
func (w *winogradEmitter) gather4(results []int, x, y func(int) string) {
	near, far := w.temp(0), w.temp(1)
	w.set(near, x(1))
	w.set(far, x(3))
	if results[0]%2 == 0 {
		w.add(near, x(2))
		w.add(far, x(4))
	} else {
		w.sub(near, x(2))
		w.sub(far, x(4))
		w.mul(near, math.Sqrt2/2)
		w.mul(far, math.Sqrt2)
	}
	for i, r := range results {
		switch r {
		case 0:
			w.set(y(i), x(0))
			w.add(y(i), near)
			w.add(y(i), far)
		case 1:
			w.set(y(i), near)
			w.add(y(i), far)
		case 2:
			w.set(y(i), near)
			w.mul(y(i), 0.5)
			w.addMul(y(i), far, 2)
		case 3:
			w.set(y(i), x(5))
			w.addMul(y(i), near, 0.5)
			w.addMul(y(i), far, 2)
		}
	}
}

// finish runs the epilogue on one result and stores it.
func (w *winogradEmitter) finish(acc string, row, col int) {
	for _, e := range epilogue(w.k) {
		switch e {
		case ir.EpiBias.String():
			w.add(acc, mem(0, regBiases))
		case ir.EpiReLU.String():
			w.zero(w.temp(0))
			w.Op("VMAXPS", acc, w.temp(0), acc)
		case ir.EpiAdd.String():
			w.add(acc, mem(row*w.k.Res.Row+col*w.k.Res.Pixel, regAdd))
		default:
			panic(fmt.Sprintf("BUG: %s has the epilogue step %q", w.k.Name, e))
		}
	}
	w.Op("VMOVUPS", acc, mem(row*w.k.Out.Row+col*w.k.Out.Pixel, regTo))
}
