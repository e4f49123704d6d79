package support

import (
	"errors"
	"sync/atomic"
)

// cudaMemory is what a session has of the GPU and of the driver, apart from the
// session: it is given back when the session is garbage.
type cudaMemory struct {
	device      *device
	arena, clip uintptr // of the GPU's memory: maps, and the clips of a batch
	in, out     []byte  // of the host's, locked: clips and results on their way
	stream      uintptr // where all that the session does is queued
	event       uintptr // what the stream waits for, of another one
	graphs      map[recorded]uintptr
	held        *packedWeights
	closed      atomic.Bool
}

// recorded is what the launches of a run depend on.
type recorded struct {
	clips  int
	frames bool // bytes, not values
}

// The driver's flags.
const (
	streamApart  = 1 // a stream that does not wait for the default one
	eventUntimed = 2
)

// take gets all that runs of so many clips need, but for what it is asked for
// later: room for clips of values, and graphs.
func (c *cudaMemory) take(p *cudaSchedule, values, batch int) (err error) {
	d := c.device
	if c.arena, err = d.allocate("feature maps", p.arena*batch); err != nil {
		return err
	}
	if c.clip, err = d.allocate("clips", 4*values*batch); err != nil {
		return err
	}
	if c.in, err = d.lock("clips", values*batch); err != nil {
		return err
	}
	room := 0
	for i := range p.outputs {
		room += p.outputs[i].span.len * batch
	}
	if c.out, err = d.lock("results", room); err != nil {
		return err
	}
	if err := d.check("making a stream", d.newStream(&c.stream, streamApart)); err != nil {
		return err
	}
	c.graphs = map[recorded]uintptr{}
	return d.check("making an event", d.newEvent(&c.event, eventUntimed))
}

// widen makes room for so many bytes of clips on the host.
func (c *cudaMemory) widen(n int) error {
	if n <= len(c.in) {
		return nil
	}
	in, err := c.device.lock("clips", n)
	if err != nil {
		return err
	}
	old := c.in
	c.in = in
	return c.device.check("freeing a session's memory", c.device.unpin(&old[0]))
}

// free gives everything back, once. Nothing is queued any more.
func (c *cudaMemory) free() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	defer c.held.release()
	d := c.device
	return d.do(func() error {
		var errs []error
		add := func(result int32) {
			errs = append(errs, d.check("freeing a session's memory", result))
		}
		for _, ready := range c.graphs {
			add(d.graphs.release(ready))
		}
		if c.event != 0 {
			add(d.destroyEvent(c.event))
		}
		if c.stream != 0 {
			add(d.destroyStream(c.stream))
		}
		for _, locked := range [][]byte{c.in, c.out} {
			if locked != nil {
				add(d.unpin(&locked[0]))
			}
		}
		for _, address := range []uintptr{c.arena, c.clip} {
			if address != 0 {
				add(d.cuda.free(address))
			}
		}
		return errors.Join(errs...)
	})
}
