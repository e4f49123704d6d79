//go:build user

// A program of somebody who runs a network on a GPU.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

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
	var clips struct{ Frames [][]byte }
	if err := json.NewDecoder(os.Stdin).Decode(&clips); err != nil {
		return err
	}
	out, floats := make([]net.Output, 3), make([]net.Clip, 3)
	for i := range out {
		out[i] = net.Output{Logits: make([]float32, net.Classes), Features: make([]float32, net.Features), Probabilities: make([]float32, net.Classes)}
		floats[i] = net.Float32Clip(normalise(clips.Frames[i]))
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
	results["faults"] = faults(m, s, clips.Frames[0])
	return json.NewEncoder(os.Stdout).Encode(results)
}

// normalise is what the network does with frames of bytes in 0..255, mean 100
// and standard deviation 50.
func normalise(frames []byte) []float32 {
	x := make([]float32, len(frames))
	pixels := len(x) / net.Channels
	for i, b := range frames {
		x[i%net.Channels*pixels+i/net.Channels] = (float32(b) - 100) / 50
	}
	return x
}

// faults is what a user may do wrong, and the errors.
func faults(m *net.CUDAModel, s *net.CUDASession, frames []byte) []string {
	logits := make([]float32, net.Classes)
	var list []string
	add := func(err error) { list = append(list, fmt.Sprint(err)) }
	add(s.Classify(logits[1:], frames))
	add(s.Classify(logits, frames[1:]))
	add(s.Run(nil, net.Uint8Clip(frames)))
	add(s.RunBatch(make([]net.Output, 1), make([]net.Clip, 2)))
	add(s.RunBatch(make([]net.Output, 4), make([]net.Clip, 4)))
	add(s.RunBatch(make([]net.Output, 2), []net.Clip{net.Uint8Clip(frames), net.Float32Clip(normalise(frames))}))
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
	for _, v := range logits {
		if math.IsNaN(float64(v)) {
			add(errors.New("NaN"))
		}
	}
	return list
}
