package avx

import "github.com/p3dc/p3dc/ir"

// longestSum is how many products an accumulator may take in turn. Its error
// grows with the square root of that. Residual networks have 4608 at most, the
// 3x3 window of 512 channels; 3x3x3 windows of as many have three times that.
// Such a sum is made in parts, one for each row of taps.
const longestSum = 4608

// inParts reports whether a kernel sums in parts.
func inParts(k *ir.Kernel) bool {
	return k.TapsT*k.TapsH > 1 && k.TapsT*k.TapsH*k.TapsW*k.K > longestSum
}

// frame returns how many bytes of its stack frame the kernel uses: the sums of
// the parts that are done, as its registers hold that of the present one.
func (c *convEmitter) frame() int {
	if !inParts(c.k) {
		return 0
	}
	return c.k.Pixels() * c.k.Vectors * c.isa.bytes()
}

// done is where the sum of the finished parts of pixel p and vector v lies.
func (c *convEmitter) done(p, v int) string {
	return bytesAt((p*c.k.Vectors+v)*c.isa.bytes(), "SP")
}

// firstPart sets the finished parts' sums to what the accumulators start with.
func (c *convEmitter) firstPart() {
	if inParts(c.k) {
		c.store()
	}
}

// nextPart adds the accumulators to the finished parts and clears them.
func (c *convEmitter) nextPart() {
	if inParts(c.k) {
		c.eachAcc(func(p, v int) { c.Op("VADDPS", c.done(p, v), c.acc(p, v), c.acc(p, v)) })
		c.store()
	}
}

// lastPart sets the accumulators to the whole sums.
func (c *convEmitter) lastPart() {
	if inParts(c.k) {
		c.eachAcc(func(p, v int) { c.Op("VMOVUPS", c.done(p, v), c.acc(p, v)) })
	}
}

// store moves the accumulators to the finished parts.
func (c *convEmitter) store() {
	c.eachAcc(func(p, v int) {
		c.Op("VMOVUPS", c.acc(p, v), c.done(p, v))
		c.zero(c.acc(p, v))
	})
}
