//go:build unix

package cuda

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/verify"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// gpuLimits are how far a preset's layers and its outputs may be from what they
// should be, as a relative L2 error.
var gpuLimits = []struct {
	precision       cuda.Precision
	layers, outputs float64
}{{cuda.BF16, 1e-2, 2e-2}, {cuda.TF32, 1e-3, 1e-3}, {cuda.FP32, 1e-3, 1e-3}}

// TestGPUPresets runs all presets on this machine's GPU: one clip and a batch of two
// as they ship, then with taps, between which layers are in other kernels.
func TestGPUPresets(t *testing.T) {
	d, nvrtc := thisGPU(t)
	for _, name := range dsl.Presets() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExpected(t, name)
			for _, limit := range gpuLimits {
				t.Run(fmt.Sprint(limit.precision), func(t *testing.T) {
					for _, b := range e.programs(t, limit.precision) {
						clips := 2
						if b.plan == e.single {
							clips = 1
						}
						got := d.run(t, b, nvrtc, input{clips: clips, floats: slices.Repeat(e.clip, clips)})
						e.check(t, got, limit.layers, limit.outputs)
					}
				})
			}
		})
	}
}

// expected is what a preset should compute of a clip: what its reference vector
// says, or the interpreter, on frames that are smaller then.
type expected struct {
	graph   *ir.Graph
	weights map[string][]float32
	clip    []float32
	outputs map[string][]float64
	taps    map[string]verify.ReferenceTap
	single  *ir.Plan // of the last programs, the one that is for a single clip
}

func newExpected(t *testing.T, name string) *expected {
	t.Helper()
	n, err := dsl.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	r := reference(t, name)
	if r != nil {
		n, err = r.Net()
		if err == nil {
			err = r.Fit(n)
		}
	} else {
		err = dsl.Set(n, "input", fmt.Sprintf("%dx16x64x64", inputChannels(t, n)))
	}
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	e := &expected{graph: suite.Fuse(t, g), weights: weights.Synthetic(g.Params), clip: weights.SyntheticClip(g.Input.Shape.Elems())}
	if r != nil {
		e.outputs, e.taps = map[string][]float64{"logits": r.Logits, "features": r.Features}, r.Taps
		return e
	}
	if e.outputs, err = ir.Interpret(e.graph, e.weights, e.clip); err != nil {
		t.Fatal(err)
	}
	return e
}

func inputChannels(t *testing.T, n *dsl.Network) int {
	t.Helper()
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return g.Input.Shape.C
}

// reference returns the reference vector of a preset, or nil.
func reference(t *testing.T, preset string) *verify.Reference {
	t.Helper()
	for _, name := range []string{preset, preset + "-abc"} {
		file := filepath.Join("..", "reference", "testdata", name+".json")
		if _, err := os.Stat(file); err != nil {
			continue
		}
		r, err := verify.ReadReferenceFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return nil
}

// programs returns the preset's as it ships, for one clip, a few and more, and with
// its taps.
func (e *expected) programs(t *testing.T, p cuda.Precision) []*program {
	t.Helper()
	bare := e.graph.Clone()
	bare.Taps = nil
	plans, err := cuda.Plans(suite.Fuse(t, bare), p)
	if err != nil {
		t.Skipf("the backend does not take it: %v", err)
	}
	if len(plans) > 1 {
		e.single = plans[0]
	}
	var list []*program
	for _, plan := range append(plans, plan(t, e.graph, p)) {
		list = append(list, prepare(t, plan, p, e.weights))
	}
	return list
}

// check compares each clip's values, all of which should be the same.
func (e *expected) check(t *testing.T, got map[string][][]float32, layers, outputs float64) {
	t.Helper()
	for name, clips := range got {
		most := layers
		if name == "logits" || name == "features" || name == "probabilities" {
			most = outputs
		}
		for i, values := range clips {
			want, found := e.outputs[name]
			if tap, sampled := e.taps[name]; sampled {
				all := values
				values, found = nil, true
				for _, s := range tap.Samples {
					values, want = append(values, all[s.Index]), append(want, s.Value)
				}
			}
			if !found {
				continue
			}
			d := suite.Distance(values, want)
			if !(d <= most) {
				t.Errorf("%s of clip %d of %d is off by %.3g (relative L2), at most %.3g expected", name, i, len(clips), d, most)
			} else if i == 0 {
				t.Logf("%s of %d clips is off by %.2g", name, len(clips), d)
			}
		}
	}
}
