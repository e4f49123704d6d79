package ir

import "math"

// latePoints are the points of a late line but for infinity, so many. With those
// of seven there is no 0: pairs ±p share more.
func latePoints(n int) []float64 {
	if n == 6 {
		return []float64{.5, -.5, 1, -1, 2, -2}
	}
	return []float64{0, 1, -1, 2, -2}[:n]
}

// lateMatrices are those of a line whose weights are made into points when they
// are used, which must be quick: the factors are 1, 2 and 4. What the
// interpolation divides by goes into the results' matrix instead, where it is
// alike for both points of a pair, and its sign into the inputs'.
func (l Line) lateMatrices() *Matrices {
	n := l.Points()
	finite := latePoints(n - 1)
	in, weights, out := inputRows(finite), zeros(n, l.Taps), zeros(l.Results, n)
	for i, p := range finite {
		whole := 1.0 // makes powers of p whole numbers
		if p != 0 && math.Abs(p) < 1 {
			whole = math.Pow(p, float64(1-l.Taps))
		}
		scale := differences(finite, i)
		if scale < 0 {
			scale = -scale
			for j := range in[i] {
				in[i][j] = -in[i][j] + 0 // no -0
			}
		}
		for t := range weights[i] {
			weights[i][t] = whole * math.Pow(p, float64(t))
		}
		for r := range out {
			out[r][i] = math.Pow(p, float64(r)) / (scale * whole)
		}
	}
	weights[n-1][l.Taps-1], out[l.Results-1][n-1] = 1, 1
	return &Matrices{In: [][][]float64{in}, Weights: [][][]float64{weights}, Out: out}
}

// LateGroups lists which points of a late line a kernel multiplies at a time:
// the points ±p of a pair share sums, and the others go with one. Points are
// counted as the matrices' rows are.
func (l Line) LateGroups() [][]int {
	var pairs [][]int
	var others []int
	finite := latePoints(l.Points() - 1)
	for i, p := range finite {
		switch {
		case p == 0:
			others = append(others, i)
		case p > 0:
			pairs = append(pairs, []int{i, i + 1})
		}
	}
	for i, p := range append(others, len(finite)) {
		pairs[i] = append(pairs[i], p)
	}
	return pairs
}

// lateSpare is how many registers products of a late line take beside their
// accumulators: the taps, two combinations of them, and a pair's weights.
func lateSpare(l Line) int { return l.Taps + 4 }

// FitsLate is [Machine.Fits] for products of a late line.
func (m *Machine) FitsLate(l Line, pixels, vectors int) bool {
	return m.embeds(vectors) && pixels*len(l.LateGroups()[0])+lateSpare(l) <= m.Registers
}

// LateCycles is [Machine.TileCycles] for the products of a row of points, all of
// a late line, on tiles one vector wide. The weights' sums go beside
// multiply-adds, in other units. With the first points a row's weights are made of
// all taps, and stored.
func (m *Machine) LateCycles(l Line, pixels, steps int) float64 {
	const sums = 6 // of a pair
	step, tile := 0.0, 0.0
	for i, points := range l.LateGroups() {
		fma := float64(pixels*len(points)) * m.FMA
		loads := float64(l.Taps) * m.Load
		if i == 0 {
			loads *= float64(l.Taps) + 2
		}
		splats := float64(pixels*len(points)) * m.Splat
		step += max(fma, loads, splats, sums*m.FMA, m.Latency) + loadShare*(loads+splats)
		tile += m.Tile + float64(pixels*len(points))*m.Store
	}
	return float64(steps)*step + tile
}
