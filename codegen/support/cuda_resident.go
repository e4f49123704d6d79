package support

import (
	"context"
	"errors"
	"fmt"
)

// CUDAMemory is an array in the memory of the GPU: the address that C calls a
// CUdeviceptr, and how many bytes or values lie there. It belongs to the device's
// primary context, as all does that the CUDA runtime and the libraries on top of it
// allocate. Sessions read or write it during a run, and never keep or free it.
type CUDAMemory struct {
	Address uintptr
	Len     int
}

// CUDAClip is a clip that lies in the memory of the GPU, made by CUDAUint8Clip or
// CUDAFloat32Clip.
type CUDAClip struct {
	CUDAMemory
	values bool
}

// CUDAUint8Clip is Uint8Clip for frames in the memory of the GPU: n bytes from an
// address on.
func CUDAUint8Clip(address uintptr, n int) CUDAClip {
	return CUDAClip{CUDAMemory: CUDAMemory{address, n}}
}

// CUDAFloat32Clip is Float32Clip for values in the memory of the GPU: n values from
// an address on.
func CUDAFloat32Clip(address uintptr, n int) CUDAClip {
	return CUDAClip{CUDAMemory{address, n}, true}
}

// CUDAOutput says which results of a clip a run is to leave in the memory of the
// GPU, as float32 values, and where; zeros ask for nothing.
type CUDAOutput struct {
	Logits, Features, Probabilities CUDAMemory
}

// CUDABatch is a run of clips that lie in the memory of the GPU. All are frames, or
// all are values. Results go to the host, to the GPU, or to both.
type CUDABatch struct {
	Clips  []CUDAClip
	Out    []Output     // one a clip, or none at all
	GPUOut []CUDAOutput // one a clip, or none at all
	// Stream is the one that whatever writes the clips has been queued on, a
	// CUstream or cudaStream_t: the run begins when all is done that the stream has
	// by then. 0 is the default stream.
	Stream uintptr
}

// RunCUDA is RunBatchContext for clips that lie in the memory of the GPU, which
// it does not copy to the host. When it returns, the clips may be overwritten, and
// the results are there for every stream to read.
func (s *CUDASession) RunCUDA(ctx context.Context, b *CUDABatch) error {
	if b == nil {
		return errors.New("no batch: RunCUDA needs a CUDABatch that says where the clips are")
	}
	n, out, onGPU := len(b.Clips), b.Out, b.GPUOut
	if out == nil {
		out = make([]Output, n)
	}
	if onGPU == nil {
		onGPU = make([]CUDAOutput, n)
	}
	if len(onGPU) != n {
		return fmt.Errorf("%d outputs on the GPU for %d clips: pass one for each", len(onGPU), n)
	}
	if err := s.claim(len(out), n); err != nil {
		return err
	}
	return s.run(ctx, &cudaRun{
		batch: recorded{n, n > 0 && !b.Clips[0].values},
		check: func() error { return s.checkResident(out, onGPU, b.Clips) },
		bring: func() error { return s.bringResident(b) },
		fetch: func() error {
			if err := s.leave(onGPU); err != nil {
				return err
			}
			return s.fetch(s.results(out))
		},
		end: func() { s.deliver(s.results(out), out) },
	})
}

// checkResident is check for memory of the GPU.
func (s *CUDASession) checkResident(out []Output, onGPU []CUDAOutput, clips []CUDAClip) error {
	in, name := s.model.net.clip, s.model.net.name
	var errs []error
	for i, c := range clips {
		var faults []error
		what := "bytes"
		if c.values {
			what = "values"
		}
		if c.Len != in.elems() {
			faults = append(faults, fmt.Errorf("the clip on the GPU has %d %s, %s takes %d: %d channels, %d frames of %dx%d pixels (height x width)",
				c.Len, what, name, in.elems(), in.c, in.t, in.h, in.w))
		}
		if c.Address == 0 {
			faults = append(faults, errors.New("the clip on the GPU has the address 0"))
		}
		if c.values != clips[0].values {
			faults = append(faults, errors.New("frames and values in one batch"))
		}
		faults = s.model.lengths.roomFault(faults, "logits", out[i].Logits)
		faults = s.model.lengths.roomFault(faults, "features", out[i].Features)
		faults = s.model.lengths.roomFault(faults, "probabilities", out[i].Probabilities)
		for _, r := range s.schedule.resident(&onGPU[i]) {
			faults = append(faults, r.faults(name, s.model.plan.precision)...)
		}
		errs = append(errs, ofClip(i, len(clips), faults)...)
	}
	return errors.Join(errs...)
}

// resident is a result that stays on the GPU.
type resident struct {
	CUDAMemory
	name string
	*cudaOutput
}

// resident lists the results of a clip that are to stay on the GPU.
func (c *cudaSchedule) resident(o *CUDAOutput) []resident {
	var list []resident
	for _, r := range []resident{{o.Logits, "logits", nil}, {o.Features, "features", nil}, {o.Probabilities, "probabilities", nil}} {
		if r.CUDAMemory != (CUDAMemory{}) {
			r.cudaOutput = c.output(r.name)
			list = append(list, r)
		}
	}
	return list
}

// faults says what is wrong with the room for the result.
func (r *resident) faults(network string, values precision) (errs []error) {
	if r.cudaOutput == nil {
		return []error{fmt.Errorf("%s has no %s", network, r.name)}
	}
	if n := r.shape.elems(); r.Len != n {
		errs = append(errs, fmt.Errorf("room for %d %s on the GPU, %s has %d", r.Len, r.name, network, n))
	} else if n != r.shape.c || !r.wide && values != single { // of use to nobody as it lies there
		errs = append(errs, fmt.Errorf("the %s of %s are no vector of float32 values; ask for them in Out", r.name, network))
	}
	if r.Address == 0 {
		errs = append(errs, fmt.Errorf("the room for %s on the GPU has the address 0", r.name))
	}
	return errs
}

// bringResident copies clips within the GPU, when the caller's stream has them.
// Where the clips of a batch lie is the caller's affair, and a graph has its
// addresses once and for all.
func (s *CUDASession) bringResident(b *CUDABatch) error {
	d, stream := s.model.device, s.memory.stream
	const waiting = "waiting for the stream that the clips come from"
	if err := d.check(waiting, d.recordEvent(s.memory.event, b.Stream)); err != nil {
		return err
	}
	if err := d.check(waiting, d.awaitEvent(stream, s.memory.event, 0)); err != nil {
		return err
	}
	at := s.memory.clip
	for _, c := range b.Clips {
		n := uintptr(c.Len)
		if c.values {
			n *= 4
		}
		if err := d.check("copying clips on "+d.name, d.queueWithin(at, c.Address, n, stream)); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// leave copies results of all clips within the GPU.
func (s *CUDASession) leave(onGPU []CUDAOutput) error {
	d := s.model.device
	for i := range onGPU {
		for _, r := range s.schedule.resident(&onGPU[i]) {
			from := s.memory.arena + uintptr(r.span.offset*len(onGPU)+r.span.len*i)
			if err := d.check("copying results on "+d.name, d.queueWithin(r.Address, from, uintptr(4*r.Len), s.memory.stream)); err != nil {
				return err
			}
		}
	}
	return nil
}
