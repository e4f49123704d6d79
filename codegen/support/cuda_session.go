package support

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
)

// CUDASession runs clips on a GPU, one after another or several at once, in
// memory of its own. Sessions of one model share its weights.
type CUDASession struct {
	model  *CUDAModel
	memory *cudaMemory
	batch  int
	busy   atomic.Bool
	stage  []byte // what goes to the GPU, or comes from it
}

// cudaMemory is what a session has of the GPU's memory.
type cudaMemory struct {
	device      *device
	arena, clip uintptr
	held        *packedWeights
	closed      atomic.Bool
}

// NewSession makes a session, of which only the option Batch matters here. Its
// memory goes when it is closed, or when nothing refers to it any more. Where the
// GPU has not enough, the error is ErrCUDAMemory.
func (m *CUDAModel) NewSession(options ...Option) (*CUDASession, error) {
	var c config
	for _, o := range options {
		o(&c)
	}
	c.batch = max(c.batch, 1)
	for i := range m.plan.launches {
		if most := math.MaxInt32 / m.plan.launches[i].units; c.batch > most {
			return nil, fmt.Errorf("Batch(%d): kernels count in 32 bits, %s runs at most %d clips at once", c.batch, m.net.name, most)
		}
	}
	if m.closed.Load() || !m.held.acquire() {
		return nil, ErrClosed
	}
	s := &CUDASession{model: m, batch: c.batch, memory: &cudaMemory{device: m.device, held: m.held}}
	err := m.device.do(func() (err error) {
		if s.memory.arena, err = m.device.allocate("feature maps", m.plan.arena*s.batch); err != nil {
			return err
		}
		s.memory.clip, err = m.device.allocate("clips", 4*m.net.clip.elems()*s.batch)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.memory.free())
	}
	runtime.AddCleanup(s, func(memory *cudaMemory) { _ = memory.free() }, s.memory)
	return s, nil
}

// free gives the memory back, once.
func (c *cudaMemory) free() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	defer c.held.release()
	return c.device.do(func() error {
		var errs []error
		for _, address := range []uintptr{c.arena, c.clip} {
			if address != 0 {
				errs = append(errs, c.device.check("freeing a session's memory", c.device.free(address)))
			}
		}
		return errors.Join(errs...)
	})
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
	return s.RunBatch([]Output{{Logits: given(logits)}}, []Clip{Uint8Clip(frames)})
}

// ClassifyBatch writes the scores of several clips of raw frames, each
// T x H x W x C, to logits, in the clips' order. There may be as many as the
// session's Batch says, or fewer.
func (s *CUDASession) ClassifyBatch(logits [][]float32, frames [][]uint8) error {
	out, clips := make([]Output, len(logits)), make([]Clip, len(frames))
	for i := range out {
		out[i].Logits = given(logits[i])
	}
	for i := range clips {
		clips[i] = Uint8Clip(frames[i])
	}
	return s.RunBatch(out, clips)
}

// Run runs the network on a clip and copies the results that out asks for.
func (s *CUDASession) Run(out *Output, clip Clip) error {
	if out == nil {
		return errors.New("no output: Run needs an Output that says what to copy out")
	}
	return s.RunBatch([]Output{*out}, []Clip{clip})
}

// RunBatch runs the network on several clips at once and copies the results
// that each one's output asks for. There may be as many clips as the session's
// Batch says, or fewer, and either all are frames or all are values. An error says
// which clip it is about, counted from 0; then nothing has been run.
func (s *CUDASession) RunBatch(out []Output, clips []Clip) error {
	if err := s.check(out, clips); err != nil || len(clips) == 0 {
		return err
	}
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer s.busy.Store(false) // also keeps the session, and so its memory, to the end
	if s.model.closed.Load() || s.memory.closed.Load() {
		return ErrClosed
	}
	return s.model.device.do(func() error {
		if err := s.start(clips); err != nil {
			return err
		}
		return s.finish(out)
	})
}

// check compares the lengths of all clips and outputs with the network's.
func (s *CUDASession) check(out []Output, clips []Clip) error {
	if len(out) != len(clips) {
		return fmt.Errorf("%d outputs for %d clips: pass one for each", len(out), len(clips))
	}
	if len(clips) > s.batch {
		return fmt.Errorf("%d clips, the session runs at most %d at once: make it with Batch(%d)", len(clips), s.batch, len(clips))
	}
	var errs []error
	for i := range clips {
		if (clips[i].values == nil) != (clips[0].values == nil) {
			errs = append(errs, fmt.Errorf("clip %d: frames and values in one batch", i))
		}
		for _, err := range s.model.lengths.faults(&out[i], &clips[i]) {
			if len(clips) > 1 {
				err = fmt.Errorf("clip %d: %w", i, err)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// start brings the clips to the GPU and launches all kernels.
func (s *CUDASession) start(clips []Clip) error {
	m, first := s.model, s.model.kernels[0]
	s.stage = s.stage[:0]
	for i := range clips {
		if clips[i].values == nil {
			s.stage = append(s.stage, clips[i].frames...)
			first = m.frames
		} else {
			s.stage = append(s.stage, floatBytes(clips[i].values)...)
		}
	}
	if err := m.device.upload(s.memory.clip, s.stage); err != nil {
		return err
	}
	for i := range m.plan.launches {
		kernel, in := m.kernels[i], uintptr(0)
		if i == 0 {
			kernel, in = first, s.memory.clip
		}
		if err := s.launch(&m.plan.launches[i], kernel, in, len(clips)); err != nil {
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
		uint32(l.threads), 1, 1, uint32(l.shared), 0, parameters, 0))
}

// finish copies the outputs, when all is computed.
func (s *CUDASession) finish(out []Output) error {
	if err := s.model.device.check("running the network", s.model.device.synchronize()); err != nil {
		return err
	}
	for _, o := range []struct {
		name string
		room func(*Output) []float32
	}{
		{"logits", func(o *Output) []float32 { return o.Logits }},
		{"features", func(o *Output) []float32 { return o.Features }},
		{"probabilities", func(o *Output) []float32 { return o.Probabilities }},
	} {
		wanted := false
		for i := range out {
			wanted = wanted || o.room(&out[i]) != nil
		}
		if !wanted {
			continue
		}
		from := s.model.plan.output(o.name)
		s.stage = append(s.stage[:0], make([]byte, from.span.len*len(out))...)
		if err := s.model.device.download(s.stage, s.memory.arena+uintptr(from.span.offset*len(out))); err != nil {
			return err
		}
		for i := range out {
			from.copy(o.room(&out[i]), s.stage[i*from.span.len:], s.model.plan.precision)
		}
	}
	return nil
}

// copy brings an output of one clip into C, T, H, W order. A nil dst asks for
// nothing.
func (o *cudaOutput) copy(dst []float32, from []byte, values precision) {
	if o.wide {
		values = single
	}
	pixels := o.shape.t * o.shape.h * o.shape.w
	for i := range dst {
		dst[i] = values.get(from[(i%pixels*o.pitch+i/pixels)*values.bytes():])
	}
}
