package support

// strassen writes the points of output channels' weights to their lanes: of each
// part of the input channels there are as many as a row is long, less the
// distance of the parts.
func (p *pack) strassen(lanes []float32, rows [][]float32, scales []float64, block int) {
	parts, in := p.parts(), p.in/p.parts()
	taps := make([]float64, parts*parts)
	for lane := range rows {
		if lane/p.lanes%parts > 0 {
			continue // goes with the one a vector before
		}
		to := lane/(parts*p.lanes)*p.lanes + lane%p.lanes
		for c := range len(rows[lane]) - (parts-1)*in {
			for i := range taps {
				from := lane + i%parts*p.lanes
				taps[i] = float64(rows[from][i/parts*in+c]) * scales[from]
			}
			for point, m := range p.transform[0].weights[0] {
				sum := 0.0
				for i, x := range m {
					sum += float64(x * taps[i])
				}
				lanes[(point*block+c)*p.width+to] = float32(sum)
			}
		}
	}
}

// strassenFault says where the first weights of a panel are whose sums are not
// finite, though each of them is.
func (p *pack) strassenFault(raw [][]float32, first, lanes int) *packFault {
	one := *p
	one.width, one.lanes = 1, 1
	points, in := make([]float32, p.places()), p.in/p.parts()
	for o := first; o < first+lanes; o++ {
		if o/p.lanes%p.parts() > 0 {
			continue
		}
		rows, scales := make([][]float32, p.parts()), make([]float64, p.parts())
		for c := range in {
			for part := range rows {
				other := o + part*p.lanes
				scales[part], _ = p.fold(raw, other)
				rows[part] = raw[p.weight][other*p.in+c:][:1+p.in-in]
			}
			if one.strassen(points, rows, scales, 1); !allFinite(points) {
				return faultf(p.weight, "a sum with the weight of output channel %d, input channel %d is not finite", o, c)
			}
		}
	}
	panic("BUG: a panel that is not finite has no sum that is not")
}
