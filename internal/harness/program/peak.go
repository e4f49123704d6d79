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
	l, ok := loopOf(q.ISA)
	if !ok {
		return &wire.PeakReply{}
	}
	n := callLen(l)
	best := 0.0
	for range q.Rounds {
		best = max(best, round(l, n, q.Threads, q.Round))
	}
	return &wire.PeakReply{ISA: l.ISA, FLOPS: best}
}

// loopOf returns the loop of an instruction set, or of the widest for "".
func loopOf(isa string) (peak.Loop, bool) {
	for _, l := range peak.Loops() {
		if isa == "" || isa == l.ISA {
			return l, true
		}
	}
	return peak.Loop{}, false
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
// second over all of them.
func round(l peak.Loop, n, threads int, d time.Duration) float64 {
	calls := max(1, int(d/callTime))
	took := together(threads, func(int) {
		for range calls {
			l.Run(n)
		}
	})
	return float64(threads) * float64(calls) * float64(n) * float64(l.FLOPs) / took.Seconds()
}

// together calls f on so many threads, with their numbers, and returns the time
// from the common start to the last one's end.
func together(threads int, f func(thread int)) time.Duration {
	begin := make(chan struct{})
	var ready, done sync.WaitGroup
	for i := range threads {
		ready.Add(1)
		done.Add(1)
		go func() {
			ready.Done()
			<-begin
			f(i)
			done.Done()
		}()
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return time.Since(start)
}
