package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

// Net is a network, and the weights and the clip that it runs on.
type Net struct {
	Name     string    // of the package: a Go identifier of its own
	Graph    *ir.Graph // after the passes: see Fuse
	Schedule ir.ScheduleOptions
	Weights  map[string][]float32
	Clip     []float32 // C x T x H x W
}

// Fuse runs the compiler's passes.
func Fuse(t testing.TB, g *ir.Graph) *ir.Graph {
	t.Helper()
	g, err := ir.RunPasses(g, ir.Passes())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Generate returns the files of a network's package.
func (n *Net) Generate() ([]codegen.File, error) {
	plans, err := avx.Plans(n.Graph, n.Schedule)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	return avx.Generate(plans, codegen.Options{Package: n.Name, Source: n.Name + ".p3d", Version: "(devel)"})
}

// TapAll returns a copy of a fused graph in which every value but the outputs
// can be read, as value0, value1 and so on. Nothing stays in scratch memory
// then.
func TapAll(g *ir.Graph) *ir.Graph {
	g = g.Clone()
	g.Taps = nil
	for v := 1; v < len(g.Values); v++ {
		g.Taps = append(g.Taps, ir.Output{Name: fmt.Sprintf("value%d", v), Value: ir.ValueID(v)})
	}
	return g
}

// write puts the weights and the clip into files and returns their paths.
func (n *Net) write(dir string) (weights, clip string, err error) {
	weights = filepath.Join(dir, n.Name+".safetensors")
	if err := harness.WriteWeights(weights, n.Graph.Params, n.Weights); err != nil {
		return "", "", fmt.Errorf("%s: %w", n.Name, err)
	}
	clip = filepath.Join(dir, n.Name+".clip")
	return weights, clip, os.WriteFile(clip, encode(n.Clip), 0o666)
}
