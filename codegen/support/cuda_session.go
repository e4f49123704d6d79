package support

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// CUDASession runs clips on a GPU, one after another or several at once, in
// memory and on a stream of its own. Sessions of one model share its weights, may
// run at the same time, and do not wait for one another.
type CUDASession struct {
	model    *CUDAModel
	schedule *loaded
	memory   *cudaMemory
	batch    int
	busy     atomic.Bool
}

// NewSession makes a session, of which only the option Batch matters here: those for a
// single clip and for a few have kernels with smaller tiles, of which there are more. Its
// memory goes when it is closed, or when nothing refers to it any more. Where the GPU has not
// enough, the error is ErrCUDAMemory.
func (m *CUDAModel) NewSession(options ...Option) (*CUDASession, error) {
	var c config
	for _, o := range options {
		o(&c)
	}
	c.batch = max(c.batch, 1)
	schedule := m.schedule(c.batch)
	if most := schedule.most(); c.batch > most {
		return nil, fmt.Errorf("Batch(%d): kernels count in 32 bits, %s runs at most %d clips at once", c.batch, m.net.name, most)
	}
	if m.closed.Load() || !m.held.acquire() {
		return nil, ErrClosed
	}
	s := &CUDASession{model: m, schedule: schedule, batch: c.batch, memory: &cudaMemory{device: m.device, held: m.held}}
	err := m.device.do(func() error { return s.memory.take(schedule.cudaSchedule, m.net.clip.elems(), s.batch) })
	if err != nil {
		return nil, errors.Join(err, s.memory.free())
	}
	runtime.AddCleanup(s, func(memory *cudaMemory) { _ = memory.free() }, s.memory)
	return s, nil
}

// Close gives the session's memory back. Closing twice is no error.
func (s *CUDASession) Close() error {
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer s.busy.Store(false)
	return s.memory.free()
}

// Classify writes the scores of raw frames, T x H x W x C, to logits.
func (s *CUDASession) Classify(logits []float32, frames []uint8) error {
	return s.ClassifyContext(context.Background(), logits, frames)
}

// ClassifyContext is Classify that stops early, with the context's error, when
// ctx is done: see RunContext.
func (s *CUDASession) ClassifyContext(ctx context.Context, logits []float32, frames []uint8) error {
	return s.RunContext(ctx, &Output{Logits: given(logits)}, Uint8Clip(frames))
}

// ClassifyBatch writes the scores of several clips of raw frames, each
// T x H x W x C, to logits, in the clips' order. There may be as many as the
// session's Batch says, or fewer.
func (s *CUDASession) ClassifyBatch(logits [][]float32, frames [][]uint8) error {
	return s.ClassifyBatchContext(context.Background(), logits, frames)
}

// ClassifyBatchContext is ClassifyBatch that stops early, with the context's
// error, when ctx is done: see RunContext.
func (s *CUDASession) ClassifyBatchContext(ctx context.Context, logits [][]float32, frames [][]uint8) error {
	out, clips := make([]Output, len(logits)), make([]Clip, len(frames))
	for i := range out {
		out[i].Logits = given(logits[i])
	}
	for i := range clips {
		clips[i] = Uint8Clip(frames[i])
	}
	return s.RunBatchContext(ctx, out, clips)
}

// Run runs the network on a clip and copies the results that out asks for.
func (s *CUDASession) Run(out *Output, clip Clip) error {
	return s.RunContext(context.Background(), out, clip)
}

// RunContext is Run that stops early, with the context's error, when ctx is
// done before the GPU has the network's launches; from then on the run is a
// matter of milliseconds, and ends as usual. The session can be used again.
func (s *CUDASession) RunContext(ctx context.Context, out *Output, clip Clip) error {
	if out == nil {
		return errors.New("no output: Run needs an Output that says what to copy out")
	}
	return s.RunBatchContext(ctx, []Output{*out}, []Clip{clip})
}

// RunBatch runs the network on several clips at once and copies the results
// that each one's output asks for. There may be as many clips as the session's
// Batch says, or fewer, and either all are frames or all are values. An error says
// which clip it is about, counted from 0; then nothing has been run.
func (s *CUDASession) RunBatch(out []Output, clips []Clip) error {
	return s.RunBatchContext(context.Background(), out, clips)
}

// RunBatchContext is RunBatch that stops early, with the context's error, when
// ctx is done: see RunContext.
func (s *CUDASession) RunBatchContext(ctx context.Context, out []Output, clips []Clip) error {
	if err := s.claim(len(out), len(clips)); err != nil {
		return err
	}
	return s.run(ctx, &cudaRun{
		batch: recorded{len(clips), len(clips) > 0 && clips[0].values == nil},
		check: func() error { return s.check(out, clips) },
		bring: func() error { return s.bring(clips) },
		fetch: func() error { return s.fetch(s.results(out)) },
		end:   func() { s.deliver(s.results(out), out) },
	})
}

// claim makes the session busy with a batch that it has room for.
func (s *CUDASession) claim(outs, clips int) error {
	if outs != clips {
		return fmt.Errorf("%d outputs for %d clips: pass one for each", outs, clips)
	}
	if clips > s.batch {
		return fmt.Errorf("%d clips, the session runs at most %d at once: make it with Batch(%d)", clips, s.batch, clips)
	}
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	return nil
}

// check compares the lengths of all clips and outputs with the network's.
func (s *CUDASession) check(out []Output, clips []Clip) error {
	var errs []error
	for i := range clips {
		faults := s.model.lengths.faults(&out[i], &clips[i])
		if (clips[i].values == nil) != (clips[0].values == nil) {
			faults = append(faults, errors.New("frames and values in one batch"))
		}
		errs = append(errs, ofClip(i, len(clips), faults)...)
	}
	return errors.Join(errs...)
}

// ofClip says, where there are several clips, which one the faults are about.
func ofClip(i, clips int, faults []error) []error {
	for j := range faults {
		if clips > 1 {
			faults[j] = fmt.Errorf("clip %d: %w", i, faults[j])
		}
	}
	return faults
}
