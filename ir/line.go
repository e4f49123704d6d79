package ir

import (
	"fmt"
	"math"
)

// Line is Winograd's algorithm along one axis: F(Results, Taps), which computes
// that many neighbouring results of a correlation with as few products as
// there are points. Inputs that are Stride apart form a phase; each phase has
// every Stride-th tap, all use the same points, and their products are summed
// before the results are made:
//
//	out·Σφ [(weights[φ]·gφ) ⊙ (in[φ]·xφ)]
//
// The zero Line leaves its axis as it is. One of a single result, whose stride is
// its number of taps, saves nothing along its own axis: each tap is a phase.
type Line struct {
	Results, Taps, Stride int
	// Closed says that there are no inputs beside the results' own: a map of
	// Results positions, padded by one on each side. That saves a product.
	Closed bool
	// Strassen says that it is Strassen's algorithm for the products of matrices:
	// a tap on each of two frames. Input and output channels are cut in two
	// parts, and a tile's values, weights and results are those of all parts.
	Strassen bool
	// Late says that weights are packed as they are and made into points when
	// they are used. The points are chosen so that this takes sums alone.
	Late bool
}

// String formats the line as F(results,taps), the stride behind a slash.
func (l Line) String() string {
	switch {
	case l.Strassen:
		return "Strassen"
	case l.Closed:
		return fmt.Sprintf("F(%d,%d) closed", l.Results, l.Taps)
	case l.Late:
		return fmt.Sprintf("F(%d,%d) late", l.Results, l.Taps)
	case l.Stride > 1:
		return fmt.Sprintf("F(%d,%d/%d)", l.Results, l.Taps, l.Stride)
	}
	return fmt.Sprintf("F(%d,%d)", l.Results, l.Taps)
}

// Size returns how many positions a tile has along the axis.
func (l Line) Size() int { return max(1, l.Results) }

// Phases returns the number of phases of the input.
func (l Line) Phases() int { return max(1, l.Stride) }

// Inputs returns how many positions of each phase a tile reads.
func (l Line) Inputs() int {
	if l == (Line{}) {
		return 1
	}
	return l.Results + (l.Taps+l.Stride-1)/l.Stride - 1
}

// Parts returns in how many parts the line cuts input and output channels.
func (l Line) Parts() int {
	if l.Strassen {
		return 2
	}
	return 1
}

// Points returns the number of products.
func (l Line) Points() int {
	switch {
	case l.Strassen:
		return 7
	case l.Closed:
		return 3
	}
	return l.Inputs()
}

// Matrices are those of a line: In and Weights by phase, points x inputs and
// points x taps; Out is results x points. Where channels are cut in parts, each
// input, tap and result is one of each part.
type Matrices struct {
	In, Weights [][][]float64
	Out         [][]float64
}

// Matrices returns the line's, by interpolation of polynomials (Toom, Cook) at
// 0, pairs ±p, maybe one point more, and infinity. Where a phase has fewer taps
// than the first, it does without the last finite point.
func (l Line) Matrices() *Matrices {
	if l == (Line{}) {
		one := [][]float64{{1}}
		return &Matrices{In: [][][]float64{one}, Weights: [][][]float64{one}, Out: one}
	}
	if l.Strassen {
		return strassenMatrices()
	}
	if l.Closed {
		// Two results of a 2x2 Toeplitz matrix, as Karatsuba multiplies.
		return &Matrices{
			In:      [][][]float64{{{0, 1, 1, 0}, {0, 0, 1, 0}, {0, 1, 0, 0}}},
			Weights: [][][]float64{{{0, 1, 0}, {0, -1, 1}, {1, -1, 0}}},
			Out:     [][]float64{{1, 1, 0}, {1, 0, 1}},
		}
	}
	if l.Late {
		return l.lateMatrices()
	}
	n := l.Points()
	finite := finitePoints(n - 1)
	m := &Matrices{Out: make([][]float64, l.Results)}
	for j := range m.Out {
		m.Out[j] = make([]float64, n)
		for i, p := range finite {
			m.Out[j][i] = math.Pow(p, float64(j))
		}
	}
	m.Out[l.Results-1][n-1] = 1
	for phase := range l.Stride {
		taps := (l.Taps - phase + l.Stride - 1) / l.Stride
		in, weights := zeros(n, n), zeros(n, taps)
		own := finite[:l.Results+taps-2]
		rows := inputRows(own)
		for i, p := range own {
			scale := differences(own, i)
			copy(in[i], rows[i])
			for t := range taps {
				weights[i][t] = math.Pow(p, float64(t))/scale + 0 // no -0
			}
		}
		copy(in[n-1], rows[len(own)])
		weights[n-1][taps-1] = 1
		m.In, m.Weights = append(m.In, in), append(m.Weights, weights)
	}
	return m
}

// differences returns the product of how far a point is from each other one.
func differences(points []float64, i int) float64 {
	y := 1.0
	for j, q := range points {
		if j != i {
			y *= points[i] - q
		}
	}
	return y
}

// WithoutLast returns the last finite point e of a line with a stride, and the
// matrix that makes one input less into the other points. Phases with as many
// taps as the first have such inputs in x[i+1] - e·x[i], and the last row, over x
// itself, makes e. The other phases have one input less anyway, and nothing at e.
func (l Line) WithoutLast() (e float64, rest [][]float64) {
	finite := finitePoints(l.Points() - 1)
	n := len(finite) - 1
	return finite[n], inputRows(finite[:n])
}

// inputRows returns the matrix that makes inputs into points, so many finite
// ones and infinity: to each belongs the polynomial, lowest power first, whose
// roots are the other finite points.
func inputRows(finite []float64) [][]float64 {
	n := len(finite) + 1
	rows := zeros(n, n)
	for i := range rows {
		poly := []float64{1}
		for j, q := range finite {
			if j != i {
				poly = timesRoot(poly, q)
			}
		}
		copy(rows[i], poly)
	}
	return rows
}

// finitePoints are the first n points of interpolation. Where pairs of square
// roots are used, the elements of the matrices are alike in size, and the
// float32 error is less than half of that of 0, ±1, ±2. Behind a sixth point
// it is not.
func finitePoints(n int) []float64 {
	const a, b = math.Sqrt2 / 2, math.Sqrt2
	switch n {
	case 5:
		return []float64{0, a, -a, b, -b}
	case 6:
		return []float64{0, 1, -1, 2, -2, .5}
	}
	return []float64{0, 1, -1, .5}[:n]
}

// timesRoot multiplies a polynomial, lowest power first, by x - root.
func timesRoot(poly []float64, root float64) []float64 {
	y := make([]float64, len(poly)+1)
	for i, c := range poly {
		y[i+1] += c
		y[i] -= root * c
	}
	// Coefficients that are 0, 1 or alike but for rounding are what saves
	// arithmetic.
	for i, c := range y {
		y[i] = math.Round(c*(1<<47))/(1<<47) + 0 // no -0
	}
	return y
}

func zeros(rows, cols int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, cols)
	}
	return m
}
