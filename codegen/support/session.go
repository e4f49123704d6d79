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

// Session runs clips, one after another or several at once, in memory of its
// own. Sessions of one model share its weights and may run at the same time.
type Session struct {
	*team
	busy atomic.Bool
	outs []Output // of the run under way, one a clip
}

// Option changes how a session works.
type Option func(*config)

type config struct {
	threads, batch int
	pinned         bool
	firstCPU       int
}

// The most that a session has: more than any use of it, and few enough that all
// that they take can be counted.
const (
	maxThreads = 1024
	maxBatch   = 1 << 16
)

// Threads sets how many cores a session uses at most; n < 1 means all of
// them, as without the option, and n > 1024 means 1024. The results do not depend
// on it, to the bit.
func Threads(n int) Option { return func(c *config) { c.threads = n } }

// Batch sets how many clips a session runs at once at most, in RunBatch and
// ClassifyBatch; n < 1 means one, as without the option. The session has as
// many times the memory. The results are those of single runs, to the bit. A Model's
// NewSession panics where n > 65536.
func Batch(n int) Option { return func(c *config) { c.batch = n } }

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
	if c.batch > maxBatch {
		panic(fmt.Sprintf("Batch(%d): a session runs at most %d clips at once", c.batch, maxBatch))
	}
	c.threads, c.batch = min(c.threads, maxThreads), max(c.batch, 1)
	s := &Session{team: newTeam(m, c), outs: make([]Output, 0, c.batch)}
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
	return s.RunContext(ctx, &Output{Logits: given(logits)}, Uint8Clip(frames))
}

// given returns room that must be there: nil would ask for nothing.
func given(logits []float32) []float32 {
	if logits == nil {
		return []float32{}
	}
	return logits
}

// Run runs the network on a clip and copies the results that out asks for.
func (s *Session) Run(out *Output, clip Clip) error {
	return s.RunContext(context.Background(), out, clip)
}

// RunContext is Run that stops early, with the context's error, when ctx is
// done. The session can be used again.
func (s *Session) RunContext(ctx context.Context, out *Output, clip Clip) error {
	if out == nil {
		return errors.New("no output: Run needs an Output that says what to copy out")
	}
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	s.outs, s.clips = append(s.outs, *out), append(s.clips, clip)
	return s.run(ctx)
}

// run runs the batch that its caller has put in place, takes it away, and
// ends the caller's claim to the session.
func (s *Session) run(ctx context.Context) error {
	defer s.busy.Store(false) // also keeps the session, and so its workers, to the end
	defer s.release()
	if ctx == nil {
		return errors.New("no context: pass context.Background(), or call a method without one")
	}
	if err := s.check(); err != nil {
		return err
	}
	packed := s.model.packed.Load()
	if packed == nil || !packed.acquire() {
		return ErrClosed
	}
	defer packed.release()
	s.packed = packed.values
	if err := s.execute(ctx); err != nil {
		return err
	}
	for i, out := range s.outs {
		s.copyOut(i, "logits", out.Logits)
		s.copyOut(i, "features", out.Features)
		s.copyOut(i, "probabilities", out.Probabilities)
	}
	return nil
}

// release lets go of the weights, of a profile and of all that is the caller's.
func (s *Session) release() {
	clear(s.outs)
	clear(s.clips)
	s.packed, s.profile, s.outs, s.clips = nil, nil, s.outs[:0], s.clips[:0]
}

// check compares the lengths of all clips and outputs with the network's. In
// a batch the errors say of which clip.
func (s *Session) check() error {
	var errs []error
	for i := range s.clips {
		for _, err := range s.model.faults(&s.outs[i], &s.clips[i]) {
			if len(s.clips) > 1 {
				err = fmt.Errorf("clip %d: %w", i, err)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// faults says which lengths of a clip and its output are not the network's.
func (m *Model) faults(out *Output, clip *Clip) (errs []error) {
	in := m.net.clip
	if n := len(clip.frames); clip.values == nil && n != in.elems() {
		errs = append(errs, fmt.Errorf("the clip has %d bytes, %s takes %d: %d frames of %dx%d pixels (height x width), %d channels each",
			n, m.net.name, in.elems(), in.t, in.h, in.w, in.c))
	}
	if n := len(clip.values); clip.values != nil && n != in.elems() {
		errs = append(errs, fmt.Errorf("the clip has %d values, %s takes %d: %d channels of %d frames of %dx%d pixels (height x width)",
			n, m.net.name, in.elems(), in.c, in.t, in.h, in.w))
	}
	errs = m.roomFault(errs, "logits", out.Logits)
	errs = m.roomFault(errs, "features", out.Features)
	return m.roomFault(errs, "probabilities", out.Probabilities)
}

// roomFault appends what is wrong with the room for an output.
func (m *Model) roomFault(errs []error, name string, dst []float32) []error {
	if dst == nil {
		return errs
	}
	o := m.plan.output(name)
	if o == nil {
		return append(errs, fmt.Errorf("%s has no %s", m.net.name, name))
	}
	if len(dst) != o.shape.elems() {
		return append(errs, fmt.Errorf("room for %d %s, %s has %d", len(dst), name, m.net.name, o.shape.elems()))
	}
	return errs
}

// copyOut copies an output of a clip in C, T, H, W order.
func (s *Session) copyOut(clip int, name string, dst []float32) {
	if dst == nil {
		return
	}
	o := s.model.plan.output(name)
	b := &s.model.plan.buffers[o.buffer]
	arena := s.arenas[clip]
	i := 0
	for c := range o.shape.c {
		for t := range o.shape.t {
			for h := range o.shape.h {
				for w := range o.shape.w {
					dst[i] = arena[b.at(t, h, w)+c]
					i++
				}
			}
		}
	}
}
