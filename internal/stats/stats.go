// Package stats has the few statistics that measurements are told by.
package stats

import (
	"cmp"
	"math"
	"slices"
)

// Median returns the middle value, or the mean of the two in the middle; of no
// values it is NaN.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile returns the value that the part q, 0 to 1, of the values lie below:
// between two, as far from one to the other as q says. Of no values it is NaN.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	whole, part := math.Modf(q * float64(len(sorted)-1))
	i := int(whole)
	return sorted[i]*(1-part) + sorted[min(i+1, len(sorted)-1)]*part
}

// Spearman returns the rank correlation of two lists of equal length: 1 where
// both are in the same order, -1 where one is in the other's reverse. It is NaN
// for fewer than two values, or where all of one list are equal.
func Spearman(x, y []float64) float64 {
	if len(x) != len(y) {
		panic("BUG: a rank correlation of lists of different lengths")
	}
	x, y = ranks(x), ranks(y)
	mean := float64(len(x)-1) / 2
	var xx, xy, yy float64
	for i := range x {
		dx, dy := x[i]-mean, y[i]-mean
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	return xy / math.Sqrt(xx*yy)
}

// ranks returns the place of each value in the sorted list; equal values share
// the mean of theirs.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			ranks[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return ranks
}
