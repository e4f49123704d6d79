package tune

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

func candidate(from, to int, cycles float64) ir.Candidate {
	return ir.Candidate{From: from, To: to, Cycles: cycles}
}

func TestShortest(t *testing.T) {
	list := []ir.Candidate{
		candidate(0, 1, 0), candidate(0, 1, 0), candidate(0, 2, 0), candidate(1, 2, 0), candidate(1, 3, 0), candidate(2, 3, 0),
	}
	inf := math.Inf(1)
	for _, tc := range []struct {
		cost []float64
		want []int
	}{
		{[]float64{1, 2, 5, 1, 9, 1}, []int{0, 3, 5}},
		{[]float64{2, 1, 1, 1, 9, 1}, []int{2, 5}},
		{[]float64{2, 1, inf, inf, 9, 1}, []int{1, 4}},
		{[]float64{-1, 1, -3, 1, 9, 0}, []int{2, 5}},
	} {
		if got := shortest(list, 3, tc.cost); !slices.Equal(got, tc.want) {
			t.Errorf("%v: %v, want %v", tc.cost, got, tc.want)
		}
	}
}

// threeOps is a contest of which the model has chosen each op by itself.
func threeOps() *contest {
	c := &contest{
		ops: 3, model: []int{0, 2, 5},
		candidates: []ir.Candidate{
			candidate(0, 1, 10), candidate(0, 1, 11), candidate(1, 2, 12), candidate(0, 2, 25), candidate(1, 3, 26), candidate(2, 3, 13),
		},
	}
	c.pool()
	return c
}

// TestPool has two blocks of the same two ops.
func TestPool(t *testing.T) {
	c := &contest{ops: 4, model: []int{0, 2, 3, 4}, candidates: []ir.Candidate{
		candidate(0, 1, 10), candidate(0, 1, 11), candidate(1, 2, 12),
		candidate(2, 3, 10), candidate(3, 4, 12), candidate(2, 3, 11), candidate(2, 4, 23),
	}}
	c.candidates[6].Algorithm = "fused"
	c.pool()
	if want := []int{0, 1, 2, 0, 2, 1, 6}; !slices.Equal(c.alike, want) {
		t.Errorf("alike are %v, want %v", c.alike, want)
	}
	if got := c.covers(9); len(got) != 1 {
		t.Errorf("got %v, want one schedule, of the slower first op and of the fused ones", got)
	}
	c.note(c.model, profile(10, 20, 12, 22))
	if a, b := c.time(0), c.time(4); a != 11 || b != 21 {
		t.Errorf("times %g and %g, want 11 and 21", a, b)
	}
	if cycles, times := c.known(); len(cycles) != 2 || len(times) != 2 {
		t.Errorf("known are %v and %v", cycles, times)
	}
}

// TestCovers wants every candidate in one of the schedules, and no more
// schedules than that takes.
func TestCovers(t *testing.T) {
	c := threeOps()
	got := c.covers(10)
	want := [][]int{{1, 4}, {3, 5}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := c.covers(1); !slices.EqualFunc(got, want[:1], slices.Equal) {
		t.Errorf("one: got %v, want %v", got, want[:1])
	}
	c = threeOps()
	c.candidates = append(c.candidates, candidate(2, 2, 1)) // leads nowhere
	c.pool()
	if got := c.covers(10); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

// profile makes a profile of times in microseconds; the input's is first.
func profile(times ...float64) []harness.RegionTime {
	p := []harness.RegionTime{{Min: time.Hour, Median: time.Hour}}
	for _, t := range times {
		d := time.Duration(t * float64(time.Microsecond))
		p = append(p, harness.RegionTime{Min: d, Median: 3 * d})
	}
	return p
}

func TestBest(t *testing.T) {
	c := threeOps()
	c.note(c.model, profile(10, 10, 10))
	c.note([]int{1, 4}, profile(9.9, 30))
	if got := c.best(); !slices.Equal(got, c.model) {
		t.Errorf("a gain of 1 %%: %v, want the model's", got)
	}
	c.note([]int{1, 4}, profile(9, 30))
	c.note([]int{1, 4}, profile(9, 18))
	// The medians are 9 and 30: one time does not make it faster.
	if got := c.best(); !slices.Equal(got, []int{1, 2, 5}) || c.changed(got) != 1 {
		t.Errorf("got %v", got)
	}
	c.note([]int{1, 4}, profile(9, 18))
	c.note([]int{1, 4}, profile(9, 18))
	got := c.best()
	if !slices.Equal(got, []int{1, 4}) || c.changed(got) != 2 {
		t.Errorf("got %v", got)
	}
	cycles, times := c.known()
	if len(cycles) != 5 || len(times) != 5 { // 3 was never measured
		t.Errorf("known are %v and %v", cycles, times)
	}
	regions := c.regions(got) // a cycle takes 1, 9/11, 10/12, 18/26, 10/13: in the middle 9/11, that of 1
	if r := regions[0]; r.Measured != 9 || math.Abs(r.Predicted-9) > 1e-9 || regions[1].Measured != 18 {
		t.Errorf("got %+v", r)
	}
}
