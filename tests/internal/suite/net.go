package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
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
	Threads  []int     // of the sessions that run it, one after another
	Guarded  bool      // run it again with every kernel's operands between pages that cannot be touched: see CanGuard
}

// CanGuard reports whether networks can be run with guarded operands here.
func CanGuard() bool { return runtime.GOOS == "linux" && runtime.GOARCH == "amd64" }

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
	return avx.Generate(plans, codegen.Options{Package: n.Name, Source: n.Name + ".p3d", Version: "(devel)"}), nil
}

// TapAll returns a copy of a fused graph in which every value but the input can
// be read: value 1 as value1 and so on. Nothing stays in scratch memory then.
func TapAll(g *ir.Graph) *ir.Graph {
	g = g.Clone()
	g.Taps = nil
	for v := 1; v < len(g.Values); v++ {
		g.Taps = append(g.Taps, ir.Output{Name: fmt.Sprintf("value%d", v), Value: ir.ValueID(v)})
	}
	return g
}

// writer puts weights and clips into files. Networks that have one map of
// weights share a file.
type writer struct {
	dir     string
	weights map[uintptr]string // by the map's address
}

// net returns the paths of a network's weights and clip.
func (w *writer) net(n *Net) (weights, clip string, err error) {
	clip = filepath.Join(w.dir, n.Name+".clip")
	if err := os.WriteFile(clip, encode(n.Clip), 0o666); err != nil {
		return "", "", err
	}
	at := reflect.ValueOf(n.Weights).Pointer()
	if weights, ok := w.weights[at]; ok {
		return weights, clip, nil
	}
	weights = filepath.Join(w.dir, n.Name+".safetensors")
	if err := harness.WriteWeights(weights, n.Graph.Params, n.Weights); err != nil {
		return "", "", fmt.Errorf("%s: %w", n.Name, err)
	}
	w.weights[at] = weights
	return weights, clip, nil
}
