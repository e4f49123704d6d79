//go:build gpu

package main

import (
	"cmp"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// driver is what the contestant itself asks of NVIDIA's driver.
type driver struct {
	retain     func(context *uintptr, device int32) int32
	release    func(device int32) int32
	setContext func(context uintptr) int32
	alloc      func(address *uintptr, bytes uintptr) int32
	free       func(address uintptr) int32
	toDevice   func(to uintptr, from unsafe.Pointer, bytes uintptr) int32
}

// clips lie in the GPU's memory, one after another, as those do that other code of
// a process has made there.
type clips struct {
	*driver
	context, address, size uintptr
}

// upload copies a clip to the GPU, as often as the batch has clips.
func upload(library string, clip []float32, batch int) (*clips, error) {
	handle, err := purego.Dlopen(cmp.Or(library, "libcuda.so.1"), purego.RTLD_NOW)
	if err != nil {
		return nil, err
	}
	c := &clips{driver: new(driver), size: uintptr(4 * len(clip))}
	for name, f := range map[string]any{
		"cuDevicePrimaryCtxRetain": &c.retain, "cuDevicePrimaryCtxRelease_v2": &c.release, "cuCtxSetCurrent": &c.setContext,
		"cuMemAlloc_v2": &c.driver.alloc, "cuMemFree_v2": &c.driver.free, "cuMemcpyHtoD_v2": &c.toDevice,
	} {
		purego.RegisterLibFunc(f, handle, name)
	}
	if err := check(c.retain(&c.context, 0)); err != nil {
		return nil, err
	}
	return c, c.do(func() error {
		if err := check(c.alloc(&c.address, c.size*uintptr(batch))); err != nil {
			return err
		}
		for i := range batch {
			if err := check(c.toDevice(c.clip(i), unsafe.Pointer(&clip[0]), c.size)); err != nil {
				return err
			}
		}
		return nil
	})
}

// clip returns the address of one of the clips.
func (c *clips) clip(i int) uintptr { return c.address + uintptr(i)*c.size }

// free gives the memory and the context back.
func (c *clips) free() error {
	return cmp.Or(c.do(func() error { return check(c.driver.free(c.address)) }), check(c.release(0)))
}

// do calls a function on a thread that has the GPU's context.
func (c *clips) do(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := check(c.setContext(c.context)); err != nil {
		return err
	}
	return f()
}

func check(result int32) error {
	if result != 0 {
		return fmt.Errorf("clips in the GPU's memory: CUDA error %d", result)
	}
	return nil
}
