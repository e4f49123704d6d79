package support

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// RegionTime says how long one region of the network took: the layers that
// workers run through before they wait for one another.
type RegionTime struct {
	Name   string        // of its layer; of the first and the last, as in a..b, where there are several
	Min    time.Duration // the least of all runs
	Median time.Duration
}

// Profile runs the network on a clip so many times, and returns how long each
// region took, in the order in which they run; the times of one run add up to
// the whole of it. A new session's first runs are slow: runs before the profile
// warm it up. Profile stops with the context's error when ctx is done, and
// fails as Run does.
func (s *Session) Profile(ctx context.Context, clip Clip, runs int) ([]RegionTime, error) {
	if runs < 1 {
		return nil, fmt.Errorf("a profile of %d runs: expected at least one", runs)
	}
	regions := s.model.plan.regions
	times := make([][]time.Duration, len(regions)) // by region and run
	t := timing{ends: make([]atomic.Int64, len(regions))}
	for range runs {
		if err := s.claim(1, 1); err != nil {
			return nil, err
		}
		s.outs, s.clips, s.profile = append(s.outs, Output{}), append(s.clips, clip), &t
		t.restart()
		if err := s.run(ctx); err != nil {
			return nil, err
		}
		var begin time.Duration
		for i := range t.ends {
			end := time.Duration(t.ends[i].Load())
			times[i] = append(times[i], end-begin)
			begin = end
		}
	}
	profile := make([]RegionTime, len(regions))
	for i, d := range times {
		slices.Sort(d)
		profile[i] = RegionTime{Name: regions[i].name, Min: d[0], Median: (d[(runs-1)/2] + d[runs/2]) / 2}
	}
	return profile, nil
}

// timing is when the regions of a run end, in nanoseconds from its beginning.
type timing struct {
	began time.Time
	ends  []atomic.Int64
}

func (t *timing) restart() {
	for i := range t.ends {
		t.ends[i].Store(0)
	}
	t.began = time.Now()
}

// lap takes the time at the end of region r. All workers call it, and the first
// counts: the others may notice late that the region is over.
func (t *timing) lap(r int) { t.ends[r].CompareAndSwap(0, int64(time.Since(t.began))) }
