package dsl

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

func TestPresets(t *testing.T) {
	if got, want := strings.Join(Presets(), " "), "c3d mc3_18 p3d63 p3d131 p3d199 p3d199-caffe p3d199-caffe-flow p3d199-caffe-sports1m r2plus1d_18 r2plus1d_34 r3d_18 resnet50 resnet152"; got != want {
		t.Errorf("presets %s, want %s", got, want)
	}
	a, b := preset(t, "p3d63"), preset(t, "p3d63")
	if err := Set(a, "classes", "3"); err != nil {
		t.Fatal(err)
	}
	if meaning(lower(t, a)) == meaning(lower(t, b)) {
		t.Errorf("a change of one preset's tree changed another's")
	}
	if _, err := Preset("r2plus1d"); err == nil || !strings.Contains(err.Error(), `did you mean "r2plus1d_18"?`) {
		t.Errorf("the beginning of a name: error %v", err)
	}
	if _, err := Preset("p3d36"); err == nil || !strings.Contains(err.Error(), `did you mean "p3d63"?`) {
		t.Errorf("Preset(p3d36): %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good, bad, big := filepath.Join(dir, "good.p3d"), filepath.Join(dir, "bad.p3d"), filepath.Join(dir, "big.p3d")
	for name, text := range map[string]string{good: small, bad: "network", big: strings.Repeat("\n", MaxSource+2)} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := Load(good); err != nil || n.Name != "small" {
		t.Errorf("Load(%s): %v", good, err)
	}
	if n, err := Load("p3d199"); err != nil || n.Name != "p3d199" {
		t.Errorf("Load(p3d199): %v", err)
	}
	tests := []struct{ name, want string }{
		{bad, bad + ":1:8: expected the network's name"},
		{big, "has more than 262144 bytes"},
		{"p3d19", `unknown network "p3d19"; expected c3d, mc3_18, p3d63, p3d131, p3d199, p3d199-caffe, p3d199-caffe-flow, p3d199-caffe-sports1m, r2plus1d_18, r2plus1d_34, r3d_18, resnet50 or resnet152 (did you mean "p3d199"?), or a description's file, and there is no such file`},
		{dir, "cannot read the description"},
		{"./p3d63", "cannot read the description: open ./p3d63: "}, // no preset, whatever it is like
	}
	for _, tt := range tests {
		if _, err := Load(tt.name); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Load(%s): %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := Load(bad); !errors.As(err, new(ErrorList)) {
		t.Errorf("Load of a faulty file gives a %T", err)
	}
}

// reference is what the tests need of a file of reference vectors.
type reference struct {
	Network  string // the preset; without one, a P3D network as the next three say
	Layers   []int
	Mix      []string
	Pool1    string
	Input    []int // N, C, T, H, W
	Classes  int
	Taps     map[string]struct{ Shape []int } // N, C, T, H, W; res5 without T
	Features []float64
}

// TestReferenceShapes compares the shapes of taps and outputs with those that
// PyTorch computed.
func TestReferenceShapes(t *testing.T) {
	files, err := filepath.Glob("../tests/reference/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reference vectors: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var ref reference
			if err := json.Unmarshal(data, &ref); err != nil {
				t.Fatal(err)
			}
			dims := func(v []int, sep string) string {
				return strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", sep), "[]")
			}
			name, settings := ref.Network, []string{"input", dims(ref.Input[1:], "x"), "classes", fmt.Sprint(ref.Classes)}
			if name == "" {
				pool, _, _ := strings.Cut(ref.Pool1, ":")
				name = "p3d63"
				settings = append(settings, "depths", dims(ref.Layers, ","), "mix", strings.Join(ref.Mix, ","), "stem-pool", pool)
			}
			g := lower(t, preset(t, name, settings...))
			if len(g.Taps) != len(ref.Taps) {
				t.Errorf("%d taps, want %d", len(g.Taps), len(ref.Taps))
			}
			for _, tap := range g.Taps {
				want := ref.Taps[tap.Name].Shape
				if len(want) == 4 {
					want = []int{want[0], want[1], 1, want[2], want[3]}
				}
				s := g.Values[tap.Value].Shape
				if got := []int{1, s.C, s.T, s.H, s.W}; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s has shape %v, want %v", tap.Name, got, want)
				}
			}
			for i, want := range []ir.Shape{{T: 1, H: 1, W: 1, C: len(ref.Features)}, {T: 1, H: 1, W: 1, C: ref.Classes}} {
				if got := g.Values[g.Outputs[i].Value].Shape; got != want {
					t.Errorf("output %s has shape %v, want %v", g.Outputs[i].Name, got, want)
				}
			}
		})
	}
}
