package support

import (
	"errors"
	"fmt"
	"runtime"
)

// cuda is NVIDIA's driver, opened at run time. Pointers to a GPU's memory are
// numbers here; a context, a module, a function are handles.
type cuda struct {
	init           func(flags uint32) int32
	driverVersion  func(version *int32) int32
	deviceCount    func(count *int32) int32
	device         func(device *int32, ordinal int32) int32
	deviceName     func(name *byte, length, device int32) int32
	attribute      func(value *int32, attribute, device int32) int32
	retain         func(context *uintptr, device int32) int32
	releaseContext func(device int32) int32
	setContext     func(context uintptr) int32
	newStream      func(stream *uintptr, flags uint32) int32
	destroyStream  func(stream uintptr) int32
	waitStream     func(stream uintptr) int32
	newEvent       func(event *uintptr, flags uint32) int32
	destroyEvent   func(event uintptr) int32
	recordEvent    func(event, stream uintptr) int32
	elapsed        func(milliseconds *float32, from, to uintptr) int32
	awaitEvent     func(stream, event uintptr, flags uint32) int32
	loadModule     func(module *uintptr, image *byte) int32
	unloadModule   func(module uintptr) int32
	function       func(function *uintptr, module uintptr, name *byte) int32
	setFunction    func(function uintptr, attribute, value int32) int32
	alloc          func(address *uintptr, bytes uintptr) int32
	free           func(address uintptr) int32
	pin            func(memory **byte, bytes uintptr, flags uint32) int32
	unpin          func(memory *byte) int32
	toDevice       func(to uintptr, from *byte, bytes uintptr) int32
	queueToDevice  func(to uintptr, from *byte, bytes, stream uintptr) int32
	queueToHost    func(to *byte, from, bytes, stream uintptr) int32
	queueWithin    func(to, from, bytes, stream uintptr) int32
	launch         func(function uintptr, gridX, gridY, gridZ, blockX, blockY, blockZ, shared uint32, stream uintptr, parameters *[6]*uint64, extra uintptr) int32
	errorText      func(code int32, text **byte) int32
	graphs         *cudaGraphs // nil where the driver lacks them
	version        int32       // of CUDA, that the driver is of: 12040 is 12.4
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
		{&c.init, "cuInit"}, {&c.driverVersion, "cuDriverGetVersion"}, {&c.deviceCount, "cuDeviceGetCount"}, {&c.device, "cuDeviceGet"},
		{&c.deviceName, "cuDeviceGetName"}, {&c.attribute, "cuDeviceGetAttribute"},
		{&c.retain, "cuDevicePrimaryCtxRetain"}, {&c.releaseContext, "cuDevicePrimaryCtxRelease_v2"},
		{&c.setContext, "cuCtxSetCurrent"},
		{&c.newStream, "cuStreamCreate"}, {&c.destroyStream, "cuStreamDestroy_v2"}, {&c.waitStream, "cuStreamSynchronize"},
		{&c.newEvent, "cuEventCreate"}, {&c.destroyEvent, "cuEventDestroy_v2"},
		{&c.recordEvent, "cuEventRecord"}, {&c.awaitEvent, "cuStreamWaitEvent"}, {&c.elapsed, "cuEventElapsedTime"},
		{&c.loadModule, "cuModuleLoadData"}, {&c.unloadModule, "cuModuleUnload"},
		{&c.function, "cuModuleGetFunction"}, {&c.setFunction, "cuFuncSetAttribute"},
		{&c.alloc, "cuMemAlloc_v2"}, {&c.free, "cuMemFree_v2"},
		{&c.pin, "cuMemHostAlloc"}, {&c.unpin, "cuMemFreeHost"},
		{&c.toDevice, "cuMemcpyHtoD_v2"}, {&c.queueToDevice, "cuMemcpyHtoDAsync_v2"},
		{&c.queueToHost, "cuMemcpyDtoHAsync_v2"}, {&c.queueWithin, "cuMemcpyDtoDAsync_v2"},
		{&c.launch, "cuLaunchKernel"}, {&c.errorText, "cuGetErrorString"},
	})
	if err != nil {
		return nil, err
	}
	c.graphs = bindGraphs(lib)
	if err := c.check("starting the driver", c.init(0)); err != nil {
		return nil, err
	}
	return c, c.check("asking for the driver's version", c.driverVersion(&c.version))
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
