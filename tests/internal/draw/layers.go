package draw

import "fmt"

// size writes a size, without frames where there is one and none is needed.
func (d *drawer) size(t, h, w, without int) string {
	if t == without && d.one(2) {
		return fmt.Sprintf("%dx%d", h, w)
	}
	return fmt.Sprintf("%dx%dx%d", t, h, w)
}

// strides draws a step for each axis.
func (d *drawer) strides() string {
	return "stride " + d.size(1+d.IntN(pick(d, 1, 2, 3)), 1+d.IntN(pick(d, 2, 3)), 1+d.IntN(pick(d, 2, 3)), 1)
}

// pads draws a padding for each axis of a kernel, less than the kernel's extent.
func (d *drawer) pads(k [3]int) string {
	return "pad " + d.size(d.IntN(k[0]), d.IntN(k[1]), d.IntN(k[2]), 0)
}

// conv draws a convolution.
func (d *drawer) conv() string {
	k := pick(d, [3]int{1, 1, 1}, [3]int{1, 3, 3}, [3]int{3, 1, 1}, [3]int{3, 3, 3}, [3]int{1, 7, 7}, [3]int{3, 7, 7},
		[3]int{1 + d.IntN(5), 1 + d.IntN(6), 1 + d.IntN(6)})
	attrs := []string{"kernel " + d.size(k[0], k[1], k[2], 1)}
	if d.one(2) {
		attrs = append(attrs, d.strides())
	}
	if d.one(3) {
		attrs = append(attrs, d.pads(k))
	}
	if d.one(4) {
		attrs = append(attrs, "bias")
	}
	return d.join(fmt.Sprintf("conv %d", d.channels()), d.named(attrs, "conv"))
}

// pool draws a pool with a window.
func (d *drawer) pool() string {
	k := [3]int{1 + d.IntN(3), 1 + d.IntN(4), 1 + d.IntN(4)}
	if d.one(3) {
		k[1], k[2] = 1, 1 // over frames, as behind the stages
	}
	var attrs []string
	if d.one(2) {
		attrs = append(attrs, d.strides())
	}
	if d.one(2) {
		attrs = append(attrs, d.pads(k))
	}
	if d.one(2) {
		attrs = append(attrs, pick(d, "floor", "ceil"))
	}
	return d.join("pool "+pick(d, "max", "max", "average")+" "+d.size(k[0], k[1], k[2], 1), d.named(attrs, "pool"))
}

// stage draws some blocks.
func (d *drawer) stage() string {
	d.names++
	attrs := []string{fmt.Sprintf("width %d", d.width()), fmt.Sprintf("blocks %d", 1+d.IntN(3))}
	flat := d.one(5)
	switch {
	case flat:
		attrs = append(attrs, "flat")
		if d.one(2) {
			attrs = append(attrs, "stride "+d.size(1, 1+d.IntN(3), 1+d.IntN(3), 1))
		}
	case d.one(2):
		attrs = append(attrs, d.strides())
	}
	if !flat && d.one(4) {
		attrs = append(attrs, d.mix())
	}
	if !flat && d.one(6) {
		attrs = append(attrs, "mid "+d.mid())
	}
	return d.join(fmt.Sprintf("stage res%d", d.names), attrs)
}

// named adds a name to a layer's attributes, or none.
func (d *drawer) named(attrs []string, of string) []string {
	if !d.one(3) {
		return attrs
	}
	d.names++
	return append(attrs, fmt.Sprintf("as %s%d", of, d.names))
}

// head draws the network's end. A map that is too large to be flattened is
// pooled.
func (d *drawer) head() {
	if !d.one(4) || !d.try(func() string { return "flatten" }) {
		d.lines = append(d.lines, d.join("pool "+pick(d, "average", "average", "max"), d.named(nil, "global")))
	}
	d.sometimes(3, func() string { return "dropout 0.5" })
	linears, features := d.IntN(4), false
	scores := false
	for range linears {
		scores = d.try(func() string {
			var attrs []string
			if d.one(2) {
				attrs = append(attrs, "relu")
			}
			if !features && d.one(4) {
				attrs, features = append(attrs, "features"), true
			}
			return d.join(fmt.Sprintf("linear %d", d.channels()), d.named(attrs, "fc"))
		}) || scores
	}
	if scores {
		d.sometimes(3, func() string { return "softmax" })
	}
}
