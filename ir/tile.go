package ir

// regTile is a register tile: rows x cols pixels by vectors of channels.
type regTile struct {
	rows, cols, vectors int
}

// tileProblem is what the choice of a register tile depends on.
type tileProblem struct {
	run     int  // length of a run, in pixels or, for whole rows, rows
	runs    int  // how many there are
	width   int  // pixels of a row, for tiles of whole rows
	vectors int  // of output channels
	steps   int  // of the reduction: taps x channels
	late    Line // of products whose weights are made into its points in registers
}

// tileCost is a register tile and the cycles that are predicted with it.
type tileCost struct {
	tile   regTile
	cycles float64
}

// bestTile is bestTile for the scheduler's machine. Most problems are met many
// times: by the cuts of a layer, and by layers of the same shapes.
func (s *scheduler) bestTile(p tileProblem) (regTile, float64) {
	c, ok := s.tiles[p]
	if !ok {
		c.tile, c.cycles = bestTile(&s.m, p)
		s.tiles[p] = c
	}
	return c.tile, c.cycles
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
	c := float64(p.run/n)*one(n) + m.Call
	if p.run%n != 0 {
		c += one(p.run%n) + m.Call
	}
	return c * float64(p.runs) * float64(p.vectors/v)
}
