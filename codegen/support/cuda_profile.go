package support

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// KernelTime says how long one launch of the network took on the GPU.
type KernelTime struct {
	Name   string        // the kernel's
	Min    time.Duration // the least of all runs
	Median time.Duration
}

// Profile runs the network on several clips, as RunBatch does, so many times, and
// returns how long each launch took, in their order, between events of the driver.
// The launches are queued one by one, behind two runs that keep the GPU at work
// until they are there: the times have no host in them, and with the events they add
// up to more than a run. Profile stops with the context's error when ctx is done.
func (s *CUDASession) Profile(ctx context.Context, clips []Clip, runs int) ([]KernelTime, error) {
	if runs < 1 {
		return nil, fmt.Errorf("a profile of %d runs: expected at least one", runs)
	}
	if len(clips) == 0 {
		return nil, errors.New("a profile of no clips: expected at least one")
	}
	out, times := make([]Output, len(clips)), make([][]time.Duration, len(s.schedule.launches))
	if err := s.claim(len(out), len(clips)); err != nil {
		return nil, err
	}
	b := recorded{len(clips), clips[0].values == nil}
	err := s.run(ctx, &cudaRun{
		batch: b,
		check: func() error { return s.check(out, clips) },
		bring: func() error { return s.bring(clips) },
		fetch: func() error { return s.laps(ctx, b, runs, times) },
		end:   func() {},
	})
	if err != nil {
		return nil, err
	}
	profile := make([]KernelTime, len(times))
	for i, d := range times {
		slices.Sort(d)
		profile[i] = KernelTime{Name: s.schedule.launches[i].kernel, Min: d[0], Median: (d[(runs-1)/2] + d[runs/2]) / 2}
	}
	if b.frames {
		profile[0].Name = s.schedule.frames
	}
	return profile, nil
}

// laps runs the network so many times and adds what each launch took.
func (s *CUDASession) laps(ctx context.Context, b recorded, runs int, times [][]time.Duration) (err error) {
	const doing = "taking the time of launches"
	d, stream := s.model.device, s.memory.stream
	events := make([]uintptr, len(times)+1)
	defer func() {
		// Also after a fault: what has been queued refers to the events.
		err = cmp.Or(err, d.check("running the network", d.waitStream(stream)))
		for _, e := range events {
			if e != 0 {
				err = cmp.Or(err, d.check(doing, d.destroyEvent(e)))
			}
		}
	}()
	for i := range events {
		if err := d.check(doing, d.newEvent(&events[i], 0)); err != nil {
			return err
		}
	}
	for range runs {
		for range 2 {
			if err := cmp.Or(ctx.Err(), s.compute(b)); err != nil {
				return err
			}
		}
		if err := s.launches(b, events); err != nil {
			return err
		}
		if err := d.check("running the network", d.waitStream(stream)); err != nil {
			return err
		}
		for i := range times {
			var ms float32
			if err := d.check(doing, d.elapsed(&ms, events[i], events[i+1])); err != nil {
				return err
			}
			times[i] = append(times[i], time.Duration(float64(ms)*float64(time.Millisecond)))
		}
	}
	return nil
}
