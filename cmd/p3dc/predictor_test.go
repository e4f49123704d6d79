package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/internal/video"
	"github.com/p3dc/p3dc/internal/weights"
)

// saveWeights writes synthetic weights with a prefix before all names.
func saveWeights(t *testing.T, params []weights.Param, prefix string) string {
	t.Helper()
	values := weights.Synthetic(params)
	var tensors []weights.Tensor
	for _, p := range params {
		x, err := weights.NewFloat32(prefix+p.Name, p.Shape, values[p.Name])
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, x)
	}
	file := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := writeFile(t.Context(), file, func(w io.Writer) error { return weights.WriteSafetensors(w, tensors, nil) }); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUsableWeights wants a file that a package opens used as it is, and every
// other one written anew with the same values.
func TestUsableWeights(t *testing.T) {
	n, err := loadNetwork(t.Context(), "../../generated/nets/thin.p3d", nil)
	if err != nil {
		t.Fatal(err)
	}
	params := n.graph.Params
	plain, prefixed := saveWeights(t, params, ""), saveWeights(t, params, "module.")
	for _, file := range []string{plain, prefixed, syntheticWeights} {
		got, err := usableWeights(file, params, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if same := got == file; same != (file == plain) {
			t.Errorf("%s: used as it is: %t", file, same)
		}
		f, err := weights.Open(got)
		if err != nil {
			t.Fatal(err)
		}
		if !ready(f, params) {
			t.Errorf("%s: no package opens what was written", file)
		}
		values, err := weights.Match(f, params)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(weights.Synthetic(params), values); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUsableWeightsOfAnotherNetwork(t *testing.T) {
	n, err := loadNetwork(t.Context(), "../../generated/nets/thin.p3d", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := loadNetwork(t.Context(), "../../generated/nets/thin.p3d", []string{"classes=3"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = usableWeights(saveWeights(t, other.graph.Params, ""), n.graph.Params, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "misshapen   classifier.weight: found 3x7, expected 2x7") {
		t.Errorf("error %v", err)
	}
}

func TestDecoding(t *testing.T) {
	tests := []struct {
		net  string
		want video.Preprocess
	}{
		{"p3d63", video.Preprocess{ResizeShort: 256, Height: 160, Width: 160}},
		{"../../generated/nets/thin.p3d", video.Preprocess{ResizeShort: video.KeepSize, Height: 16, Width: 16}},
	}
	for _, tt := range tests {
		n, err := loadNetwork(t.Context(), tt.net, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := (&predictor{graph: n.graph}).decoding(7, decodeLimits{}, newProgress(nil), "video")
		if o.Preprocess != tt.want || o.Clips != 7 || o.Frames != n.graph.Input.Shape.T {
			t.Errorf("%s: %+v, %d clips of %d frames", tt.net, o.Preprocess, o.Clips, o.Frames)
		}
	}
}
