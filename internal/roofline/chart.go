// Package roofline draws what parts of a program reach beside what the machine
// can do: a dot each, by its arithmetic intensity and its rate, under the
// ceilings of arithmetic and of memory.
package roofline

import "slices"

// Chart is what there is to draw. All rates and intensities are positive.
type Chart struct {
	Title string
	Notes []string // lines under the title
	// Peak is the ceiling of arithmetic, in GFLOP/s.
	Peak Ceiling
	// Bandwidths are the ceilings of memory, in GB/s, the lowest first: what is
	// attainable counts with that one.
	Bandwidths []Ceiling
	Dots       []Dot
}

// Ceiling is a rate that the machine can reach at most.
type Ceiling struct {
	Name string
	Rate float64
}

// Dot is a part of the program.
type Dot struct {
	Name      string
	Group     string  // dots of a group have a colour
	Intensity float64 // FLOP a byte
	GFLOPS    float64
	Share     float64 // of the time, 0 to 1
}

// Attainable returns the most GFLOP/s at an intensity: what comes from memory in
// time, as far as the processor can compute it.
func (c *Chart) Attainable(intensity float64) float64 {
	return min(c.Peak.Rate, intensity*c.Bandwidths[0].Rate)
}

// The plot, in pixels, and what is around it.
const (
	width       = 760
	left, right = 58, 746
	lineHeight  = 20
	plotHeight  = 400
	titleLine   = 22 // the baseline of the title
)

// Room that the plot leaves beside what is in it, as factors.
const (
	dotRoom   = 1.6 // behind dots, and above the peak
	slopeRoom = 6   // before the end of a slope, for its label
)

// layout is where things are.
type layout struct {
	*Chart
	x, y        axis
	top, bottom float64
}

func newLayout(c *Chart) *layout {
	l := &layout{Chart: c}
	l.top = float64(titleLine + lineHeight*len(c.Notes) + 44)
	l.bottom = l.top + plotHeight
	xs, ys := []float64{}, []float64{c.Peak.Rate * dotRoom}
	for _, d := range c.Dots {
		xs = append(xs, d.Intensity/dotRoom, d.Intensity*dotRoom)
		ys = append(ys, d.GFLOPS/dotRoom, d.GFLOPS*dotRoom)
	}
	for _, b := range c.Bandwidths {
		ridge := c.Peak.Rate / b.Rate
		xs = append(xs, ridge/slopeRoom, ridge*dotRoom)
		ys = append(ys, c.Peak.Rate/slopeRoom)
	}
	l.x = newAxis(slices.Min(xs), slices.Max(xs), left, right)
	l.y = newAxis(slices.Min(ys), slices.Max(ys), l.bottom, l.top)
	return l
}
