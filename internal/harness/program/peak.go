//go:build harness

package main

import (
	"sync"
	"time"

	"p3dcharness/peak"
	"p3dcharness/wire"
)

// measurePeak returns the best rate of several rounds.
func measurePeak(q *wire.Peak) *wire.PeakReply {
	for _, l := range peak.Loops() {
		if q.ISA == "" || q.ISA == l.ISA {
			n := callLen(l)
			best := 0.0
			for range q.Rounds {
				best = max(best, round(l, n, q.Threads, q.Round))
			}
			return &wire.PeakReply{ISA: l.ISA, FLOPS: best}
		}
	}
	return &wire.PeakReply{}
}

// callTime is about how long one call of a loop takes: the garbage collector
// and the scheduler cannot interrupt it.
const callTime = 20 * time.Microsecond

// callLen returns how many iterations take callTime. The fastest of a few
// calls counts: one may have been interrupted.
func callLen(l peak.Loop) int {
	for n := 64; ; n *= 2 {
		fastest := time.Hour
		for range 5 {
			start := time.Now()
			l.Run(n)
			fastest = min(fastest, time.Since(start))
		}
		if fastest >= callTime/2 {
			return n
		}
	}
}

// round runs the loop on all threads for about d, and returns operations a
// second over all of them: all the work over the time from the common start to
// the last thread's end.
func round(l peak.Loop, n, threads int, d time.Duration) float64 {
	calls := max(1, int(d/callTime))
	begin := make(chan struct{})
	var ready, done sync.WaitGroup
	for range threads {
		ready.Add(1)
		done.Add(1)
		go func() {
			ready.Done()
			<-begin
			for range calls {
				l.Run(n)
			}
			done.Done()
		}()
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return float64(threads) * float64(calls) * float64(n) * float64(l.FLOPs) / time.Since(start).Seconds()
}
