//go:build user

// A program of somebody who runs a network on a GPU.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"suite/net"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println("error:", err)
	}
}

func run(driver, nvrtc, weights string) error {
	if driver == "pack" {
		return net.PackCUDA(nvrtc, weights)
	}
	m, err := net.OpenCUDA(weights, net.CUDALibraries(driver, nvrtc))
	if err != nil {
		return err
	}
	defer m.Close()
	var clips struct {
		Frames        [][]byte
		Floats        [][]float32
		Probabilities bool // whether the network has them
	}
	if err := json.NewDecoder(os.Stdin).Decode(&clips); err != nil {
		return err
	}
	if len(clips.Frames) == 1 {
		return one(m, clips.Frames[0])
	}
	s, err := m.NewSession(net.Batch(3))
	if errors.Is(err, net.ErrCUDAMemory) {
		return fmt.Errorf("ErrCUDAMemory: %w", err)
	} else if err != nil {
		return err
	}
	defer s.Close()
	results := map[string]any{"device": m.Device()}
	out, floats := make([]net.Output, 3), make([]net.Clip, 3)
	for i := range out {
		out[i] = net.Output{Logits: make([]float32, net.Classes), Features: make([]float32, net.Features)}
		if clips.Probabilities {
			out[i].Probabilities = make([]float32, net.Classes)
		}
		floats[i] = net.Float32Clip(clips.Floats[i])
	}
	if err := s.RunBatch(out, floats); err != nil {
		return err
	}
	results["batch"] = out
	one := make([]float32, net.Classes)
	if err := s.Classify(one, clips.Frames[1]); err != nil {
		return err
	}
	results["one"] = one
	two := [][]float32{make([]float32, net.Classes), make([]float32, net.Classes)}
	if err := s.ClassifyBatch(two, clips.Frames[1:]); err != nil {
		return err
	}
	results["two"] = two
	if results["resident"], err = resident(s, driver, clips.Frames, clips.Floats); err != nil {
		return err
	}
	if results["together"], err = together(m, clips.Frames); err != nil {
		return err
	}
	times, err := s.Profile(context.Background(), []net.Clip{net.Uint8Clip(clips.Frames[0]), net.Uint8Clip(clips.Frames[1])}, 1)
	if err != nil {
		return err
	}
	results["profile"] = times
	milliseconds := map[int]float64{}
	for _, arg := range os.Args[4:] {
		n, err := strconv.Atoi(arg)
		if err != nil {
			return err
		}
		if milliseconds[n], err = measure(m, clips.Frames[0], n); err != nil {
			return err
		}
	}
	results["milliseconds"] = milliseconds
	results["faults"] = faults(m, s, clips.Frames[0], clips.Floats[0])
	return json.NewEncoder(os.Stdout).Encode(results)
}

// one runs one clip and nothing else.
func one(m *net.CUDAModel, frames []byte) error {
	s, err := m.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	logits := make([]float32, net.Classes)
	if err := s.Classify(logits, frames); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"device": m.Device(), "one": logits})
}

// gpu is what other code of the process has put into the GPU's memory.
type gpu struct {
	alloc       func(address *uintptr, bytes uintptr) int32
	free        func(address uintptr) int32
	pin         func(memory **byte, bytes uintptr, flags uint32) int32
	unpin       func(memory *byte) int32
	queue       func(to uintptr, from *byte, bytes, stream uintptr) int32
	download    func(to *byte, from, bytes uintptr) int32
	newStream   func(stream *uintptr, flags uint32) int32
	closeStream func(stream uintptr) int32
	retain      func(context *uintptr, device int32) int32
	setContext  func(context uintptr) int32
	release     func(device int32) int32
}

// resident runs three clips that lie in the GPU's memory: bytes, of which a stream
// still has to bring the last, and values. It returns the results of both, those
// of the host first.
func resident(s *net.CUDASession, driver string, frames [][]byte, floats [][]float32) (logits [4][][]float32, err error) {
	if driver == "" {
		driver = "libcuda.so.1"
	}
	library, err := purego.Dlopen(driver, purego.RTLD_NOW)
	if err != nil {
		return logits, err
	}
	var g gpu
	for name, f := range map[string]any{
		"cuMemAlloc_v2": &g.alloc, "cuMemFree_v2": &g.free, "cuMemHostAlloc": &g.pin, "cuMemFreeHost": &g.unpin,
		"cuMemcpyHtoDAsync_v2": &g.queue, "cuMemcpyDtoH_v2": &g.download, "cuStreamCreate": &g.newStream, "cuStreamDestroy_v2": &g.closeStream,
		"cuDevicePrimaryCtxRetain": &g.retain, "cuCtxSetCurrent": &g.setContext, "cuDevicePrimaryCtxRelease_v2": &g.release,
	} {
		purego.RegisterLibFunc(f, library, name)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	check := func(result int32) {
		if result != 0 && err == nil {
			err = fmt.Errorf("CUDA error %d", result)
		}
	}
	var primary, stream, results uintptr
	check(g.retain(&primary, 0))
	check(g.setContext(primary))
	check(g.newStream(&stream, 1))
	check(g.alloc(&results, 4*net.Classes))
	for kind := range 2 {
		batch := net.CUDABatch{Stream: stream, Out: make([]net.Output, 3), GPUOut: make([]net.CUDAOutput, 3)}
		var locked *byte
		clip := len(frames[0]) * (1 + 3*kind)
		check(g.pin(&locked, uintptr(3*clip), 0))
		room := unsafe.Slice(locked, 3*clip)
		for i := range 3 {
			data := frames[i]
			if kind == 1 {
				data = unsafe.Slice((*byte)(unsafe.Pointer(&floats[i][0])), clip)
			}
			copy(room[i*clip:], data)
			var at uintptr
			check(g.alloc(&at, uintptr(clip)))
			defer func() { check(g.free(at)) }()
			check(g.queue(at, &room[i*clip], uintptr(clip), stream))
			batch.Clips = append(batch.Clips, net.CUDAUint8Clip(at, clip))
			if kind == 1 {
				batch.Clips[i] = net.CUDAFloat32Clip(at, clip/4)
			}
			batch.Out[i].Logits = make([]float32, net.Classes)
			logits[2*kind] = append(logits[2*kind], batch.Out[i].Logits)
		}
		batch.GPUOut[2].Logits = net.CUDAMemory{Address: results, Len: net.Classes}
		if err := errors.Join(err, s.RunCUDA(context.Background(), &batch)); err != nil {
			return logits, err
		}
		left := make([]float32, net.Classes)
		check(g.download((*byte)(unsafe.Pointer(&left[0])), results, 4*net.Classes))
		logits[2*kind+1] = [][]float32{left}
		check(g.unpin(locked))
	}
	check(g.free(results))
	check(g.closeStream(stream))
	check(g.release(0))
	return logits, err
}

// together runs each clip in a session of its own, all at the same time.
func together(m *net.CUDAModel, frames [][]byte) ([][]float32, error) {
	logits, errs := make([][]float32, len(frames)), make([]error, len(frames))
	var wait sync.WaitGroup
	for i := range frames {
		logits[i] = make([]float32, net.Classes)
		wait.Go(func() {
			s, err := m.NewSession()
			if err != nil {
				errs[i] = err
				return
			}
			for range 3 {
				err = errors.Join(err, s.Classify(logits[i], frames[i]))
			}
			errs[i] = errors.Join(err, s.Close())
		})
	}
	wait.Wait()
	return logits, errors.Join(errs...)
}

// measure returns the least milliseconds of some runs of so many clips of
// bytes, copies to and from the GPU included.
func measure(m *net.CUDAModel, frames []byte, clips int) (float64, error) {
	s, err := m.NewSession(net.Batch(clips))
	if err != nil {
		return 0, err
	}
	defer s.Close()
	logits, batch := make([][]float32, clips), make([][]byte, clips)
	for i := range batch {
		logits[i], batch[i] = make([]float32, net.Classes), frames
	}
	least := math.Inf(1)
	for range 10 {
		start := time.Now()
		if err := s.ClassifyBatch(logits, batch); err != nil {
			return 0, err
		}
		least = min(least, time.Since(start).Seconds()*1e3)
	}
	return least, nil
}

// lateContext is done when it is asked for the second time, which is when clips are
// on their way and nothing has been launched. It then asks for something itself.
type lateContext struct {
	context.Context
	asked  int
	ask    func() error
	answer error
}

func (c *lateContext) Err() error {
	if c.asked++; c.asked < 2 {
		return nil
	}
	c.answer = c.ask()
	return context.Canceled
}

// faults is what a user may do wrong, and the errors.
func faults(m *net.CUDAModel, s *net.CUDASession, frames []byte, floats []float32) []string {
	logits := make([]float32, net.Classes)
	var list []string
	add := func(err error) { list = append(list, fmt.Sprint(err)) }
	add(s.Classify(logits[1:], frames))
	add(s.Classify(logits, frames[1:]))
	add(s.Run(nil, net.Uint8Clip(frames)))
	add(s.ClassifyContext(nil, logits, frames))
	done, cancel := context.WithCancel(context.Background())
	cancel()
	add(s.ClassifyBatchContext(done, [][]float32{logits}, [][]byte{frames}))
	late := &lateContext{Context: context.Background(), ask: func() error { return s.Classify(logits, frames) }}
	add(s.ClassifyContext(late, logits, frames))
	add(late.answer)
	add(s.RunCUDA(done, nil))
	add(s.RunCUDA(done, &net.CUDABatch{Clips: make([]net.CUDAClip, 1), GPUOut: make([]net.CUDAOutput, 2)}))
	add(s.RunCUDA(done, &net.CUDABatch{
		Clips:  []net.CUDAClip{net.CUDAUint8Clip(0, len(frames)), net.CUDAFloat32Clip(1<<40, len(floats)-1)},
		Out:    []net.Output{{Logits: logits}, {Logits: logits[1:]}},
		GPUOut: []net.CUDAOutput{{Logits: net.CUDAMemory{Address: 1 << 40, Len: 1}}, {Logits: net.CUDAMemory{Len: len(logits)}}},
	}))
	for _, p := range []struct {
		clips []net.Clip
		runs  int
	}{{nil, 1}, {make([]net.Clip, 1), 0}, {make([]net.Clip, 4), 1}, {[]net.Clip{net.Uint8Clip(frames)}, 1}} {
		_, err := s.Profile(done, p.clips, p.runs)
		add(err)
	}
	add(s.RunBatch(make([]net.Output, 1), make([]net.Clip, 2)))
	add(s.RunBatch(make([]net.Output, 4), make([]net.Clip, 4)))
	add(s.RunBatch(make([]net.Output, 2), []net.Clip{net.Uint8Clip(frames), net.Float32Clip(floats)}))
	_, err := m.NewSession(net.Batch(math.MaxInt32))
	add(err)
	other, err := m.NewSession()
	add(err)
	add(other.Close())
	add(other.Close())
	add(other.Classify(logits, frames))
	add(other.RunBatch(nil, nil))
	add(m.Close())
	add(m.Close())
	add(s.Classify(logits, frames))
	_, err = m.NewSession()
	add(err)
	return list
}
