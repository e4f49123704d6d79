// Command peak is the contestant of the comparison that does nothing but
// multiply and add, in registers: as fast as the processor can. Its argument
// is a JSON object; see spec.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/peers/protocol"
)

// spec says what to measure.
type spec struct {
	ISA     string // avx512 or avx2; "" for the widest
	Threads int
}

// ready is the first line: the operations of a clip, in 1e9, counted as if
// every convolution of a network were computed directly.
type ready struct {
	GFLOP map[string]float64 `json:"gflop"` // by preset
}

// measured is the best of n measurements.
type measured struct {
	GFLOPS float64 `json:"gflops"`
}

func main() {
	if err := contest(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func contest(ctx context.Context) (err error) {
	if len(os.Args) != 2 {
		return fmt.Errorf("got %d arguments; expected one, a JSON object", len(os.Args)-1)
	}
	var s spec
	if err := json.Unmarshal([]byte(os.Args[1]), &s); err != nil {
		return err
	}
	r := ready{GFLOP: map[string]float64{}}
	for _, preset := range dsl.Presets() {
		n, err := dsl.Preset(preset)
		if err != nil {
			return err
		}
		g, err := dsl.Lower(n)
		if err != nil {
			return err
		}
		r.GFLOP[preset] = float64(g.TotalFLOPs()) / 1e9
	}
	g, err := lowered()
	if err != nil {
		return err
	}
	program, err := build(ctx, g)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	p, err := start(ctx, program, g, s.ISA)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return protocol.Serve(os.Stdin, os.Stdout, r, func(n int) (any, error) {
		var m measured
		for range n {
			peak, err := p.Peak(s.ISA, s.Threads)
			if err != nil {
				return nil, err
			}
			m.GFLOPS = max(m.GFLOPS, peak.FLOPS/1e9)
		}
		return m, nil
	})
}

// carrier is the smallest network: the loops come with any.
const carrier = `network carrier {
    input rgb 3x1x8x8 {
        range 0..1
        mean  0 0 0
        std   1 1 1
    }
    conv 8 kernel 1x1x1
    pool average
    linear 2
}
`

// lowered returns the carrier's graph.
func lowered() (*ir.Graph, error) {
	n, err := dsl.Parse("carrier.p3d", []byte(carrier))
	if err != nil {
		return nil, err
	}
	g, err := dsl.Lower(n)
	if err != nil {
		return nil, err
	}
	g.Taps = nil
	return g, nil
}

// build makes a program of the carrier's package and the loops.
func build(ctx context.Context, g *ir.Graph) (*harness.Program, error) {
	files, err := harness.Generate(g, ir.ScheduleOptions{})
	if err != nil {
		return nil, err
	}
	return harness.Build(ctx, files)
}

// start opens the package in a process. The weights' file is not needed
// afterwards.
func start(ctx context.Context, p *harness.Program, g *ir.Graph, isa string) (_ *harness.Process, err error) {
	dir, err := os.MkdirTemp("", "p3dc-peak-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "weights.safetensors")
	if err := harness.WriteWeights(file, g.Params, weights.Synthetic(g.Params)); err != nil {
		return nil, err
	}
	return p.Start(ctx, isa, file)
}
