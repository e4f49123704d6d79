package onnx_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/p3dc/p3dc/internal/onnx"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// TestPyTorch imports what PyTorch's exporters wrote, and compares logits with
// PyTorch's in float64. Where the exporter folded batch norms, it rounded the
// weights anew.
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/logits.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []float64
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for file, bound := range map[string]float64{
		"script.onnx": 1e-12, "script-batch.onnx": 1e-12,
		"script-folded.onnx": 1e-6, "dynamo-folded.onnx": 1e-6, "dynamo-batch.onnx": 1e-6,
	} {
		t.Run(file, func(t *testing.T) {
			m, err := onnx.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			d, values := imported(t, m)
			params := map[string][]float32{}
			for name, from := range d.names {
				params[name] = values[from]
			}
			clip := weights.SyntheticClip(d.graph.Input.Shape.Elems())
			results, err := ir.Interpret(d.graph, params, clip)
			if err != nil {
				t.Fatal(err)
			}
			if e := relL2(results["logits"], want); !(e < bound) {
				t.Errorf("logits are off by %.2g, want less than %g", e, bound)
			}
		})
	}
}

// relL2 is the distance of two vectors over the second's length.
func relL2(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var d, n float64
	for i := range want {
		d += (got[i] - want[i]) * (got[i] - want[i])
		n += want[i] * want[i]
	}
	return math.Sqrt(d / n)
}
