//go:build harness

package main

import (
	"slices"

	"p3dcharness/peak"
	"p3dcharness/wire"
)

// callBytes is what one call of a loop reads: see callTime.
const callBytes = 256 << 10

// measureBandwidth returns the best rate of several rounds, in which each thread
// reads a buffer of its own from one end to the other, again and again.
func measureBandwidth(q *wire.Bandwidth) float64 {
	l, ok := loopOf(q.ISA)
	if !ok {
		return 0
	}
	size := max(1, q.Bytes/peak.ReadBlock) * peak.ReadBlock
	buffers := make([][]byte, q.Threads)
	together(q.Threads, func(i int) {
		buffers[i] = make([]byte, size)
		for j := range buffers[i] {
			buffers[i][j] = 1 // or the system has one page of zeros for all
		}
	})
	best := 0.0
	for range q.Rounds {
		took := together(q.Threads, func(i int) {
			for range q.Passes {
				for part := range slices.Chunk(buffers[i], callBytes) {
					l.Read(part)
				}
			}
		})
		best = max(best, float64(q.Threads)*float64(q.Passes)*float64(size)/took.Seconds())
	}
	return best
}
