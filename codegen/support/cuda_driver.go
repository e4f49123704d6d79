package support

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
)

// cuda is NVIDIA's driver, opened at run time. Pointers to a GPU's memory are
// numbers here; a context, a module, a function are handles.
type cuda struct {
	init           func(flags uint32) int32
	deviceCount    func(count *int32) int32
	device         func(device *int32, ordinal int32) int32
	deviceName     func(name *byte, length, device int32) int32
	attribute      func(value *int32, attribute, device int32) int32
	retain         func(context *uintptr, device int32) int32
	releaseContext func(device int32) int32
	setContext     func(context uintptr) int32
	synchronize    func() int32
	loadModule     func(module *uintptr, image *byte) int32
	unloadModule   func(module uintptr) int32
	function       func(function *uintptr, module uintptr, name *byte) int32
	setFunction    func(function uintptr, attribute, value int32) int32
	alloc          func(address *uintptr, bytes uintptr) int32
	free           func(address uintptr) int32
	toDevice       func(to uintptr, from *byte, bytes uintptr) int32
	toHost         func(to *byte, from uintptr, bytes uintptr) int32
	launch         func(function uintptr, gridX, gridY, gridZ, blockX, blockY, blockZ, shared uint32, stream uintptr, parameters *[6]*uint64, extra uintptr) int32
	errorText      func(code int32, text **byte) int32
}

// openCUDA opens the driver: the library at a path or, where that is empty, one
// that the system finds.
func openCUDA(path string) (*cuda, error) {
	names := []string{path}
	switch {
	case path == "" && runtime.GOOS == "windows":
		names = []string{"nvcuda.dll"}
	case path == "":
		names = []string{"libcuda.so.1", "libcuda.so"}
	}
	lib, err := openLibrary(names)
	if err != nil {
		return nil, fmt.Errorf("no NVIDIA driver: %w", err)
	}
	c := new(cuda)
	err = lib.bind([]cFunc{
		{&c.init, "cuInit"}, {&c.deviceCount, "cuDeviceGetCount"}, {&c.device, "cuDeviceGet"},
		{&c.deviceName, "cuDeviceGetName"}, {&c.attribute, "cuDeviceGetAttribute"},
		{&c.retain, "cuDevicePrimaryCtxRetain"}, {&c.releaseContext, "cuDevicePrimaryCtxRelease_v2"},
		{&c.setContext, "cuCtxSetCurrent"}, {&c.synchronize, "cuCtxSynchronize"},
		{&c.loadModule, "cuModuleLoadData"}, {&c.unloadModule, "cuModuleUnload"},
		{&c.function, "cuModuleGetFunction"}, {&c.setFunction, "cuFuncSetAttribute"},
		{&c.alloc, "cuMemAlloc_v2"}, {&c.free, "cuMemFree_v2"},
		{&c.toDevice, "cuMemcpyHtoD_v2"}, {&c.toHost, "cuMemcpyDtoH_v2"},
		{&c.launch, "cuLaunchKernel"}, {&c.errorText, "cuGetErrorString"},
	})
	if err != nil {
		return nil, err
	}
	return c, c.check("starting the driver", c.init(0))
}

// ErrCUDAMemory is returned where a GPU has not the memory that is asked for.
var ErrCUDAMemory = errors.New("the GPU is out of memory")

// outOfMemory is the driver's code for that.
const outOfMemory = 2

// check makes an error of a result that is none of success, which says what
// was being done.
func (c *cuda) check(doing string, result int32) error {
	switch {
	case result == 0:
		return nil
	case result == outOfMemory:
		return fmt.Errorf("%s: %w", doing, ErrCUDAMemory)
	}
	var text *byte
	if c.errorText(result, &text) != 0 || text == nil {
		return fmt.Errorf("%s: CUDA error %d", doing, result)
	}
	return fmt.Errorf("%s: CUDA error %d, %s", doing, result, goString(text))
}

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

// upload copies bytes to the GPU's memory; download is the reverse.
func (d *device) upload(to uintptr, from []byte) error {
	if len(from) == 0 {
		return nil
	}
	err := d.check("copying to "+d.name, d.toDevice(to, &from[0], uintptr(len(from))))
	runtime.KeepAlive(from)
	return err
}

func (d *device) download(to []byte, from uintptr) error {
	if len(to) == 0 {
		return nil
	}
	err := d.check("copying from "+d.name, d.toHost(&to[0], from, uintptr(len(to))))
	runtime.KeepAlive(to)
	return err
}
