//go:build user

// A program of somebody who runs a network on a GPU.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"time"

	"suite/net"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Println("error:", err)
	}
}

func run(driver, nvrtc, weights string) error {
	m, err := net.OpenCUDA(weights, net.CUDALibraries(driver, nvrtc))
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := m.NewSession(net.Batch(3))
	if errors.Is(err, net.ErrCUDAMemory) {
		return fmt.Errorf("ErrCUDAMemory: %w", err)
	} else if err != nil {
		return err
	}
	defer s.Close()
	results := map[string]any{"device": m.Device()}
	var clips struct {
		Frames        [][]byte
		Floats        [][]float32
		Probabilities bool // whether the network has them
	}
	if err := json.NewDecoder(os.Stdin).Decode(&clips); err != nil {
		return err
	}
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

// faults is what a user may do wrong, and the errors.
func faults(m *net.CUDAModel, s *net.CUDASession, frames []byte, floats []float32) []string {
	logits := make([]float32, net.Classes)
	var list []string
	add := func(err error) { list = append(list, fmt.Sprint(err)) }
	add(s.Classify(logits[1:], frames))
	add(s.Classify(logits, frames[1:]))
	add(s.Run(nil, net.Uint8Clip(frames)))
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
	add(m.Close())
	add(m.Close())
	add(s.Classify(logits, frames))
	_, err = m.NewSession()
	add(err)
	return list
}
