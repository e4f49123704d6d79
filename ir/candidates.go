package ir

import (
	"cmp"
	"math"
	"slices"
)

// Candidate is a way to compute some ops that follow one another in one region.
type Candidate struct {
	Choice
	From, To int     // the ops [From, To) of the graph
	Cycles   float64 // predicted, as in [Region]
}

// maxCuts is how many of the ways to cut a region into tasks are candidates,
// with each algorithm.
const maxCuts = 3

// Candidates lists the regions that a good plan of a fused graph without taps
// may consist of: those that are predicted to take no longer than the best way
// to compute their ops, in one region or several, by more than the part within
// of it. They are ordered by their first op, then by their last. Those of the
// plan that [Schedule] makes are among them but where it does not go by what a
// region takes alone.
func Candidates(g *Graph, m Machine, within float64) ([]Candidate, error) {
	s, err := newScheduler(g, m)
	if err != nil {
		return nil, err
	}
	n := len(s.ops)
	ways := make([][]Transform, n)
	for i := range n {
		ways[i] = s.goodWays(i, s.transforms(i), within)
	}
	segments := make([][][]option, n) // by first op and count
	for i := range n {
		segments[i] = append(segments[i], nil) // of no ops
		for j := i + 1; j <= n && s.fusable(i, j); j++ {
			segments[i] = append(segments[i], s.options(i, j, ways))
		}
	}
	var candidates []Candidate
	for i := range segments {
		least := leastCosts(segments, i)
		for count, options := range segments[i] {
			for _, o := range options {
				if near(o.cost, least[count], within) {
					candidates = append(candidates, o.Candidate)
				}
			}
		}
	}
	return candidates, nil
}

// near reports whether a cost is no further from the least than that part of
// it.
func near(cost, least, within float64) bool { return cost <= least*(1+within) }

// option is a candidate with what it is judged by: its cycles, and its
// weights' way from memory, which is not the same for all algorithms.
type option struct {
	Candidate
	cost float64
}

// goodWays returns the transforms, none among them, by which op i alone is
// predicted to be computed fast.
func (s *scheduler) goodWays(i int, ways []Transform, within float64) []Transform {
	ways = append([]Transform{{}}, ways...)
	costs := make([]float64, len(ways))
	for k, f := range ways {
		s.ops[i].transform = f
		d, _ := s.draft(i, i+1)
		costs[k] = s.streamed(d.cycles, i, i+1)
	}
	least := slices.Min(costs)
	var good []Transform
	for k, f := range ways {
		if near(costs[k], least, within) {
			good = append(good, f)
		}
	}
	return good
}

// options lists how the ops [i, j) may be computed in one region, with all
// choices of their transforms.
func (s *scheduler) options(i, j int, ways [][]Transform) []option {
	var list []option
	var choose func(k int)
	choose = func(k int) {
		if k == j {
			list = append(list, s.cutOptions(i, j)...)
			return
		}
		for _, f := range ways[k] {
			s.ops[k].transform = f
			choose(k + 1)
		}
	}
	choose(i)
	return list
}

// cutOptions lists the best ways to cut the ops [i, j) into tasks, computed by
// the transforms that they have.
func (s *scheduler) cutOptions(i, j int) []option {
	var cuts []draft
	s.weighed = &cuts
	best, ok := s.draft(i, j)
	s.weighed = nil
	if !ok {
		return nil
	}
	// The draft of a transformed layer weighs the direct way, too.
	algorithm := s.algorithm(&best)
	cuts = slices.DeleteFunc(cuts, func(d draft) bool { return s.algorithm(&d) != algorithm })
	if len(cuts) == 0 {
		cuts = []draft{best} // there is but one way
	}
	slices.SortStableFunc(cuts, func(a, b draft) int { return cmp.Compare(a.cycles, b.cycles) })
	var list []option
	for _, d := range cuts {
		c := Choice{First: s.ops[i].Name, Last: s.ops[j-1].Name, Algorithm: algorithm, Tile: s.task(&d)}
		if !slices.ContainsFunc(list, func(o option) bool { return o.Choice == c }) && len(list) < maxCuts {
			list = append(list, option{Candidate{c, i, j, d.cycles}, s.streamed(d.cycles, i, j)})
		}
	}
	return list
}

// streamed predicts the ops [i, j), which by themselves take so many cycles, with
// their weights' way from memory, which they all go once a clip, whoever reads
// them then. Kernels ask for them ahead: what takes longer hides the other.
func (s *scheduler) streamed(cycles float64, i, j int) float64 {
	bytes := 0
	for k := i; k < j; k++ {
		op := &s.ops[k]
		if op.kind != KernelConv {
			continue
		}
		products := s.reduction(op)
		if op.transform != (Transform{}) {
			products = op.transform.packed(s.g.Values[op.in].Shape.C)
		}
		bytes += 4 * products * op.conv.Out
	}
	return max(cycles, float64(bytes)*s.m.Memory)
}

// leastCosts returns, by count, the least cost of so many ops from i on, as
// far as one region reaches.
func leastCosts(segments [][][]option, i int) []float64 {
	least := make([]float64, len(segments[i]))
	for end := 1; end < len(least); end++ {
		least[end] = math.Inf(1)
		for from := range end {
			if count := end - from; count < len(segments[i+from]) {
				for _, o := range segments[i+from][count] {
					least[end] = min(least[end], least[from]+o.cost)
				}
			}
		}
	}
	return least
}
