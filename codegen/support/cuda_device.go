package support

import (
	"bytes"
	"fmt"
	"runtime"
	"unsafe"
)

// device is a GPU with its context.
type device struct {
	*cuda
	number  int32
	name    string
	arch    string // as in sm_80
	context uintptr
}

// The driver's numbers of attributes.
const (
	attributeMajor  = 75
	attributeMinor  = 76
	attributeShared = 97 // bytes of shared memory that a block may ask for
	functionShared  = 8  // bytes of shared memory that a kernel's blocks may ask for
)

// oldest is the first major version of the compute capability that has what
// kernels use: asynchronous copies and bfloat16.
const oldest = 8

// openDevice makes a GPU ready, counted from 0.
func (c *cuda) openDevice(ordinal int) (*device, error) {
	var count int32
	if err := c.check("counting GPUs", c.deviceCount(&count)); err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= int(count) {
		return nil, fmt.Errorf("no GPU %d: this machine has %d", ordinal, count)
	}
	d := &device{cuda: c}
	if err := c.check("opening the GPU", c.device(&d.number, int32(ordinal))); err != nil {
		return nil, err
	}
	name := make([]byte, 256)
	if err := c.check("asking for the GPU's name", c.deviceName(&name[0], int32(len(name)), d.number)); err != nil {
		return nil, err
	}
	name, _, _ = bytes.Cut(name, []byte{0})
	d.name = string(name)
	major, err := d.ask(attributeMajor)
	if err != nil {
		return nil, err
	}
	minor, err := d.ask(attributeMinor)
	if err != nil {
		return nil, err
	}
	if major < oldest {
		return nil, fmt.Errorf("the GPU %s has compute capability %d.%d, needs %d.0 or newer", d.name, major, minor, oldest)
	}
	d.arch = fmt.Sprintf("sm_%d%d", major, minor)
	return d, c.check("making a context on "+d.name, c.retain(&d.context, d.number))
}

// ask returns an attribute of the GPU.
func (d *device) ask(attribute int32) (int, error) {
	var value int32
	err := d.check("asking what "+d.name+" has", d.attribute(&value, attribute, d.number))
	return int(value), err
}

// do calls a function on a thread of the system on which the GPU's context is
// the current one.
func (d *device) do(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.check("choosing "+d.name, d.setContext(d.context)); err != nil {
		return err
	}
	return f()
}

// allocate returns the address of so many bytes of the GPU's memory.
func (d *device) allocate(what string, n int) (uintptr, error) {
	var address uintptr
	err := d.check(fmt.Sprintf("%d MB for %s on %s", (n+1e6-1)/1e6, what, d.name), d.alloc(&address, uintptr(n)))
	return address, err
}

// upload copies bytes to the GPU's memory, and returns when they are there.
func (d *device) upload(to uintptr, from []byte) error {
	err := d.check("copying to "+d.name, d.toDevice(to, &from[0], uintptr(len(from))))
	runtime.KeepAlive(from)
	if err != nil {
		return err
	}
	// The copy, on the default stream, may return while the last of it is on its way,
	// and the streams of sessions do not wait for that one.
	return d.check("copying to "+d.name, d.waitStream(0))
}

// lock returns so many bytes of the host's memory that stay where they are, so
// that the GPU copies from and to them while the program goes on.
func (d *device) lock(what string, n int) ([]byte, error) {
	var memory *byte
	doing := fmt.Sprintf("%d MB of the host's memory for %s, locked", (n+1e6-1)/1e6, what)
	switch result := d.pin(&memory, uintptr(n), 0); {
	case result == outOfMemory:
		return nil, fmt.Errorf("%s: the system has not so much to lock", doing)
	case result != 0:
		return nil, d.check(doing, result)
	}
	return unsafe.Slice(memory, n), nil
}

// close gives the context back.
func (d *device) close() error {
	return d.check("leaving "+d.name, d.releaseContext(d.number))
}
