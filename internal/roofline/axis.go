package roofline

import "math"

// axis maps values to pixels, by their logarithms.
type axis struct {
	low, high float64 // values at the ends
	from, to  float64 // pixels there
}

// newAxis returns an axis on which at least the values [low, high] lie. It begins
// and ends at a tick.
func newAxis(low, high, from, to float64) axis {
	a := axis{from: from, to: to}
	for _, v := range steps(low, high) {
		if v <= low*(1+1e-9) {
			a.low = v
		}
		if a.high = v; v >= high*(1-1e-9) {
			break
		}
	}
	return a
}

// at returns the pixel of a value.
func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
}

// ticks returns the values that the axis is labelled with.
func (a axis) ticks() []float64 {
	var ticks []float64
	for _, v := range steps(a.low, a.high) {
		if v >= a.low && v <= a.high {
			ticks = append(ticks, v)
		}
	}
	return ticks
}

// steps lists 1, 2, 5, 10 and so on, of any power of ten, from one that is not
// above low to one that is not below high.
func steps(low, high float64) []float64 {
	var all []float64
	for e := int(math.Floor(math.Log10(low))) - 1; e <= int(math.Ceil(math.Log10(high))); e++ {
		for _, m := range []float64{1, 2, 5} {
			all = append(all, decimal(m, e))
		}
	}
	return all
}

// decimal returns m·10^e, rounded once.
func decimal(m float64, e int) float64 {
	if e < 0 {
		return m / math.Pow10(-e)
	}
	return m * math.Pow10(e)
}
