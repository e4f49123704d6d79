package video

import "math"

// Why Pillow's bilinear filter and not another one of that name: P3D and its
// relatives were trained on frames resized by Pillow (torchvision's Resize) or
// read from JPEGs resized beforehand. Pillow widens the triangle filter by the
// factor of reduction, so every source pixel counts. OpenCV's INTER_LINEAR and
// draw.ApproxBiLinear look at four source pixels whatever the factor and alias
// when they reduce; draw.CatmullRom is a sharper, cubic filter. draw.BiLinear
// has the right filter, but it keeps 16-bit intermediates where Pillow rounds to
// 8, goes through image.Image, and resizes what the crop then throws away. The
// filter below has Pillow's fixed-point arithmetic, so it can be tested for
// equality, and computes the crop only.

// precision is the number of fractional bits in a weight: 8-bit pixels times
// weights that sum to one leave two spare bits in 32, as in Pillow.
const precision = 32 - 8 - 2

// axis holds the filter of one direction: output pixel i of the crop is the
// sum of weights[i][k] * input[first[i]+k].
type axis struct {
	first   []int
	weights [][]int32
}

// newAxis computes the filter that resizes size pixels to resized, for the
// count output pixels from offset on.
func newAxis(size, resized, offset, count int) axis {
	scale := float64(size) / float64(resized)
	spread := max(scale, 1) // the triangle's half-width in input pixels
	perPixel := 1 / spread
	a := axis{first: make([]int, count), weights: make([][]int32, count)}
	for i := range count {
		// The conversions keep products from being fused with sums, which
		// would round differently on some processors.
		centre := float64((float64(offset+i) + 0.5) * scale)
		lo := max(int(centre-spread+0.5), 0)
		hi := min(int(centre+spread+0.5), size)
		exact := make([]float64, hi-lo)
		sum := 0.0
		for k := range exact {
			exact[k] = max(1-math.Abs(float64((float64(lo+k)-centre+0.5)*perPixel)), 0)
			sum += exact[k]
		}
		fixed := make([]int32, hi-lo)
		for k, w := range exact {
			fixed[k] = int32(0.5 + float64(w/sum*(1<<precision)))
		}
		a.first[i], a.weights[i] = lo, fixed
	}
	return a
}

// span returns the half-open range of input pixels that the filter reads.
func (a axis) span() (lo, hi int) {
	last := len(a.first) - 1
	return a.first[0], a.first[last] + len(a.weights[last])
}

// cropper resizes and crops frames. It keeps the filters of the last frame
// size it saw and one intermediate picture.
type cropper struct {
	p             Preprocess
	width, height int // frame size that the filters are for
	across, down  axis
	rows          []uint8 // resized in width only: rows read by down x p.Width x 3
}

// crop writes f, resized and cropped, into dst: Height x Width x 3.
func (c *cropper) crop(dst []uint8, f *frame) error {
	if f.width != c.width || f.height != c.height {
		l, err := c.p.layout(f.width, f.height)
		if err != nil {
			return err
		}
		c.across = newAxis(f.width, l.width, l.left, c.p.Width)
		c.down = newAxis(f.height, l.height, l.top, c.p.Height)
		lo, hi := c.down.span()
		c.rows = make([]uint8, (hi-lo)*c.p.Width*3)
		c.width, c.height = f.width, f.height
	}
	stride := c.p.Width * 3
	top, bottom := c.down.span()
	for y := top; y < bottom; y++ {
		filterRow(c.rows[(y-top)*stride:][:stride], f.pix[y*f.width*3:][:f.width*3], c.across)
	}
	for y, first := range c.down.first {
		filterColumns(dst[y*stride:][:stride], c.rows[(first-top)*stride:], c.down.weights[y])
	}
	return nil
}

// filterRow resizes one row of RGB pixels.
func filterRow(dst, src []uint8, a axis) {
	for x, weights := range a.weights {
		in := src[a.first[x]*3:]
		r, g, b := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
		for k, w := range weights {
			px := in[k*3 : k*3+3]
			r += int32(px[0]) * w
			g += int32(px[1]) * w
			b += int32(px[2]) * w
		}
		dst[x*3], dst[x*3+1], dst[x*3+2] = toByte(r), toByte(g), toByte(b)
	}
}

// filterColumns computes one row as the weighted sum of the first
// len(weights) rows of src; all rows are as long as dst.
func filterColumns(dst, src []uint8, weights []int32) {
	for i := range dst {
		sum := int32(1 << (precision - 1))
		for k, w := range weights {
			sum += int32(src[k*len(dst)+i]) * w
		}
		dst[i] = toByte(sum)
	}
}

// toByte drops a sum's fractional bits. Rounded weights may sum to a little
// more than one, so 255 has to be enforced.
func toByte(sum int32) uint8 {
	return uint8(min(max(sum>>precision, 0), 255))
}
