package support

import (
	"context"
	"runtime"
	"sync/atomic"
)

// team is what the workers of a session share. It does not refer to the
// session, so that an unused session is garbage while its workers wait.
type team struct {
	model   *Model
	arena   []float32
	lut     [][256]float32 // by channel: a uint8 value, normalised
	workers []worker       // the first is the goroutine that calls Run

	// Of the run under way.
	packed  []float32
	clip    Clip
	taken   []counter // by region: tiles that a worker has taken
	arrived []counter // by region: workers that have finished it
	running atomic.Int64
	end     atomic.Int64 // regions to run: all, or fewer once the run is cancelled
}

// counter is an atomic counter with a cache line of its own.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// worker is one goroutine's share of a run.
type worker struct {
	*team
	scratch []float32
	corner  shape         // of the tile under way
	lo, hi  shape         // what the step under way computes
	begin   chan struct{} // a run begins; closed when there will be none any more
	wake    chan struct{}
	parked  atomic.Bool
}

func newTeam(m *Model, threads int) *team {
	t := &team{
		model:   m,
		arena:   make([]float32, m.plan.arena),
		lut:     lookup(m.net),
		workers: make([]worker, threads),
		taken:   make([]counter, len(m.plan.regions)),
		arrived: make([]counter, len(m.plan.regions)),
	}
	for i := range t.workers {
		w := &t.workers[i]
		w.team, w.scratch = t, make([]float32, m.plan.scratch)
		w.begin, w.wake = make(chan struct{}, 1), make(chan struct{}, 1)
		if i > 0 {
			go w.serve()
		}
	}
	return t
}

// dismiss ends the workers.
func (t *team) dismiss() {
	for i := range t.workers {
		close(t.workers[i].begin)
	}
}

// serve takes part in every run.
func (w *worker) serve() {
	for range w.begin {
		w.work()
	}
}

// execute runs all regions on the clip.
func (t *team) execute(ctx context.Context) error {
	for i := range t.taken {
		t.taken[i].Store(0)
		t.arrived[i].Store(0)
	}
	t.end.Store(int64(len(t.model.plan.regions)))
	t.running.Store(int64(len(t.workers) - 1))
	for i := 1; i < len(t.workers); i++ {
		t.workers[i].begin <- struct{}{}
	}
	err := t.workers[0].lead(ctx)
	for t.running.Load() > 0 { // the others still have to leave the last region
		runtime.Gosched()
	}
	return err
}

// work goes through all regions, and leaves when the run is cancelled.
func (w *worker) work() {
	for r := 0; r < int(w.end.Load()); r++ {
		w.region(r)
		w.meet(r)
	}
	w.running.Add(-1)
}

// lead is work that also watches the context, between regions. All workers
// meet once more behind the region in which it finds the run cancelled: one
// that is late from the region before must not leave them waiting.
func (w *worker) lead(ctx context.Context) error {
	var err error
	for r := range w.model.plan.regions {
		w.region(r)
		if err = ctx.Err(); err != nil {
			w.end.Store(int64(r + 1))
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
	reg := &w.model.plan.regions[r]
	n := reg.grid()
	tiles := int64(n.elems())
	for i := w.taken[r].Add(1) - 1; i < tiles; i = w.taken[r].Add(1) - 1 {
		k := int(i)
		w.tile(reg, shape{k / (n.h * n.w * n.c), k / (n.w * n.c) % n.h, k / n.c % n.w, k % n.c})
	}
}

// tile runs all steps of a region on the tile at a place of its grid.
func (w *worker) tile(r *region, at shape) {
	size := r.tile
	w.corner = shape{at.t * size.t, at.h * size.h, at.w * size.w, at.c * size.c}
	end := shape{
		min(w.corner.t+size.t, r.space.t), min(w.corner.h+size.h, r.space.h),
		min(w.corner.w+size.w, r.space.w), min(w.corner.c+size.c, r.space.c),
	}
	for i := range r.steps {
		st := &r.steps[i]
		w.lo, w.hi = w.corner, end
		w.lo.t, w.hi.t = 0, st.to.t
		if r.space.t > 1 {
			w.lo.t, w.hi.t = st.cover[0].visits(w.corner.t, end.t, st.to.t)
		}
		w.lo.h, w.hi.h = st.cover[1].visits(w.corner.h, end.h, st.to.h)
		w.lo.w, w.hi.w = st.cover[2].visits(w.corner.w, end.w, st.to.w)
		if r.space.c == 1 {
			w.lo.c, w.hi.c = 0, st.to.c
		}
		w.step(st)
	}
}
