//go:build unix

package cuda

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen/support"
)

// device is a GPU that runs launches as a test wants them: unlike generated
// packages it reads back all values, not only the outputs.
type device struct {
	name, arch string
	context    uintptr

	init         func(flags uint32) int32
	get          func(device *int32, ordinal int32) int32
	deviceName   func(name *byte, length, device int32) int32
	attribute    func(value *int32, attribute, device int32) int32
	retain       func(context *uintptr, device int32) int32
	setContext   func(context uintptr) int32
	loadModule   func(module *uintptr, image *byte) int32
	unloadModule func(module uintptr) int32
	function     func(function *uintptr, module uintptr, name *byte) int32
	setFunction  func(function uintptr, attribute, value int32) int32
	alloc        func(address *uintptr, bytes uintptr) int32
	free         func(address uintptr) int32
	toDevice     func(to uintptr, from *byte, bytes uintptr) int32
	toHost       func(to *byte, from, bytes uintptr) int32
	launch       func(function uintptr, gridX, gridY, gridZ, blockX, blockY, blockZ, shared uint32, stream uintptr, parameters *[6]*uint64, extra uintptr) int32
}

// openDevice opens the first GPU of a driver. Its context stays as long as the
// process runs.
func openDevice(driver string) (*device, error) {
	handle, err := purego.Dlopen(driver, purego.RTLD_NOW)
	if err != nil {
		return nil, err
	}
	d := new(device)
	for name, f := range map[string]any{
		"cuInit": &d.init, "cuDeviceGet": &d.get, "cuDeviceGetName": &d.deviceName, "cuDeviceGetAttribute": &d.attribute,
		"cuDevicePrimaryCtxRetain": &d.retain, "cuCtxSetCurrent": &d.setContext,
		"cuModuleLoadData": &d.loadModule, "cuModuleUnload": &d.unloadModule, "cuModuleGetFunction": &d.function, "cuFuncSetAttribute": &d.setFunction,
		"cuMemAlloc_v2": &d.alloc, "cuMemFree_v2": &d.free, "cuMemcpyHtoD_v2": &d.toDevice, "cuMemcpyDtoH_v2": &d.toHost,
		"cuLaunchKernel": &d.launch,
	} {
		purego.RegisterLibFunc(f, handle, name)
	}
	var number, major, minor int32
	name := make([]byte, 256)
	err = errors.Join(
		failed("starting the driver", d.init(0)),
		failed("opening the GPU", d.get(&number, 0)),
		failed("asking for its name", d.deviceName(&name[0], int32(len(name)), number)),
		failed("asking for its kind", d.attribute(&major, 75, number)),
		failed("asking for its kind", d.attribute(&minor, 76, number)),
		failed("making a context", d.retain(&d.context, number)),
	)
	d.name, d.arch = string(name[:bytes.IndexByte(name, 0)]), fmt.Sprintf("sm_%d%d", major, minor)
	return d, err
}

func failed(doing string, result int32) error {
	if result != 0 {
		return fmt.Errorf("%s: CUDA error %d", doing, result)
	}
	return nil
}

// run is program.run on the GPU, with the kernels that NVRTC, a library, makes of
// the source.
func (d *device) run(t *testing.T, b *program, nvrtc string, in input) map[string][][]float32 {
	t.Helper()
	code, err := support.CompileCUDA(nvrtc, b.plan.Graph.Name+".cu", []byte(b.source), d.arch)
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	check := func(doing string, result int32) {
		if err := failed(doing, result); err != nil {
			t.Fatalf("%s: %v", b.plan.Graph.Name, err)
		}
	}
	check("choosing the GPU", d.setContext(d.context))
	var module uintptr
	check("loading the kernels", d.loadModule(&module, &code.CUBIN[0]))
	defer d.unloadModule(module)
	memory := func(data []byte) (address uintptr) {
		check("allocating memory", d.alloc(&address, uintptr(len(data))))
		check("copying to the GPU", d.toDevice(address, &data[0], uintptr(len(data))))
		return address
	}
	data, frames := in.frames, in.frames != nil
	if !frames {
		data = floatBytes(in.floats)
	}
	// Nobody has written the arena yet: it is full of NaNs.
	arena := memory(bytes.Repeat([]byte{0xff}, in.clips*cuda.ArenaBytes(b.plan)))
	weights, clips := memory(b.weights), memory(data)
	for _, address := range []uintptr{arena, weights, clips} {
		defer d.free(address)
	}
	for i, l := range cuda.Launches(b.plan) {
		at := func(memory uintptr, s cuda.Span, times int) *uint64 {
			address := uint64(memory) + uint64(s.Offset*times)
			return &address
		}
		count := uint64(in.clips)
		parameters := &[6]*uint64{
			at(arena, l.In, in.clips), at(arena, l.Second, in.clips), at(arena, l.Out, in.clips),
			at(weights, l.Weights, 1), at(weights, l.Bias, 1), &count,
		}
		if i == 0 {
			*parameters[0] = uint64(clips)
			if frames {
				l.Kernel = cuda.FramesKernel(b.plan)
			}
		}
		var kernel uintptr
		name := append([]byte(l.Kernel), 0)
		check("looking for "+l.Kernel, d.function(&kernel, module, &name[0]))
		check("giving shared memory to "+l.Kernel, d.setFunction(kernel, 8, int32(l.Shared)))
		check("launching "+l.Kernel, d.launch(kernel, uint32(l.Blocks(in.clips)), 1, 1, uint32(l.Threads), 1, 1, uint32(l.Shared), 0, parameters, 0))
	}
	results := map[string][][]float32{}
	for _, o := range b.plan.Outputs {
		m := times(cuda.Map(b.plan, o.Buffer), in.clips)
		data := make([]byte, m.Len)
		check("copying from the GPU", d.toHost(unsafe.SliceData(data), arena+uintptr(m.Offset), uintptr(m.Len)))
		results[o.Name] = b.maps(data, o.Buffer)
	}
	return results
}

// TestDevice compares all values of a small network, which an emulated GPU computes.
func TestDevice(t *testing.T) {
	compiler(t)
	if runtime.GOOS != "linux" {
		t.Skip("the emulated driver is built for Linux")
	}
	t.Parallel()
	g := lower(t, small)
	g.Taps = nil
	c := newComparison(t, g, 3)
	library := fakeDriver(t, g, cuda.FP16)
	d, err := openDevice(library)
	if err != nil {
		t.Fatal(err)
	}
	b := prepare(t, plan(t, g, cuda.FP16), cuda.FP16, c.weights)
	c.check(t, b, d.run(t, b, library, input{clips: 3, floats: c.floats}))
	c.check(t, b, d.run(t, b, library, input{clips: 3, frames: c.frames}))
}

// thisGPU opens this machine's GPU, or skips the test, and returns it and NVRTC.
func thisGPU(t *testing.T) (*device, string) {
	t.Helper()
	_, native := os.Stat("/dev/nvidiactl")
	_, wsl := os.Stat("/dev/dxg")
	if runtime.GOOS != "linux" || native != nil && wsl != nil {
		t.Skip("needs an NVIDIA GPU")
	}
	d, err := openDevice("libcuda.so.1")
	if err != nil {
		t.Skipf("needs an NVIDIA GPU: %v", err)
	}
	return d, os.Getenv(nvrtcVariable)
}
