package ir

import "math"

// Winograd says which convolutions of 3x3 pixels are computed by Winograd's
// algorithm: see [Schedule]. The zero value leaves it to the cost model.
type Winograd int

// The ways to choose.
const (
	WinogradAuto  Winograd = iota // where it is expected to pay, with the better tile
	WinogradNever                 // no layer
	WinogradF2                    // F(2x2,3x3) for every layer that it can compute
	WinogradF4                    // F(4x4,3x3), likewise
)

// minimal is Winograd's algorithm F(side x side, 3x3), which computes a tile
// of side x side results from a patch d of the input, two pixels wider and
// higher, and the 3x3 weights g:
//
//	out·[(weights·g·weightsᵀ) ⊙ (in·d·inᵀ)]·outᵀ
//
// with one multiplication for each of its points, the elements of the patch,
// instead of nine for each result. The products of one point are summed over
// the input channels before out is applied, so they are a convolution of one
// tap that has other weights for each point.
type minimal struct {
	side             int
	in, weights, out [][]float64
}

// winogradSides lists the tiles that there is an algorithm for.
var winogradSides = []int{2, 4}

// winogradPoints returns the number of points of F(side x side, 3x3).
func winogradPoints(side int) int { return (side + 2) * (side + 2) }

// patchBorder returns how far the patches of a map reach over its sides.
func patchBorder(s Shape, side int) Border {
	return Border{1, 1, roundUp(s.H, side) + 1 - s.H, roundUp(s.W, side) + 1 - s.W}
}

// winogradOf returns F(side x side, 3x3). It interpolates polynomials: for a
// tile of 2 at 0, 1, -1 and infinity, for one of 4 at 0, ±√½, ±√2 and
// infinity. The roots make the matrices' elements alike in size, and with them
// the float32 error a third of that of the usual points 0, ±1, ±2.
func winogradOf(side int) *minimal {
	const a, b = math.Sqrt2 / 2, math.Sqrt2
	if side == 2 {
		return &minimal{
			side: 2,
			in: [][]float64{
				{1, 0, -1, 0},
				{0, 1, 1, 0},
				{0, -1, 1, 0},
				{0, -1, 0, 1},
			},
			weights: [][]float64{{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}},
			out: [][]float64{
				{1, 1, 1, 0},
				{0, 1, -1, 1},
			},
		}
	}
	return &minimal{
		side: 4,
		in: [][]float64{
			{1, 0, -2.5, 0, 1, 0},
			{0, -2 * a, -2, a, 1, 0},
			{0, 2 * a, -2, -a, 1, 0},
			{0, -.5 * b, -.5, b, 1, 0},
			{0, .5 * b, -.5, -b, 1, 0},
			{0, 1, 0, -2.5, 0, 1},
		},
		weights: [][]float64{
			{1, 0, 0},
			{-1 / 1.5, -a / 1.5, -.5 / 1.5},
			{-1 / 1.5, a / 1.5, -.5 / 1.5},
			{1. / 6, b / 6, 2. / 6},
			{1. / 6, -b / 6, 2. / 6},
			{0, 0, 1},
		},
		out: [][]float64{
			{1, 1, 1, 1, 1, 0},
			{0, a, -a, b, -b, 0},
			{0, .5, .5, 2, 2, 0},
			{0, .5 * a, -.5 * a, 2 * b, -2 * b, 1},
		},
	}
}

// transformWeights returns the weights of each point for 3x3 weights.
func (f *minimal) transformWeights(g []float64) []float64 { return sandwich(f.weights, g) }

// sandwich returns m·x·mᵀ, row by row, for a square x.
func sandwich(m [][]float64, x []float64) []float64 {
	n := len(m[0])
	y := make([]float64, len(m)*len(m))
	for i, row := range m {
		for k := range n {
			sum := 0.0 // element (i, k) of m·x
			for j := range n {
				sum += row[j] * x[j*n+k]
			}
			for j := range m {
				y[i*len(m)+j] += sum * m[j][k]
			}
		}
	}
	return y
}

// winogradOps returns how many vector operations the two transforms of one tile
// take: arithmetic, loads that are not part of it, and stores.
func winogradOps(side int) (in, out int) {
	if side == 2 {
		return 64, 44
	}
	return 228, 214
}

// transformable reports whether Winograd's algorithm can compute an op: 3x3
// pixels of single frames, every one, each with one pixel of padding.
func transformable(a Attr) bool {
	side := Axis{Kernel: 3, Stride: 1, Pad: 1}
	conv, ok := a.(Conv)
	return ok && conv.Window == Window{Unit, side, side}
}
