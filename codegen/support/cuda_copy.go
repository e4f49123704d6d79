package support

import "slices"

// bring copies clips to locked memory, and from there to the GPU while the next
// one is copied.
func (s *CUDASession) bring(clips []Clip) error {
	d, at := s.model.device, 0
	if clips[0].values != nil {
		if err := s.memory.widen(4 * len(clips) * len(clips[0].values)); err != nil {
			return err
		}
	}
	for i := range clips {
		data := clips[i].frames
		if clips[i].values != nil {
			data = floatBytes(clips[i].values)
		}
		stage := s.memory.in[at:][:len(data)]
		copy(stage, data)
		if err := d.check("copying to "+d.name, d.queueToDevice(s.memory.clip+uintptr(at), &stage[0], uintptr(len(stage)), s.memory.stream)); err != nil {
			return err
		}
		at += len(data)
	}
	return nil
}

// result is an output that some clip of a run asks for.
type result struct {
	*cudaOutput
	room  func(*Output) []float32 // where a clip's caller wants it
	from  uintptr                 // its maps, of all clips, in the arena
	stage []byte                  // room for them in locked memory
}

// results lists what a run copies out.
func (s *CUDASession) results(out []Output) []result {
	var list []result
	at := 0
	for _, r := range []result{
		{cudaOutput: s.schedule.output("logits"), room: func(o *Output) []float32 { return o.Logits }},
		{cudaOutput: s.schedule.output("features"), room: func(o *Output) []float32 { return o.Features }},
		{cudaOutput: s.schedule.output("probabilities"), room: func(o *Output) []float32 { return o.Probabilities }},
	} {
		if !slices.ContainsFunc(out, func(o Output) bool { return r.room(&o) != nil }) {
			continue
		}
		n := r.span.len * len(out)
		r.from, r.stage = s.memory.arena+uintptr(r.span.offset*len(out)), s.memory.out[at:][:n]
		list = append(list, r)
		at += n
	}
	return list
}

// fetch copies results to locked memory.
func (s *CUDASession) fetch(results []result) error {
	d := s.model.device
	for _, r := range results {
		if err := d.check("copying from "+d.name, d.queueToHost(&r.stage[0], r.from, uintptr(len(r.stage)), s.memory.stream)); err != nil {
			return err
		}
	}
	return nil
}

// deliver copies results from locked memory to the caller's.
func (s *CUDASession) deliver(results []result, out []Output) {
	for _, r := range results {
		for i := range out {
			r.copy(r.room(&out[i]), r.stage[i*r.span.len:], s.model.plan.precision)
		}
	}
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
