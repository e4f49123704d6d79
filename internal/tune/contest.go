package tune

import (
	"math"
	"slices"
	"time"

	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/stats"
	"github.com/p3dc/p3dc/ir"
)

// contest is what is known of the candidates.
type contest struct {
	ops        int
	candidates []ir.Candidate
	model      []int       // places of those in the cost model's schedule
	alike      []int       // by candidate: the first one that is alike
	samples    [][]float64 // by candidate, of all that are alike at the first: microseconds
}

// newContest adds to the candidates those of the cost model's schedule that are
// not among them.
func newContest(g *ir.Graph, candidates []ir.Candidate, model *ir.Plan) *contest {
	c := &contest{ops: len(g.Ops), candidates: candidates}
	index := make(map[string]int, len(g.Ops))
	for i := range g.Ops {
		index[g.Ops[i].Name] = i
	}
	for i, choice := range model.Choices() {
		place := slices.IndexFunc(c.candidates, func(x ir.Candidate) bool { return x.Choice == choice })
		if place < 0 {
			place = len(c.candidates)
			c.candidates = append(c.candidates, ir.Candidate{
				Choice: choice, From: index[choice.First], To: index[choice.Last] + 1, Cycles: model.Regions[i+1].Cycles,
			})
		}
		c.model = append(c.model, place)
	}
	c.pool()
	return c
}

// pool finds the candidates that are alike: blocks repeat, and what is computed
// and predicted alike takes as long wherever it is. That leaves more times of
// each, and less to chance.
func (c *contest) pool() {
	type likeness struct {
		algorithm string
		tile      ir.Shape
		ops       int
		cycles    float64
	}
	first := make(map[likeness]int)
	for i, x := range c.candidates {
		l := likeness{x.Algorithm, x.Tile, x.To - x.From, x.Cycles}
		if _, ok := first[l]; !ok {
			first[l] = i
		}
		c.alike = append(c.alike, first[l])
	}
	c.samples = make([][]float64, len(c.candidates))
}

// choices returns the candidates at some places.
func (c *contest) choices(places []int) []ir.Choice {
	var choices []ir.Choice
	for _, i := range places {
		choices = append(choices, c.candidates[i].Choice)
	}
	return choices
}

// covers returns at most so many schedules which take every candidate, or one
// like it, that the cost model's does not, or as many as they can: each takes as
// many new ones as there are, and otherwise those predicted to be fast, so that
// each is measured among neighbours that a good plan has.
func (c *contest) covers(ways int) [][]int {
	total := 0.0
	for _, x := range c.candidates {
		total += x.Cycles
	}
	taken := make([]bool, len(c.candidates))
	for _, i := range c.model {
		taken[c.alike[i]] = true
	}
	var covers [][]int
	for len(covers) < ways {
		cost := make([]float64, len(c.candidates))
		for i, x := range c.candidates {
			if cost[i] = x.Cycles / total; !taken[c.alike[i]] {
				cost[i] -= float64(x.To - x.From) // outweighs all cycles
			}
		}
		way, news := shortest(c.candidates, c.ops, cost), 0
		for _, i := range way {
			if !taken[c.alike[i]] {
				taken[c.alike[i]] = true
				news++
			}
		}
		if news == 0 {
			break
		}
		covers = append(covers, way)
	}
	return covers
}

// note keeps the times of a schedule's regions, the input's aside.
func (c *contest) note(way []int, profile []harness.RegionTime) {
	for k, i := range way {
		first := c.alike[i]
		c.samples[first] = append(c.samples[first], float64(profile[k+1].Min)/float64(time.Microsecond))
	}
}

// time returns the median of the times of a candidate and those like it,
// infinite without any.
func (c *contest) time(i int) float64 {
	samples := c.samples[c.alike[i]]
	if len(samples) == 0 {
		return math.Inf(1)
	}
	return stats.Median(samples)
}

// margin is by how much a region that the cost model has not chosen must be
// faster than what it has: the fastest of several is so by chance, too.
const margin = 0.02

// best returns the schedule that is fastest by the measurements.
func (c *contest) best() []int {
	cost := make([]float64, len(c.candidates))
	for i := range cost {
		if cost[i] = c.time(i); !slices.Contains(c.model, i) {
			cost[i] *= 1 + margin
		}
	}
	return shortest(c.candidates, c.ops, cost)
}

// changed returns how many regions of a schedule the cost model's has not.
func (c *contest) changed(way []int) int {
	n := 0
	for _, i := range way {
		if !slices.Contains(c.model, i) {
			n++
		}
	}
	return n
}

// known returns the cycles and the times of the candidates that were measured,
// of those alike once.
func (c *contest) known() (cycles, times []float64) {
	for i, x := range c.candidates {
		if len(c.samples[i]) > 0 {
			cycles, times = append(cycles, x.Cycles), append(times, c.time(i))
		}
	}
	return cycles, times
}

// regions returns a schedule with its times. A cycle is as long as makes the
// prediction right in the middle of all candidates.
func (c *contest) regions(way []int) []Region {
	cycles, times := c.known()
	for i := range times {
		times[i] /= cycles[i]
	}
	cycle := stats.Median(times)
	var regions []Region
	for _, i := range way {
		regions = append(regions, Region{c.candidates[i].Choice, c.time(i), c.candidates[i].Cycles * cycle})
	}
	return regions
}

// shortest returns the places of the candidates that go through n ops at the
// least cost, which is by place.
func shortest(candidates []ir.Candidate, n int, cost []float64) []int {
	best, last := make([]float64, n+1), make([]int, n+1)
	for j := 1; j <= n; j++ {
		best[j], last[j] = math.Inf(1), -1
		for i := range candidates {
			if c := &candidates[i]; c.To == j && best[c.From]+cost[i] < best[j] {
				best[j], last[j] = best[c.From]+cost[i], i
			}
		}
	}
	var places []int
	for j := n; j > 0; j = candidates[last[j]].From {
		if last[j] < 0 {
			panic("BUG: the candidates do not go through the network")
		}
		places = append(places, last[j])
	}
	slices.Reverse(places)
	return places
}
