package avx

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// Registers of a conv kernel.
const (
	regTile     = "SI" // input of the current tile
	regIn       = "AX" // input, moving over the taps
	regPanel    = "R8" // weights of the panel
	regWeights  = "BX" // weights, moving
	regBias     = "R9"
	regRes      = "R10"
	regOut      = "DI"
	regTiles    = "CX" // tiles left
	regTapT     = "DX" // taps left, by axis
	regTapH     = "R11"
	regTapW     = "R12"
	regAhead    = "DX"  // of a pointwise kernel: the pixel whose lines are asked for
	regLast     = "R11" // and the last one of the tile
	regK        = "R13" // iterations of the reduction left
	convArgs    = 56    // bytes of arguments
	maxUnrolled = 96    // multiply-adds in the unrolled body of the reduction
	cacheLine   = 64    // bytes
)

// conv writes a conv kernel: see ir.Kernel for what it computes. Fits
// take the lowest registers, then one row of weights, then, where the
// multiply-add cannot do it, a broadcast pixel.
func (e *emitter) conv(k *ir.Kernel) {
	if !e.isa.machine.Fits(k.Pixels(), k.Vectors) {
		panic(fmt.Sprintf("BUG: %s does not fit %d registers", k.Name, e.isa.machine.Registers))
	}
	c := convEmitter{emitter: e, k: k}
	e.Line("// func %s(in, weights, bias, res, out *float32, tiles, taps int)", e.isa.symbol(k))
	flags, frame := "NOSPLIT", c.frame()
	if frame > 0 { // more than a function may have that does not check for it
		flags = "0"
	}
	e.Line("TEXT ·%s(SB), %s, $%d-%d", e.isa.symbol(k), flags, frame, convArgs)
	e.Op("MOVQ", "weights+8(FP)", regPanel)
	e.Op("MOVQ", "bias+16(FP)", regBias)
	if k.Points > 0 {
		e.Label("point")
	}
	e.Op("MOVQ", "in+0(FP)", regTile)
	if c.second() {
		e.Op("MOVQ", "res+24(FP)", regRes)
	}
	e.Op("MOVQ", "out+32(FP)", regOut)
	e.Op("MOVQ", "tiles+40(FP)", regTiles)
	e.Label("tile")
	c.prefetch()
	c.start()
	c.firstPart()
	e.Op("MOVQ", regTile, regIn)
	e.Op("MOVQ", regPanel, regWeights)
	c.taps()
	c.lastPart()
	if k.K2 > 0 {
		e.Op("MOVQ", regRes, regIn)
		c.reduction(k.K2, k.Res, "shortcut", false)
	}
	c.finish()
	c.next()
	e.Op("DECQ", regTiles)
	e.Op("JNE", "tile")
	if k.Points > 0 {
		c.nextPoint()
	}
	e.end()
}

// nextPoint goes on with the products of the next point, whose weights follow.
// The operands' places are kept where the caller has put them.
func (c *convEmitter) nextPoint() {
	c.Op("ADDQ", imm(4*c.k.StepT), "in+0(FP)")
	c.Op("ADDQ", imm(4*c.k.Out.Row), "out+32(FP)")
	c.advance(regPanel, c.k.K*c.k.Vectors*c.isa.machine.Lanes)
	c.Op("DECQ", "taps+48(FP)")
	c.Op("JNE", "point")
}

type convEmitter struct {
	*emitter
	k *ir.Kernel
}

// second reports whether the kernel reads a second operand: one that is added,
// or a shortcut that is projected.
func (c *convEmitter) second() bool { return adds(c.k) || c.k.K2 > 0 }

// acc is the accumulator of pixel p and vector v.
func (c *convEmitter) acc(p, v int) string { return c.isa.reg(p*c.k.Vectors + v) }

// weight is the register that holds vector v of the current row of weights.
func (c *convEmitter) weight(v int) string { return c.isa.reg(c.k.Pixels()*c.k.Vectors + v) }

// pixel is the register that a pixel is broadcast to.
func (c *convEmitter) pixel() string { return c.isa.reg((c.k.Pixels() + 1) * c.k.Vectors) }

// embedded reports whether the multiply-add broadcasts the pixel itself.
func (c *convEmitter) embedded() bool { return c.isa.machine.Broadcast && c.k.Vectors == 1 }

// at returns how far pixel p of the tile lies behind its first, in an operand
// of the given pitch.
func (c *convEmitter) at(p int, by ir.Pitch) int {
	return p/c.k.Cols*by.Row + p%c.k.Cols*by.Pixel
}

// bare reports whether there is nothing but the channels of a single tap to sum,
// as at Winograd's points. The first products are then the accumulators' first
// values, which takes no cycles, and clearing registers does: over 12 channels
// such kernels run at 97 % of peak instead of 91.
func (c *convEmitter) bare() bool {
	return c.k.Epi == "" && c.tapCount() == 1
}

// tapCount returns how many pixels a result is the sum of, at most.
func (c *convEmitter) tapCount() int { return c.k.TapsT * c.k.TapsH * c.k.TapsW }

// start sets the accumulators to the bias, or to zero, or leaves them to the
// first products.
func (c *convEmitter) start() {
	if c.bare() {
		return
	}
	steps := epilogue(c.k)
	bias := len(steps) > 0 && steps[0] == ir.EpiBias.String()
	for v := range c.k.Vectors {
		for p := range c.k.Pixels() {
			switch {
			case !bias:
				c.zero(c.acc(p, v))
			case p == 0:
				c.Op("VMOVUPS", bytesAt(v*c.isa.bytes(), regBias), c.acc(0, v))
			default:
				c.Op("VMOVAPS", c.acc(0, v), c.acc(p, v))
			}
		}
	}
}

// touched returns the register and the pitch of the operand whose lines the
// epilogue adds or overwrites. Most often the result goes over what is added.
func (c *convEmitter) touched() (reg string, by ir.Pitch) {
	if adds(c.k) {
		return regRes, c.k.Res
	}
	return regOut, c.k.Out
}

// gradual reports whether what the epilogue touches is asked for pixel by
// pixel in the loop of the reduction.
func (c *convEmitter) gradual() bool {
	k := c.k
	return k.Rows == 1 && c.tapCount() == 1 && k.K/c.unroll(k.K) >= k.Cols
}

// prefetch asks for the lines that the epilogue will add or overwrite, so that
// they arrive during the reduction: without, the wide layers of the first
// stage take 8 % longer. All at once they would take every place that a core
// has for lines under way, and the weights would have to wait.
func (c *convEmitter) prefetch() {
	reg, by := c.touched()
	if c.gradual() {
		c.Op("MOVQ", reg, regAhead)
		c.Op("LEAQ", bytesAt(4*(c.k.Cols-1)*by.Pixel, reg), regLast)
		return
	}
	for p := range c.k.Pixels() {
		c.pixelLines(func(at int) { c.Op("PREFETCHT0", bytesAt(4*c.at(p, by)+at, reg)) })
	}
}

// prefetchPixel asks for one more pixel's lines, for the last ones again and
// again, where that is done gradually.
func (c *convEmitter) prefetchPixel() {
	if !c.gradual() {
		return
	}
	_, by := c.touched()
	c.pixelLines(func(at int) { c.Op("PREFETCHT0", bytesAt(at, regAhead)) })
	c.advance(regAhead, by.Pixel)
	c.Op("CMPQ", regAhead, regLast)
	c.Op("CMOVQHI", regLast, regAhead)
}

// pixelLines calls f with the offset in bytes of each cache line of a pixel.
func (c *convEmitter) pixelLines(f func(at int)) {
	for at := 0; at < c.k.Vectors*c.isa.bytes(); at += cacheLine {
		f(at)
	}
}

// taps writes the loops over the window around the reduction over channels.
// Only frames' taps are counted at run time.
func (c *convEmitter) taps() {
	k := c.k
	if k.TapsT == 1 {
		c.tapsOfFrame()
		return
	}
	c.Op("MOVQ", "taps+48(FP)", regTapT)
	c.Label("frame")
	moved := c.tapsOfFrame()
	c.advance(regIn, k.StepT-moved)
	c.Op("DECQ", regTapT)
	c.Op("JNE", "frame")
}

// tapsOfFrame returns how far it moves the input pointer.
func (c *convEmitter) tapsOfFrame() int {
	k := c.k
	inRow := k.K
	if k.TapsW > 1 {
		inRow = k.TapsW * k.StepW
	}
	c.loop(k.TapsH, regTapH, "row", func() {
		c.loop(k.TapsW, regTapW, "column", func() {
			c.reduction(k.K, k.In, "channel", true)
			if k.TapsW > 1 {
				c.advance(regIn, k.StepW-k.K)
			}
		})
		c.nextPart()
		if k.TapsH > 1 {
			c.advance(regIn, k.StepH-inRow)
		}
	})
	if k.TapsH > 1 {
		return k.TapsH * k.StepH
	}
	return inRow
}

// reduction sums over so many channels of pixels of the given pitch, unrolled.
// The body of the loop over the kernel's first operand also asks for lines, and
// its first products may be the accumulators' first values.
func (c *convEmitter) reduction(channels int, by ir.Pitch, label string, first bool) {
	k := c.k
	unroll := c.unroll(channels)
	width := k.Vectors * c.isa.machine.Lanes
	set := first && c.bare()
	body := func(n int) {
		if first {
			c.prefetchPixel()
		}
		for i := range n {
			c.multiplyAdd(i, by, set)
			set = false
		}
		c.advance(regIn, n)
		c.advance(regWeights, n*width)
	}
	n := channels / unroll
	if set {
		body(unroll)
		n--
	}
	if n > 0 {
		c.loop(n, regK, label, func() { body(unroll) })
	}
	if rest := channels % unroll; rest > 0 {
		body(rest)
	}
}

// unroll returns how many steps of the reduction the loop's body has: as many
// as fit, a divisor of the length where there is one worth it.
func (c *convEmitter) unroll(channels int) int {
	most := min(channels, 16, max(1, maxUnrolled/(c.k.Pixels()*c.k.Vectors)))
	for n := most; n > most/2; n-- {
		if channels%n == 0 {
			return n
		}
	}
	return most
}

// ahead is how far behind its own weights, in bytes, a kernel asks for the ones
// that are most often read next: another panel's or point's. Else they come from
// memory only when they are multiplied, which where pixels are few took 3 %
// longer, and much more while others keep the memory busy.
func (c *convEmitter) ahead() int {
	k := c.k
	return (k.K*c.tapCount() + k.K2) * k.Vectors * c.isa.bytes()
}

// multiplyAdd adds the products of the i-th channel behind the pointers to the
// accumulators, or sets these to them.
func (c *convEmitter) multiplyAdd(i int, by ir.Pitch, set bool) {
	k := c.k
	op := "VFMADD231PS"
	if set {
		op = "VMULPS"
	}
	for v := range k.Vectors {
		at := (i*k.Vectors + v) * c.isa.bytes()
		c.Op("VMOVUPS", bytesAt(at, regWeights), c.weight(v))
		if at%cacheLine == 0 {
			c.Op("PREFETCHT1", bytesAt(at+c.ahead(), regWeights))
		}
	}
	for p := range k.Pixels() {
		x := mem(c.at(p, by)+i, regIn)
		if c.embedded() {
			c.Op(op+".BCST", x, c.weight(0), c.acc(p, 0))
			continue
		}
		c.Op("VBROADCASTSS", x, c.pixel())
		for v := range k.Vectors {
			c.Op(op, c.weight(v), c.pixel(), c.acc(p, v))
		}
	}
}

// finish runs the epilogue and stores the tile.
func (c *convEmitter) finish() {
	k := c.k
	for i, e := range epilogue(c.k) {
		switch e {
		case ir.EpiBias.String():
			if i != 0 {
				panic(fmt.Sprintf("BUG: %s adds its bias as step %d", k.Name, i))
			}
		case ir.EpiReLU.String():
			c.relu()
		case ir.EpiAdd.String():
			c.eachAcc(func(p, v int) {
				c.Op("VADDPS", bytesAt(4*c.at(p, k.Res)+v*c.isa.bytes(), regRes), c.acc(p, v), c.acc(p, v))
			})
		default:
			panic(fmt.Sprintf("BUG: %s has the epilogue step %q", k.Name, e))
		}
	}
	c.eachAcc(func(p, v int) {
		c.Op("VMOVUPS", c.acc(p, v), bytesAt(4*c.at(p, k.Out)+v*c.isa.bytes(), regOut))
	})
}

func (c *convEmitter) eachAcc(f func(p, v int)) {
	for p := range c.k.Pixels() {
		for v := range c.k.Vectors {
			f(p, v)
		}
	}
}

// relu takes the maximum with zero. The accumulator is the operand that the
// instruction returns for a NaN, so that a NaN stays one. The weights are
// used up: their first register holds the zero.
func (c *convEmitter) relu() {
	zero := c.weight(0)
	c.zero(zero)
	c.eachAcc(func(p, v int) { c.Op("VMAXPS", c.acc(p, v), zero, c.acc(p, v)) })
}

// next moves the operands to the following tile: to the right, or down where
// a tile has several rows.
func (c *convEmitter) next() {
	move := func(reg string, by ir.Pitch) {
		if c.k.Rows > 1 {
			c.advance(reg, c.k.Rows*by.Row)
		} else {
			c.advance(reg, c.k.Cols*by.Pixel)
		}
	}
	move(regTile, c.k.In)
	move(regOut, c.k.Out)
	if c.second() {
		move(regRes, c.k.Res)
	}
}
