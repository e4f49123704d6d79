// Command p3dc is the contestant of the comparison that runs generated
// packages, as any program would: by what they export. Its argument is a JSON
// object; see spec.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/p3dc/p3dc/generated/p3d199"
	"github.com/p3dc/p3dc/generated/p3d63"
	"github.com/p3dc/p3dc/tests/peers/protocol"
)

// spec says what to run.
type spec struct {
	Net     string // p3d63 or p3d199
	Weights string // a file that the package opens
	Clip    string // a file of float32 values, little-endian, C x T x H x W
	Threads int    // of each stream
	Streams int    // sessions that run at the same time
	Pinned  bool   // whether each worker has a core of its own
}

// ready is the first line: what a stream's first clip gave, and how long
// loading took, up to the first result and without it.
type ready struct {
	Versions map[string]string `json:"versions"`
	ISA      string            `json:"isa"`
	Logits   [][]float32       `json:"logits"` // by stream
	LoadMS   float64           `json:"load_ms"`
	FirstMS  float64           `json:"first_ms"`
}

// runner computes a clip's logits in a session of its own.
type runner func(logits []float32) error

func main() {
	if err := contest(); err != nil {
		log.Fatal(err)
	}
}

func contest() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("got %d arguments; expected one, a JSON object", len(os.Args)-1)
	}
	var s spec
	if err := json.Unmarshal([]byte(os.Args[1]), &s); err != nil {
		return err
	}
	clip, err := protocol.ReadClip(s.Clip, p3d63.ClipLen)
	if err != nil {
		return err
	}
	begin := time.Now()
	r := ready{Versions: map[string]string{"go": runtime.Version()}}
	var streams []runner
	if streams, r.ISA, err = s.open(clip); err != nil {
		return err
	}
	loaded := time.Now()
	for _, run := range streams {
		logits := make([]float32, p3d63.Classes)
		if err := run(logits); err != nil {
			return err
		}
		r.Logits = append(r.Logits, logits)
	}
	r.LoadMS, r.FirstMS = protocol.Milliseconds(loaded.Sub(begin)), protocol.Milliseconds(time.Since(loaded))
	return protocol.Serve(os.Stdin, os.Stdout, r, func(n int) (any, error) { return measure(streams, n) })
}

// open opens the weights and makes a session for each stream.
func (s *spec) open(clip []float32) (streams []runner, isa string, err error) {
	switch s.Net {
	case "p3d63":
		m, err := p3d63.Open(s.Weights)
		if err != nil {
			return nil, "", err
		}
		isa = m.ISA()
		for k := range s.Streams {
			options := []p3d63.Option{p3d63.Threads(s.Threads)}
			if s.Pinned {
				options = append(options, p3d63.Pin(k*s.Threads))
			}
			session := m.NewSession(options...)
			streams = append(streams, func(logits []float32) error {
				return session.Run(&p3d63.Output{Logits: logits}, p3d63.Float32Clip(clip))
			})
		}
	case "p3d199":
		m, err := p3d199.Open(s.Weights)
		if err != nil {
			return nil, "", err
		}
		isa = m.ISA()
		for k := range s.Streams {
			options := []p3d199.Option{p3d199.Threads(s.Threads)}
			if s.Pinned {
				options = append(options, p3d199.Pin(k*s.Threads))
			}
			session := m.NewSession(options...)
			streams = append(streams, func(logits []float32) error {
				return session.Run(&p3d199.Output{Logits: logits}, p3d199.Float32Clip(clip))
			})
		}
	default:
		return nil, "", fmt.Errorf("unknown network %q; expected p3d63 or p3d199", s.Net)
	}
	return streams, isa, nil
}

// measure runs n clips over all streams, each of which takes the next one when
// it is done with its last.
func measure(streams []runner, n int) (*protocol.Measured, error) {
	m := &protocol.Measured{MS: make([]float64, n)}
	var (
		taken  atomic.Int64
		group  sync.WaitGroup
		failed = make([]error, len(streams))
		begin  = time.Now()
	)
	for k, run := range streams {
		group.Go(func() {
			logits := make([]float32, p3d63.Classes)
			for failed[k] == nil {
				i := int(taken.Add(1)) - 1
				if i >= n {
					return
				}
				start := time.Now()
				failed[k] = run(logits)
				m.MS[i] = protocol.Milliseconds(time.Since(start))
			}
		})
	}
	group.Wait()
	m.WallMS = protocol.Milliseconds(time.Since(begin))
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}
