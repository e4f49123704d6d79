//go:build harness

package main

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"p3dcharness/net"
	"p3dcharness/wire"
)

// bench runs the clip on several sessions at once. They take runs from one
// count, so that all of them are at work until the end. Everything is set up
// and warm before the clock starts, and nothing is allocated after.
func (s *server) bench(q *wire.Bench, clip []float32) (*wire.BenchReply, error) {
	b := benchmark{
		warmups:   q.Warmups,
		warmTime:  q.WarmTime,
		durations: make([]time.Duration, q.Runs),
		begin:     make(chan struct{}),
	}
	runtime.GC() // before the warm-up: it empties the runtime's own caches, too
	sessions := make([]*benchSession, q.Sessions)
	for i := range sessions {
		sessions[i] = &benchSession{
			benchmark: &b,
			session:   s.model.NewSession(net.Threads(q.Threads), net.Batch(q.Batch)),
		}
		for range q.Batch {
			sessions[i].outs = append(sessions[i].outs, output())
			sessions[i].clips = append(sessions[i].clips, net.Float32Clip(clip))
		}
		b.ready.Add(1)
		b.done.Add(1)
		go sessions[i].work()
	}
	b.ready.Wait()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	close(b.begin)
	b.done.Wait()
	wall := time.Since(start)
	runtime.ReadMemStats(&after)

	var errs []error
	for _, s := range sessions {
		errs = append(errs, s.err)
	}
	return &wire.BenchReply{Durations: b.durations, Wall: wall, Mallocs: after.Mallocs - before.Mallocs}, errors.Join(errs...)
}

// benchmark is what the sessions share.
type benchmark struct {
	warmups     int
	warmTime    time.Duration
	durations   []time.Duration // by run
	taken       atomic.Int64    // runs that a session has begun
	begin       chan struct{}
	ready, done sync.WaitGroup
}

type benchSession struct {
	*benchmark
	session *net.Session
	outs    []net.Output
	clips   []net.Clip
	err     error
}

// output returns room for the network's logits, or for its features where it
// has no classes.
func output() net.Output {
	if net.Classes > 0 {
		return net.Output{Logits: make([]float32, net.Classes)}
	}
	return net.Output{Features: make([]float32, net.Features)}
}

// work warms up, waits for the others, and then runs until all runs are taken
// or one fails.
func (s *benchSession) work() {
	defer s.done.Done()
	start := time.Now()
	for i := 0; s.err == nil && (i < s.warmups || time.Since(start) < s.warmTime); i++ {
		s.err = s.session.RunBatch(s.outs, s.clips)
	}
	s.ready.Done()
	<-s.begin
	for s.err == nil {
		i := int(s.taken.Add(1)) - 1
		if i >= len(s.durations) {
			break
		}
		start := time.Now()
		s.err = s.session.RunBatch(s.outs, s.clips)
		s.durations[i] = time.Since(start)
	}
}
