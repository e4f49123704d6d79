package avx

import (
	"math"
	"slices"
	"strings"
)

// productRows is one or two rows of a product y = m·x that have arithmetic in
// common. Two rows may be the sum and the difference of two combinations of x,
// or both be combinations of x and a few sums or differences of pairs of it.
type productRows struct {
	rows []int
	// same and other: y[0] is same + other, y[1] same - other.
	same, other []float64
	// Or: pairs of columns are added, or subtracted where minus says so, and
	// each row combines them and the other columns.
	pairs        [][2]int
	minus        bool
	combinations [][]float64 // by row: over the columns, the first of a pair for both
}

// pairRows factors a matrix by rows: those of points ±p are P ± Q.
func pairRows(m [][]float64) []productRows {
	var all []productRows
	taken := make([]bool, len(m))
	for i, a := range m {
		if taken[i] {
			continue
		}
		rows := productRows{rows: []int{i}, combinations: [][]float64{a}}
		for j := i + 1; j < len(m) && len(rows.rows) == 1; j++ {
			same, other := make([]float64, len(a)), make([]float64, len(a))
			for c := range a {
				same[c], other[c] = (a[c]+m[j][c])/2, (a[c]-m[j][c])/2
			}
			if terms(same)+terms(other)+2 < terms(a)+terms(m[j]) && !taken[j] {
				rows = productRows{rows: []int{i, j}, same: same, other: other}
				taken[j] = true
			}
		}
		all = append(all, rows)
	}
	return all
}

// pairColumns factors a matrix by columns: those of points ±p are the same but
// for the signs of every other row. Rows with equal signs go together in twos.
func pairColumns(m [][]float64) []productRows {
	var pairs [][2]int
	for a := range m[0] {
		for b := a + 1; b < len(m[0]); b++ {
			if mirrored(m, a, b) {
				pairs = append(pairs, [2]int{a, b})
				break
			}
		}
	}
	if len(pairs) > 2 {
		pairs = pairs[:2] // as many as there are temporary registers
	}
	minus := func(row []float64) bool { return len(pairs) > 0 && row[pairs[0][0]] == -row[pairs[0][1]] }
	var all []productRows
	for i, row := range m {
		n := slices.IndexFunc(all, func(p productRows) bool { return p.minus == minus(row) && len(p.rows) == 1 })
		if n < 0 {
			all = append(all, productRows{pairs: pairs, minus: minus(row)})
			n = len(all) - 1
		}
		c := slices.Clone(row)
		for _, p := range pairs {
			c[p[1]] = 0
		}
		all[n].rows = append(all[n].rows, i)
		all[n].combinations = append(all[n].combinations, c)
	}
	return all
}

// mirrored reports whether two columns are equal in even rows, and opposite
// and not zero in some odd one.
func mirrored(m [][]float64, a, b int) bool {
	if len(m) < 2 || m[1][a] == 0 {
		return false
	}
	for i, row := range m {
		if i%2 == 0 && row[a] != row[b] || i%2 == 1 && row[a] != -row[b] {
			return false
		}
	}
	return true
}

// single splits rows that go together.
func single(all []productRows) []productRows {
	var split []productRows
	for _, p := range all {
		if len(p.rows) == 1 {
			split = append(split, p)
			continue
		}
		for i, row := range p.rows {
			one := productRows{rows: []int{row}, pairs: p.pairs, minus: p.minus}
			if p.same != nil {
				c := make([]float64, len(p.same))
				for j := range c {
					c[j] = p.same[j] + p.other[j]
					if i == 1 {
						c[j] = p.same[j] - p.other[j]
					}
				}
				one.combinations = [][]float64{c}
			} else {
				one.combinations = [][]float64{p.combinations[i]}
			}
			split = append(split, one)
		}
	}
	return split
}

func terms(row []float64) int {
	n := 0
	for _, c := range row {
		if c != 0 {
			n++
		}
	}
	return n
}

// constants adds to known the factors that take a register.
func (p *productRows) constants(known []float64) []float64 {
	for _, row := range append([][]float64{p.same, p.other}, p.combinations...) {
		for _, c := range row {
			if c = factor(c); c != 0 && c != 1 && !slices.Contains(known, c) {
				known = append(known, c)
			}
		}
	}
	return known
}

// factor is the size of a coefficient as the code has it.
func factor(c float64) float64 { return float64(float32(math.Abs(c))) }

// product writes rows of a product. x may be in memory or registers, y are
// registers.
func (w *winogradEmitter) product(p productRows, x, y func(int) string) {
	if p.same != nil {
		w.combine(y(0), p.same, x)
		w.combine(w.temp(0), p.other, x)
		w.Op("VSUBPS", w.temp(0), y(0), y(1))
		w.add(y(0), w.temp(0))
		return
	}
	of := x
	if len(p.pairs) > 0 {
		for i, pair := range p.pairs {
			w.set(w.temp(i), x(pair[0]))
			if p.minus {
				w.sub(w.temp(i), x(pair[1]))
			} else {
				w.add(w.temp(i), x(pair[1]))
			}
		}
		of = func(j int) string {
			if i := slices.IndexFunc(p.pairs, func(pair [2]int) bool { return pair[0] == j }); i >= 0 {
				return w.temp(i)
			}
			return x(j)
		}
	}
	for i, c := range p.combinations {
		w.combine(y(i), c, of)
	}
}

// combine writes y = Σ c·x, beginning with a term that takes no multiplication
// if there is one.
func (w *winogradEmitter) combine(y string, c []float64, x func(int) string) {
	first := slices.Index(c, 1)
	if first >= 0 {
		w.set(y, x(first))
	} else if first = slices.IndexFunc(c, func(c float64) bool { return c > 0 && c != 1 }); first >= 0 {
		w.Op("VMULPS", x(first), w.c(c[first]), y)
	} else {
		w.zero(y)
	}
	c = slices.Clone(c)
	if first >= 0 {
		c[first] = 0
	}
	w.accumulate(y, c, x)
}

// accumulate writes y += Σ c·x.
func (w *winogradEmitter) accumulate(y string, c []float64, x func(int) string) {
	for j, c := range c {
		switch c {
		case 0:
		case 1:
			w.add(y, x(j))
		case -1:
			w.sub(y, x(j))
		default:
			op := "VFMADD231PS"
			if c < 0 {
				op = "VFNMADD231PS"
			}
			w.Op(op, x(j), w.c(c), y)
		}
	}
}

// c is the register of a factor.
func (w *winogradEmitter) c(x float64) string {
	return w.constant(slices.Index(w.constants, factor(x)))
}

// The arithmetic of a product. x may be in memory; y is changed.
func (w *winogradEmitter) set(y, x string) {
	if strings.HasSuffix(x, ")") {
		w.Op("VMOVUPS", x, y)
	} else {
		w.Op("VMOVAPS", x, y)
	}
}
func (e *emitter) add(y, x string) { e.Op("VADDPS", x, y, y) }
func (e *emitter) sub(y, x string) { e.Op("VSUBPS", x, y, y) }
