package support

import "runtime"

// A waiting worker looks spins times, about as long as the spread of a
// region's tiles on an idle machine, and lets other goroutines in now and
// then. After that it parks, so that a busy machine has its core.
const (
	spins      = 20_000
	yieldEvery = 1_000
)

// meet returns when all workers have finished region r.
func (w *worker) meet(r int) {
	all := int64(len(w.workers))
	arrived := &w.arrived[r]
	if arrived.Add(1) == all {
		for i := range w.workers {
			w.workers[i].unpark()
		}
		return
	}
	for i := 1; i <= spins; i++ {
		if arrived.Load() == all {
			return
		}
		if i%yieldEvery == 0 {
			runtime.Gosched()
		}
	}
	for arrived.Load() < all {
		w.park(func() bool { return arrived.Load() == all })
	}
}

// park sleeps until unpark, unless done already holds once the worker has
// said that it is about to sleep.
func (w *worker) park(done func() bool) {
	w.parked.Store(true)
	if done() && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake
}

// unpark wakes the worker if it sleeps or is about to.
func (w *worker) unpark() {
	if w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}
