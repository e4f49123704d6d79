package support

import (
	"context"
	"runtime"
	"sync/atomic"
)

// worker is one goroutine's share of a run.
type worker struct {
	session *Session
	scratch []float32
	lo, hi  shape  // the tile under way
	start   func() // work, bound once so that starting a worker allocates nothing
	parked  atomic.Bool
	wake    chan struct{}
}

// execute runs all regions on the clip. The caller's goroutine is the first
// worker; the others live as long as the run.
func (s *Session) execute(ctx context.Context) error {
	for i := range s.taken {
		s.taken[i].Store(0)
		s.arrived[i].Store(0)
	}
	s.cancelled.Store(false)
	s.running.Store(int64(len(s.workers) - 1))
	for i := 1; i < len(s.workers); i++ {
		go s.workers[i].start()
	}
	err := s.workers[0].lead(ctx)
	for s.running.Load() > 0 { // the others still have to leave the last region
		runtime.Gosched()
	}
	return err
}

// work goes through all regions, and leaves when the run is cancelled.
func (w *worker) work() {
	s := w.session
	for r := range s.model.plan.regions {
		w.region(r)
		w.meet(r)
		if s.cancelled.Load() {
			break
		}
	}
	s.running.Add(-1)
}

// lead is work that also watches the context, between regions.
func (w *worker) lead(ctx context.Context) error {
	s := w.session
	var err error
	for r := range s.model.plan.regions {
		w.region(r)
		if err = ctx.Err(); err != nil {
			s.cancelled.Store(true)
		}
		w.meet(r)
		if err != nil {
			break
		}
	}
	return err
}

// region takes tiles of region r until there are none left. Which worker
// computes a tile does not change what it computes.
func (w *worker) region(r int) {
	s := w.session
	reg := &s.model.plan.regions[r]
	n := reg.grid()
	tiles := int64(n.elems())
	for i := s.taken[r].Add(1) - 1; i < tiles; i = s.taken[r].Add(1) - 1 {
		k := int(i)
		w.tile(reg, shape{k / (n.h * n.w * n.c), k / (n.w * n.c) % n.h, k / n.c % n.w, k % n.c})
	}
}

// tile runs all steps of a region on the tile at a place of its grid.
func (w *worker) tile(r *region, at shape) {
	size := r.tile
	w.lo = shape{at.t * size.t, at.h * size.h, at.w * size.w, at.c * size.c}
	w.hi = shape{
		min(w.lo.t+size.t, r.space.t), min(w.lo.h+size.h, r.space.h),
		min(w.lo.w+size.w, r.space.w), min(w.lo.c+size.c, r.space.c),
	}
	for i := range r.steps {
		st := &r.steps[i]
		if len(r.steps) > 1 {
			w.lo.t, w.hi.t = 0, st.to.t
			w.lo.c, w.hi.c = 0, st.to.c
		}
		w.step(st)
	}
}
