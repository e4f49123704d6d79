package weights

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxSuggestions is how many candidates a message names.
	maxSuggestions = 3
	// maxCandidates and maxCompared, in bytes of a name, bound the work that a
	// file with very many or very long names can cause.
	maxCandidates = 1024
	maxCompared   = 128
)

// suggest returns "; nearest: ..." with the candidates that p may have been
// meant to be: those with a name like p's, and those of p's shape. It returns
// "" if there is none.
func suggest(p Param, candidates []Param) string {
	type ranked struct {
		Param
		score int // the lower the nearer
	}
	var near []ranked
	for _, c := range candidates[:min(len(candidates), maxCandidates)] {
		sameShape := slices.Equal(c.Shape, p.Shape)
		longest := max(len(p.Name), len(c.Name))
		if longest > maxCompared {
			continue
		}
		// Names that differ in more than a third of their letters are not
		// alike; those of the same shape are candidates all the same. Another
		// shape counts as much as a quarter of the letters.
		limit, penalty := longest/3, longest/4
		if sameShape {
			limit, penalty = longest, 0
		}
		if abs(len(p.Name)-len(c.Name)) > limit {
			continue
		}
		if d := editDistance(p.Name, c.Name); d <= limit {
			near = append(near, ranked{c, d + penalty})
		}
	}
	slices.SortFunc(near, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.Name, b.Name))
	})
	if len(near) == 0 {
		return ""
	}
	var names []string
	for _, r := range near[:min(len(near), maxSuggestions)] {
		names = append(names, r.Name+" ("+shapeString(r.Shape)+")")
	}
	return "; nearest: " + strings.Join(names, ", ")
}

// editDistance returns the number of bytes to insert, delete or replace that
// turns a into b (the Levenshtein distance).
func editDistance(a, b string) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
