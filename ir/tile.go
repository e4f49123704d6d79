package ir

// regTile is a register tile: rows x cols pixels by vectors of channels.
type regTile struct {
	rows, cols, vectors int
}

// tileProblem is what the choice of a register tile depends on.
type tileProblem struct {
	runs    []int // lengths of the runs, in pixels or, for whole rows, rows
	counts  []int // how often each occurs
	width   int   // pixels of a row, for tiles of whole rows
	vectors int   // of output channels
	steps   int   // of the reduction: taps x channels
	late    Line  // of products whose weights are made into its points in registers
}

// bestTile returns the register tile that needs the fewest predicted cycles,
// and those cycles. Vectors divide the channels, so that no panel is ragged;
// among equals the smaller tile wins.
func bestTile(m *Machine, p tileProblem) (regTile, float64) {
	var best regTile
	bestCycles := 0.0
	for v := 1; v <= p.vectors; v++ {
		if p.vectors%v != 0 || !p.fits(m, 1, v) {
			continue
		}
		for n := 1; p.fits(m, n*max(p.width, 1), v); n++ {
			c := p.cycles(m, n, v)
			if best.vectors == 0 || c < bestCycles {
				bestCycles = c
				best = regTile{rows: 1, cols: n, vectors: v}
				if p.width > 0 {
					best = regTile{rows: n, cols: p.width, vectors: v}
				}
			}
		}
	}
	return best, bestCycles
}

// fits reports whether the registers are enough for a tile.
func (p *tileProblem) fits(m *Machine, pixels, vectors int) bool {
	if p.late != (Line{}) {
		return m.FitsLate(p.late, pixels, vectors)
	}
	return m.Fits(pixels, vectors)
}

// cycles predicts all runs with register tiles of n units by v vectors.
func (p *tileProblem) cycles(m *Machine, n, v int) float64 {
	width := max(p.width, 1)
	one := func(units int) float64 {
		if p.late != (Line{}) {
			return m.LateCycles(p.late, units, p.steps)
		}
		return m.TileCycles(units*width, v, p.steps)
	}
	total := 0.0
	for i, run := range p.runs {
		c := float64(run/n)*one(n) + m.Call
		if run%n != 0 {
			c += one(run%n) + m.Call
		}
		total += c * float64(p.counts[i])
	}
	return total * float64(p.vectors/v)
}
