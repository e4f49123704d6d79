package support

import (
	"runtime"
	"sync/atomic"
)

// A waiting worker looks spins times, a tenth of a millisecond on an idle
// machine, which is longer than the spread of most regions' tiles. In between
// it offers its core to other threads of the machine and, less often because
// it costs more, to other goroutines. After that it parks.
const (
	spins        = 100_000
	threadsEvery = 1_000
	yieldEvery   = 10_000
)

// counter is an atomic counter with a cache line of its own.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// next counts one on, and returns the count before.
func (c *counter) next() int { return int(c.Add(1) - 1) }

// meet returns when all workers have finished region r.
func (w *worker) meet(r int) {
	all := int64(len(w.workers))
	if w.arrived[r].Add(1) < all {
		w.await(&w.arrived[r], all)
		return
	}
	for i := range w.workers {
		w.workers[i].unpark()
	}
}

// await returns when the counter has come to n. Whoever brings it there must
// unpark the worker.
func (w *worker) await(c *counter, n int64) {
	for i := range w.patience.Load() {
		if c.Load() >= n {
			return
		}
		if i%threadsEvery == threadsEvery-1 {
			yieldThread()
		}
		if i%yieldEvery == yieldEvery-1 {
			runtime.Gosched()
		}
	}
	for c.Load() < n {
		w.park(c, n)
	}
}

// park sleeps until unpark, unless the counter has come to n once the worker
// has said that it is about to sleep.
func (w *worker) park(c *counter, n int64) {
	w.parked.Store(true)
	if c.Load() >= n && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake
}

// unpark wakes the worker if it sleeps or is about to. Mostly it is not, and
// looking first leaves it its cache line.
func (w *worker) unpark() {
	if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}
