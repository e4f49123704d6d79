package support

import (
	"cmp"
	"context"
	"errors"
)

// cudaRun is a run of a session that has been claimed for it. All but the check
// and the end is queued on the session's stream.
type cudaRun struct {
	batch recorded
	check func() error // of lengths
	bring func() error // copies the clips to the session's memory
	fetch func() error // copies the results from there
	end   func()       // when all is done
}

// run runs a batch, and ends the caller's claim to the session.
func (s *CUDASession) run(ctx context.Context, r *cudaRun) error {
	defer s.busy.Store(false) // also keeps the session, and so its memory, to the end
	if ctx == nil {
		return errors.New("no context: pass context.Background(), or call a method without one")
	}
	if err := r.check(); err != nil {
		return err
	}
	if s.model.closed.Load() || s.memory.closed.Load() {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil || r.batch.clips == 0 {
		return err
	}
	d := s.model.device
	return d.do(func() error {
		err := s.queue(ctx, r)
		// Also after a fault: what has been queued uses memory of the session's and of
		// the caller's.
		err = cmp.Or(err, d.check("running the network", d.waitStream(s.memory.stream)))
		if err == nil {
			r.end()
		}
		return err
	})
}

// queue puts a run on the stream.
func (s *CUDASession) queue(ctx context.Context, r *cudaRun) error {
	if err := r.bring(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.compute(r.batch); err != nil {
		return err
	}
	return r.fetch()
}

// compute runs the kernels: in one launch, where the driver has graphs. A graph is
// recorded when it is first asked for, and kept.
func (s *CUDASession) compute(b recorded) (err error) {
	d, memory := s.model.device, s.memory
	if d.graphs == nil {
		return s.launches(b, nil)
	}
	ready, known := memory.graphs[b]
	if !known {
		if ready, err = d.record(memory.stream, func() error { return s.launches(b, nil) }); err != nil {
			return err
		}
		memory.graphs[b] = ready
	}
	return d.check("launching the network", d.graphs.launch(ready, memory.stream))
}

// launches calls all kernels. Events, where there are any, are before the first of
// them and behind each.
func (s *CUDASession) launches(b recorded, events []uintptr) error {
	d := s.model.device
	lap := func(i int) error {
		if events == nil {
			return nil
		}
		return d.check("recording an event", d.recordEvent(events[i], s.memory.stream))
	}
	if err := lap(0); err != nil {
		return err
	}
	for i := range s.schedule.launches {
		kernel, in := s.schedule.kernels[i], uintptr(0)
		if i == 0 {
			in = s.memory.clip
		}
		if i == 0 && b.frames {
			kernel = s.schedule.first
		}
		if err := s.launch(&s.schedule.launches[i], kernel, in, b.clips); err != nil {
			return err
		}
		if err := lap(i + 1); err != nil {
			return err
		}
	}
	return nil
}

// launch calls a kernel. Its parameters lie in memory of eight bytes each.
func (s *CUDASession) launch(l *cudaLaunch, kernel, in uintptr, clips int) error {
	address := func(memory uintptr, p span, times int) *uint64 {
		if p.len == 0 {
			return new(uint64)
		}
		at := uint64(memory) + uint64(p.offset*times)
		return &at
	}
	m, count := s.model, uint64(clips)
	parameters := &[6]*uint64{
		address(s.memory.arena, l.in, clips), address(s.memory.arena, l.second, clips), address(s.memory.arena, l.out, clips),
		address(m.weights, l.weights, 1), address(m.weights, l.bias, 1), &count,
	}
	if in != 0 {
		*parameters[0] = uint64(in)
	}
	return m.device.check("launching "+l.kernel, m.device.launch(kernel, uint32(l.blocks(clips)), 1, 1,
		uint32(l.threads), 1, 1, uint32(l.shared), s.memory.stream, parameters, 0))
}
