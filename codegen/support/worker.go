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
	arenas  [][]float32    // by clip of a batch
	lut     [][256]float32 // by channel: a uint8 value, normalised
	workers []worker       // the first is the goroutine that calls Run

	// Of the run under way.
	packed  []float32
	clips   []Clip
	taken   []counter    // by region and worker: tiles of that worker's share that are taken
	arrived []counter    // by region: workers that have finished it
	left    counter      // workers that have finished with the run, the first one apart
	end     atomic.Int64 // regions to run: all, or fewer once the run is cancelled
	profile *timing      // nil but for Profile

	begun     counter // runs since the session was made
	dismissed bool    // what has begun is no run, but the end of the workers

	patience atomic.Int64 // looks before a waiting worker parks

	pinned  bool
	callers cpuSet // where the caller's thread may run, while it is borrowed
}

// worker is one goroutine's share of a run.
type worker struct {
	*team
	index   int // among the workers
	scratch []float32
	next    stretches // what the next tile will touch
	clip    int       // of the tile under way: its place in the batch
	same    bool      // the tile under way has the pixels of the one before, other channels
	corner  shape     // of the tile under way
	lo, hi  shape     // what the step under way computes
	cpu     cpuSet
	_       [64]byte // what others write is on a cache line apart
	parked  atomic.Bool
	wake    chan struct{}
	_       [64]byte
}

func newTeam(m *Model, c config) *team {
	t := &team{
		model:   m,
		arenas:  make([][]float32, c.batch),
		lut:     lookup(m.net),
		workers: make([]worker, c.threads),
		clips:   make([]Clip, 0, c.batch),
		taken:   make([]counter, len(m.plan.regions)*c.threads),
		arrived: make([]counter, len(m.plan.regions)),
		pinned:  c.pinned,
	}
	for i := range t.arenas {
		t.arenas[i] = make([]float32, m.plan.arena)
	}
	cpus := threadCPUs()
	for i := range t.workers {
		w := &t.workers[i]
		w.team, w.index, w.scratch, w.wake = t, i, make([]float32, m.plan.scratch), make(chan struct{}, 1)
		w.cpu = cpus.one(c.firstCPU + i)
		if i > 0 {
			go w.serve()
		}
	}
	return t
}

// begin sends the workers into a run, or home.
func (t *team) begin() {
	t.begun.Add(1)
	for i := range t.workers[1:] {
		t.workers[1+i].unpark()
	}
}

// dismiss ends the workers.
func (t *team) dismiss() {
	t.dismissed = true
	t.begin()
}

// serve takes part in every run.
func (w *worker) serve() {
	if w.pinned {
		w.pin()
	}
	for run := int64(1); ; run++ {
		if w.await(&w.begun, run); w.dismissed {
			return
		}
		w.work()
	}
}

// execute runs all regions on the clips.
func (t *team) execute(ctx context.Context) error {
	if t.pinned {
		t.borrow()
		defer t.giveBack()
	}
	for i := range t.taken {
		t.taken[i].Store(0)
	}
	for i := range t.arrived {
		t.arrived[i].Store(0)
	}
	t.end.Store(int64(len(t.model.plan.regions)))
	t.left.Store(0)
	t.patience.Store(spins)
	if len(t.workers) > runtime.GOMAXPROCS(0) { // a worker waits for this one's core
		t.patience.Store(0)
	}
	t.begin()
	first := &t.workers[0]
	err := first.lead(ctx)
	first.await(&t.left, int64(len(t.workers)-1)) // the others still have to leave the last region
	return err
}

// work goes through all regions, and leaves when the run is cancelled.
func (w *worker) work() {
	for r := 0; r < int(w.end.Load()); r++ {
		w.region(r)
		w.meet(r)
		if w.profile != nil {
			w.profile.lap(r)
		}
	}
	if w.left.Add(1) == int64(len(w.workers)-1) {
		w.workers[0].unpark()
	}
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
		if w.profile != nil {
			w.profile.lap(r)
		}
		if err != nil {
			break
		}
	}
	return err
}

// region takes tiles of region r until there are none left, of any clip: first
// those of the worker's own share, neighbours, whose inputs and weights are then
// in its caches, and after them what others have left of theirs. Which worker
// computes a tile does not change what it computes.
func (w *worker) region(r int) {
	reg := &w.model.plan.regions[r]
	clips, workers := len(w.clips), len(w.workers)
	grid := reg.grid()
	all, last := grid.elems()*clips, none
	for i := range workers {
		share := (w.index + i) % workers
		taken, first, end := &w.taken[r*workers+share], all*share/workers, all*(share+1)/workers
		for i := first + taken.next(); i < end; i = first + taken.next() {
			if i+1 < end {
				w.lookAhead(reg, i+1)
			}
			k, clip := i/clips, i%clips // neighbours read the same weights
			w.same = last != none && k/grid.c == last/grid.c && clip == w.clip
			w.clip, last = clip, k
			w.tile(reg, k)
		}
	}
}

// tile runs all steps of a region on the k-th of its tiles.
func (w *worker) tile(r *region, k int) {
	lo, hi := r.corners(k)
	w.corner = lo
	for i := range r.steps {
		st := &r.steps[i]
		w.lo, w.hi = r.extent(st, lo, hi)
		w.step(st)
		w.clearBorder(st)
	}
}
