//go:build gpu

// Command p3dcgpu is the contestant of the comparison that runs a generated
// package on a GPU, as any program would. It is built in a module of its own, beside
// the package: see programs.py. Its argument is a JSON object; see spec.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"time"

	"suite/net"
	"suite/protocol"
)

// spec says what to run.
type spec struct {
	Weights string // a file that the package opens
	Clip    string // a file of float32 values, little-endian, C x T x H x W
	Batch   int
	Driver  string // the driver's library and NVRTC's, where the system would not find them
	NVRTC   string
}

// ready is the first line: what the clips of the first batch gave, how long loading
// took, up to the first result and without it, and how long each kernel takes.
type ready struct {
	Versions map[string]string `json:"versions"`
	Device   string            `json:"device"`
	Logits   [][]float32       `json:"logits"` // by clip
	LoadMS   float64           `json:"load_ms"`
	FirstMS  float64           `json:"first_ms"`
	Kernels  []kernel          `json:"kernels"` // in the order in which they run
}

// kernel is one launch of a batch's run without a graph.
type kernel struct {
	Name    string  `json:"name"`
	MS      float64 `json:"ms"` // median
	LeastMS float64 `json:"least_ms"`
}

const (
	warm     = 300 * time.Millisecond // before the profile: the GPU's clock rises under load
	profiled = 20                     // runs
)

func main() {
	if err := contest(); err != nil {
		log.Fatal(err)
	}
}

func contest() (err error) {
	if len(os.Args) != 2 {
		return fmt.Errorf("got %d arguments; expected one, a JSON object", len(os.Args)-1)
	}
	var s spec
	if err := json.Unmarshal([]byte(os.Args[1]), &s); err != nil {
		return err
	}
	clip, err := protocol.ReadClip(s.Clip, net.ClipLen)
	if err != nil {
		return err
	}
	r := ready{Versions: map[string]string{"go": runtime.Version()}}
	begin := time.Now()
	m, err := net.OpenCUDA(s.Weights, net.CUDALibraries(s.Driver, s.NVRTC))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	session, err := m.NewSession(net.Batch(s.Batch))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	there, err := upload(s.Driver, clip, s.Batch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, there.free()) }()
	batch := &net.CUDABatch{}
	for i := range s.Batch {
		r.Logits = append(r.Logits, make([]float32, net.Classes))
		batch.Clips = append(batch.Clips, net.CUDAFloat32Clip(there.clip(i), net.ClipLen))
		batch.Out = append(batch.Out, net.Output{Logits: r.Logits[i]})
	}
	run := func() error { return session.RunCUDA(context.Background(), batch) }
	loaded := time.Now()
	if err := run(); err != nil {
		return err
	}
	r.LoadMS, r.FirstMS = protocol.Milliseconds(loaded.Sub(begin)), protocol.Milliseconds(time.Since(loaded))
	r.Device = m.Device()
	if r.Kernels, err = profile(session, run, clip, s.Batch); err != nil {
		return err
	}
	return protocol.Serve(os.Stdin, os.Stdout, r, func(n int) (any, error) { return measure(run, n) })
}

// profile takes the kernels' times when the GPU has worked for a while.
func profile(session *net.CUDASession, run func() error, clip []float32, batch int) ([]kernel, error) {
	for begin := time.Now(); time.Since(begin) < warm; {
		if err := run(); err != nil {
			return nil, err
		}
	}
	clips := make([]net.Clip, batch)
	for i := range clips {
		clips[i] = net.Float32Clip(clip)
	}
	times, err := session.Profile(context.Background(), clips, profiled)
	if err != nil {
		return nil, err
	}
	var list []kernel
	for _, k := range times {
		list = append(list, kernel{Name: k.Name, MS: protocol.Milliseconds(k.Median), LeastMS: protocol.Milliseconds(k.Min)})
	}
	return list, nil
}

// measure runs n batches, each of which ends with the logits on the host.
func measure(run func() error, n int) (*protocol.Measured, error) {
	m := &protocol.Measured{}
	begin := time.Now()
	for range n {
		start := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		m.MS = append(m.MS, protocol.Milliseconds(time.Since(start)))
	}
	m.WallMS = protocol.Milliseconds(time.Since(begin))
	return m, nil
}
