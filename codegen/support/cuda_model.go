package support

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
)

// CUDAModel is a network with its weights, in the memory of a GPU. It is safe
// for concurrent use; sessions share its weights.
type CUDAModel struct {
	net     *network
	plan    *cudaPlan
	device  *device
	module  uintptr
	loaded  []loaded // the plan's schedules
	weights uintptr
	lengths *Model         // the same network for the CPU, without weights: what is checked is the same
	held    *packedWeights // counts the model and its sessions; the last one frees
	closed  atomic.Bool
	cleanup runtime.Cleanup // for a model that nobody closes
}

// loaded is a schedule whose kernels are on the GPU.
type loaded struct {
	*cudaSchedule
	kernels []uintptr // by launch
	first   uintptr   // the kernel that takes bytes
}

// CUDAOption changes how OpenCUDA works.
type CUDAOption func(*cudaConfig)

type cudaConfig struct {
	device        int
	driver, nvrtc string
}

// CUDADevice chooses a GPU of several, counted from 0.
func CUDADevice(n int) CUDAOption { return func(c *cudaConfig) { c.device = n } }

// CUDALibraries says where the driver (libcuda.so.1, nvcuda.dll) and the run-time
// compiler (libnvrtc.so.12, nvrtc64_120_0.dll) are, where the system would not find
// them; an empty path leaves that to the system.
func CUDALibraries(driver, nvrtc string) CUDAOption {
	return func(c *cudaConfig) { c.driver, c.nvrtc = driver, nvrtc }
}

// openCUDAModel checks and packs the weights, compiles the kernels and brings
// both to the GPU.
func openCUDAModel(net *network, p *cudaPlan, kernels *cudaCode, path string, options []CUDAOption) (*CUDAModel, error) {
	var c cudaConfig
	for _, o := range options {
		o(&c)
	}
	driver, err := openCUDA(c.driver)
	if err != nil {
		return nil, err
	}
	d, err := driver.openDevice(c.device)
	if err != nil {
		return nil, err
	}
	packed, unmap, err := readCUDAWeights(net, p, path)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	code, err := kernels.image(net.name, d, c.nvrtc)
	if err != nil {
		return nil, errors.Join(err, unmap(), d.close())
	}
	m := &CUDAModel{net: net, plan: p, device: d, lengths: &Model{net: net, plan: p.lengths()}}
	if err := errors.Join(d.do(func() error { return m.install(code, packed) }), unmap()); err != nil {
		return nil, errors.Join(err, m.free())
	}
	// What is to be freed must not keep the model alive.
	rest := &CUDAModel{device: d, module: m.module, weights: m.weights}
	m.held = newPackedWeights(nil, rest.free)
	m.cleanup = runtime.AddCleanup(m, (*packedWeights).release, m.held)
	return m, nil
}

// install loads the kernels and the weights.
func (m *CUDAModel) install(code *image, packed []byte) error {
	d := m.device
	if err := d.check("loading the kernels, "+code.made, d.loadModule(&m.module, &code.code[0])); err != nil {
		if errors.Is(err, ErrCUDAMemory) {
			return err
		}
		// Which is the usual reason; the driver's codes do not tell. PTX may be of a later
		// compiler of the same CUDA.
		return fmt.Errorf("%w; the driver is of CUDA %d.%d, which takes code of compilers up to CUDA %d: update it, or compile with one of those",
			err, d.version/1000, d.version%1000/10, d.version/1000)
	}
	most, err := d.ask(attributeShared)
	if err != nil {
		return err
	}
	for i := range m.plan.schedules {
		s, err := m.load(&m.plan.schedules[i], most)
		if err != nil {
			return err
		}
		m.loaded = append(m.loaded, s)
	}
	if m.weights, err = d.allocate("the weights", len(packed)); err != nil {
		return err
	}
	return d.upload(m.weights, packed)
}

// load looks a schedule's kernels up, for blocks that have at most so much shared
// memory.
func (m *CUDAModel) load(c *cudaSchedule, most int) (loaded, error) {
	d, s := m.device, loaded{cudaSchedule: c}
	for i := range c.launches {
		l := &c.launches[i]
		if l.shared > most {
			return s, fmt.Errorf("%s takes %d bytes of shared memory, %s has %d", l.kernel, l.shared, d.name, most)
		}
		f, err := m.kernel(l.kernel)
		if err != nil {
			return s, err
		}
		if err := d.check("giving shared memory to "+l.kernel, d.setFunction(f, functionShared, int32(l.shared))); err != nil {
			return s, err
		}
		s.kernels = append(s.kernels, f)
	}
	var err error
	s.first, err = m.kernel(c.frames)
	return s, err
}

// schedule returns the one for sessions of so many clips.
func (m *CUDAModel) schedule(clips int) *loaded {
	for i := range m.loaded {
		if m.loaded[i].clips >= clips {
			return &m.loaded[i]
		}
	}
	return &m.loaded[len(m.loaded)-1]
}

func (m *CUDAModel) kernel(name string) (uintptr, error) {
	var f uintptr
	err := m.device.check("looking for the kernel "+name, m.device.function(&f, m.module, cString(name)))
	return f, err
}

// free gives the GPU's memory and its context back.
func (m *CUDAModel) free() error {
	d := m.device
	err := d.do(func() error {
		var errs []error
		if m.weights != 0 {
			errs = append(errs, d.check("freeing the weights", d.cuda.free(m.weights)))
		}
		if m.module != 0 {
			errs = append(errs, d.check("unloading the kernels", d.unloadModule(m.module)))
		}
		return errors.Join(errs...)
	})
	return errors.Join(err, d.close())
}

// Close gives the GPU's memory back, as soon as no session is open any more.
// Sessions of a closed model return ErrClosed. Closing twice is no error.
func (m *CUDAModel) Close() error {
	if m.closed.CompareAndSwap(false, true) {
		m.cleanup.Stop()
		m.held.release()
		runtime.KeepAlive(m)
	}
	return nil
}

// Device returns the GPU's name.
func (m *CUDAModel) Device() string { return m.device.name }
