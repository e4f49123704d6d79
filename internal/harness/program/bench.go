//go:build harness

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"p3dcharness/net"
	"p3dcharness/wire"
)

// bench runs the clip on several sessions at once. They take runs from one
// count, so that all of them are at work until the end.
func (s *server) bench(q *wire.Bench, clip []float32) (*wire.BenchReply, error) {
	sessions := make([]*benchSession, q.Sessions)
	for i := range sessions {
		sessions[i] = &benchSession{
			session: s.model.NewSession(net.Threads(q.Threads)),
			out:     net.Output{Logits: make([]float32, net.Classes)},
			clip:    net.Float32Clip(clip),
		}
	}
	var taken atomic.Int64
	if err := each(sessions, func(b *benchSession) error {
		for range q.Warmups {
			if err := b.session.Run(&b.out, b.clip); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	r := &wire.BenchReply{Durations: make([]time.Duration, q.Runs)}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := each(sessions, func(b *benchSession) error {
		for i := int(taken.Add(1)) - 1; i < q.Runs; i = int(taken.Add(1)) - 1 {
			begin := time.Now()
			if err := b.session.Run(&b.out, b.clip); err != nil {
				return err
			}
			r.Durations[i] = time.Since(begin)
		}
		return nil
	})
	r.Wall = time.Since(start)
	runtime.ReadMemStats(&after)
	r.Mallocs = after.Mallocs - before.Mallocs
	return r, err
}

type benchSession struct {
	session *net.Session
	out     net.Output
	clip    net.Clip
}

// each runs f on all sessions at the same time, the first one on the caller's
// goroutine, and returns an error of one of them.
func each(sessions []*benchSession, f func(*benchSession) error) error {
	errs := make([]error, len(sessions))
	var wg sync.WaitGroup
	for i, s := range sessions[1:] {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i+1] = f(s)
		}()
	}
	errs[0] = f(sessions[0])
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
