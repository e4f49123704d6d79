package support

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// ErrBusy is returned by a session that is asked to run while it runs. Use
// one session for each goroutine.
var ErrBusy = errors.New("the session is already running; use one session for each goroutine")

// Session runs clips, one after another, in memory of its own. Sessions of
// one model share its weights and may run at the same time.
type Session struct {
	*team
	busy atomic.Bool
}

// Option changes how a session works.
type Option func(*config)

type config struct{ threads int }

// Threads sets how many cores a session uses at most; n < 1 means all of
// them, as without the option. The results do not depend on it, to the bit.
func Threads(n int) Option { return func(c *config) { c.threads = n } }

// NewSession makes a session. It needs no closing: its memory and its idle
// goroutines go when nothing refers to it any more.
func (m *Model) NewSession(options ...Option) *Session {
	var c config
	for _, o := range options {
		o(&c)
	}
	if c.threads < 1 {
		c.threads = runtime.GOMAXPROCS(0)
	}
	s := &Session{team: newTeam(m, c.threads)}
	runtime.AddCleanup(s, (*team).dismiss, s.team)
	return s
}

// Output says which results a run is to copy out and where to; a nil slice
// asks for nothing.
type Output struct {
	Logits        []float32 // the scores, one a class
	Features      []float32 // the pooled features before the classifier
	Probabilities []float32 // the softmax of the scores, where the network has one
}

// Clip is the input of a run, made by Uint8Clip or Float32Clip.
type Clip struct {
	frames []uint8
	values []float32
}

// Uint8Clip is a clip of raw frames, T x H x W x C, as a decoder gives them:
// for a colour network red, green, blue. The network normalises them.
func Uint8Clip(frames []uint8) Clip { return Clip{frames: frames} }

// Float32Clip is a clip of normalised values, C x T x H x W, with channels in
// the network's order.
func Float32Clip(values []float32) Clip { return Clip{values: values} }

// Classify writes the scores of raw frames, T x H x W x C, to logits.
func (s *Session) Classify(logits []float32, frames []uint8) error {
	return s.ClassifyContext(context.Background(), logits, frames)
}

// ClassifyContext is Classify that stops early, with the context's error,
// when ctx is done.
func (s *Session) ClassifyContext(ctx context.Context, logits []float32, frames []uint8) error {
	if logits == nil {
		logits = []float32{} // nil would ask for nothing
	}
	out := Output{Logits: logits}
	return s.run(ctx, &out, Uint8Clip(frames))
}

// Run runs the network on a clip and copies the results that out asks for.
func (s *Session) Run(out *Output, clip Clip) error {
	return s.run(context.Background(), out, clip)
}

// RunContext is Run that stops early, with the context's error, when ctx is
// done. The session can be used again.
func (s *Session) RunContext(ctx context.Context, out *Output, clip Clip) error {
	return s.run(ctx, out, clip)
}

func (s *Session) run(ctx context.Context, out *Output, clip Clip) error {
	if ctx == nil {
		return errors.New("no context: pass context.Background(), or call Run")
	}
	if err := s.check(out, clip); err != nil {
		return err
	}
	packed := s.model.packed.Load()
	if packed == nil || !packed.acquire() {
		return ErrClosed
	}
	defer packed.release()
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer s.busy.Store(false) // also keeps the session, and so its workers, to the end
	s.packed, s.clip = packed.values, clip
	err := s.execute(ctx)
	s.packed, s.clip = nil, Clip{}
	if err != nil {
		return err
	}
	s.copyOut("logits", out.Logits)
	s.copyOut("features", out.Features)
	s.copyOut("probabilities", out.Probabilities)
	return nil
}

// check compares all lengths with the network's.
func (s *Session) check(out *Output, clip Clip) error {
	in := s.model.net.clip
	if n := len(clip.frames); clip.values == nil && n != in.elems() {
		return fmt.Errorf("the clip has %d bytes, %s takes %d: %d frames of %dx%d pixels (height x width), %d channels each",
			n, s.model.net.name, in.elems(), in.t, in.h, in.w, in.c)
	}
	if n := len(clip.values); clip.values != nil && n != in.elems() {
		return fmt.Errorf("the clip has %d values, %s takes %d: %d channels of %d frames of %dx%d pixels (height x width)",
			n, s.model.net.name, in.elems(), in.c, in.t, in.h, in.w)
	}
	if out == nil {
		return errors.New("no output: Run needs an Output that says what to copy out")
	}
	return errors.Join(
		s.checkOut("logits", out.Logits),
		s.checkOut("features", out.Features),
		s.checkOut("probabilities", out.Probabilities))
}

func (s *Session) checkOut(name string, dst []float32) error {
	if dst == nil {
		return nil
	}
	o := s.model.plan.output(name)
	if o == nil {
		return fmt.Errorf("%s has no %s", s.model.net.name, name)
	}
	if len(dst) != o.shape.elems() {
		return fmt.Errorf("room for %d %s, %s has %d", len(dst), name, s.model.net.name, o.shape.elems())
	}
	return nil
}

// copyOut copies an output in C, T, H, W order.
func (s *Session) copyOut(name string, dst []float32) {
	if dst == nil {
		return
	}
	o := s.model.plan.output(name)
	b := &s.model.plan.buffers[o.buffer]
	i := 0
	for c := range o.shape.c {
		for t := range o.shape.t {
			for h := range o.shape.h {
				for w := range o.shape.w {
					dst[i] = s.arena[b.at(t, h, w)+c]
					i++
				}
			}
		}
	}
}
