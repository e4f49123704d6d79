package support

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls a function for every i below n, on all processors. Each
// goroutine gets its function, with what memory it needs, from worker.
func parallel(n int, worker func() func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			do := worker()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	wg.Wait()
}
