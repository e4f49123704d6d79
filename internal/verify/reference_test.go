package verify

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
)

func nan() float32 { return float32(math.NaN()) }

// smallReference fits the network short, values aside.
func smallReference() *Reference {
	return &Reference{
		Name: "short", Layers: []int{1}, Mix: []string{"C"}, Input: []int{1, 3, 4, 19, 21}, Classes: 5,
		Pool1: "caffe: ceil mode, no padding",
		Taps: map[string]ReferenceTap{
			"pool1": {Shape: []int{1, 8, 2, 5, 5}},
			"res2":  {Shape: []int{1, 16, 2, 5, 5}},
		},
		Features: make([]float64, 16), Logits: make([]float64, 5),
	}
}

const goodReference = `{
	"name": "x", "layers": [1, 2], "mix": ["A"], "input": [1, 3, 8, 32, 32], "classes": 2,
	"pool1": "pytorch: floor mode, padding 0x1x1",
	"taps": {"res2": {"shape": [1, 2, 3, 3], "mean": 0.5, "rms": 1, "samples": [[0, 1.5], [17, -2e-3]]}},
	"features": [1, 2, 3], "logits": [4, 5]
}`

func TestReadReference(t *testing.T) {
	r, err := ReadReference(strings.NewReader(goodReference))
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Taps["res2"].Samples; len(s) != 2 || s[1] != (Sample{17, -2e-3}) {
		t.Errorf("samples %v", s)
	}
	if r.stemPool() != "pytorch" {
		t.Errorf("stem pool %q", r.stemPool())
	}
	for _, tc := range []struct{ name, old, fresh, text string }{
		{"not JSON", "{", "", "not a file of reference values"},
		{"layers", "[1, 2]", "[]", "expected the number of blocks of each stage"},
		{"mix", `["A"]`, "[]", "mix is missing"},
		{"batch", "[1, 3, 8, 32, 32]", "[2, 3, 8, 32, 32]", "input is [2 3 8 32 32]; expected 1, channels"},
		{"classes", `"classes": 2`, `"classes": 3`, "2 logits for 3 classes"},
		{"pool", "pytorch:", "none:", `pool1 is "none: `},
		{"features", "[1, 2, 3]", "[]", "features are missing"},
		{"tap shape", "[1, 2, 3, 3]", "[1, 2, 3]", "tap res2: the shape is [1 2 3]"},
		{"index", "[17,", "[18,", "tap res2: a sample has index 18, of 18 values"},
		{"fraction", "[17,", "[1.5,", "has no index"},
		{"pair", "[0, 1.5]", "[0]", "the sample [0] is not [index, value]"},
		{"no samples", "[[0, 1.5], [17, -2e-3]]", "[]", "tap res2: no samples"},
		{"rms", `"rms": 1`, `"rms": 0`, "root mean square is 0"},
		{"parameters", `"classes": 2`, `"parameters": -1`, "parameters is -1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(goodReference, tc.old, tc.fresh, 1)
			if text == goodReference {
				t.Fatal("nothing replaced")
			}
			if _, err := ReadReference(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one with %q", err, tc.text)
			}
		})
	}
}

// TestReadReferenceOfPreset reads a file that names a preset.
func TestReadReferenceOfPreset(t *testing.T) {
	r, err := ReadReference(strings.NewReader(`{
		"name": "x", "network": "p3d131", "parameters": 9, "input": [1, 2, 20, 96, 64], "classes": 1,
		"taps": {}, "features": [1, 2, 3], "logits": [4]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Network != "p3d131" || r.Parameters != 9 {
		t.Errorf("network %q, %d parameters", r.Network, r.Parameters)
	}
}

// TestNet builds networks as references say.
func TestNet(t *testing.T) {
	p3d := smallReference()
	p3d.Layers, p3d.Mix, p3d.Input, p3d.Classes = []int{1, 2, 1, 1}, []string{"B", "A"}, []int{1, 2, 18, 64, 96}, 7
	preset := &Reference{Network: "p3d131", Input: []int{1, 2, 20, 96, 64}, Classes: 7}
	for _, tc := range []struct {
		r        *Reference
		settings string
	}{
		{p3d, "p3d63 depths=1,2,1,1 mix=B,A input=2x18x64x96 classes=7 stem-pool=caffe"},
		{preset, "p3d131 input=2x20x96x64 classes=7"},
	} {
		got, err := tc.r.Net()
		if err != nil {
			t.Fatal(err)
		}
		name, settings, _ := strings.Cut(tc.settings, " ")
		want, err := dsl.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := range strings.SplitSeq(settings, " ") {
			key, value, _ := strings.Cut(s, "=")
			if err := dsl.Set(want, key, value); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := string(dsl.Format(got)), string(dsl.Format(want)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.settings, got, want)
		}
	}
	for _, r := range []*Reference{
		{Network: "p3d36", Input: preset.Input, Classes: 7},
		{Network: "p3d63", Input: []int{1, 5, 16, 96, 96}, Classes: 7},
	} {
		if _, err := r.Net(); err == nil {
			t.Errorf("%s of %v is a network", r.Network, r.Input)
		}
	}
}

func TestReadReferenceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	if _, err := ReadReferenceFile(path); err == nil {
		t.Error("no error for a file that is not there")
	}
	if err := os.WriteFile(path, []byte("[]"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadReferenceFile(path); err == nil || !strings.Contains(err.Error(), path+": not a file of reference values") {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(goodReference, `"x"`, `""`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if r, err := ReadReferenceFile(path); err != nil || r.Name != "r.json" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// FuzzReadReference looks for files that panic.
func FuzzReadReference(f *testing.F) {
	f.Add(goodReference)
	f.Fuzz(func(t *testing.T, text string) {
		net, err := dsl.Load(filepath.Join("testdata", "short.p3d"))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := ReadReference(strings.NewReader(text)); err == nil {
			_ = r.Fit(net) // must not panic
		}
	})
}

func TestFit(t *testing.T) {
	if err := smallReference().Fit(load(t, "short")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		edit  func(r *Reference)
		parts []string
	}{
		{"mix", func(r *Reference) { r.Mix = []string{"A", "B"} },
			[]string{"blocks of the mix C, the reference of A,B", "--set mix=A,B"}},
		{"several", func(r *Reference) {
			r.Classes, r.Pool1, r.Input, r.Layers = 7, "pytorch: x", []int{1, 2, 16, 32, 48}, []int{3}
		}, []string{"--set depths=3 --set input=2x16x32x48 --set stem-pool=pytorch --set classes=7"}},
		{"stages", func(r *Reference) { r.Layers = []int{1, 1} }, []string{"stages of 1 blocks, the reference of 1,1"}},
		{"tap", func(r *Reference) { r.Taps["res9"] = r.Taps["res2"] }, []string{"no layer named res9"}},
		{"tap shape", func(r *Reference) { r.Taps["res2"] = ReferenceTap{Shape: []int{1, 16, 5, 5}} },
			[]string{"res2 of shape [1 16 2 5 5], the reference of [1 16 5 5]"}},
		{"features", func(r *Reference) { r.Features = make([]float64, 3) }, []string{"16 features, the reference 3"}},
		{"parameters", func(r *Reference) { r.Parameters = 3 }, []string{"the reference of 3"}},
		{"preset", func(r *Reference) { r.Network, r.Layers, r.Mix, r.Pool1, r.Classes = "p3d63", nil, nil, "", 7 },
			[]string{"the reference values short, of the preset p3d63, are not of the network short", "--set classes=7"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := smallReference()
			tc.edit(r)
			err := r.Fit(load(t, "short"))
			if err == nil {
				t.Fatal("it fits")
			}
			for _, part := range tc.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// TestFitPresets wants an error, and no panic, for every preset but P3D-63 where
// a reference is of a P3D network.
func TestFitPresets(t *testing.T) {
	r := smallReference()
	r.Layers, r.Mix, r.Input = []int{3, 4, 6, 3}, []string{"A", "B", "C"}, []int{1, 3, 16, 160, 160}
	r.Classes, r.Logits, r.Features = 400, make([]float64, 400), make([]float64, 2048)
	r.Pool1, r.Taps = "pytorch: padding", nil
	for _, name := range dsl.Presets() {
		net, err := dsl.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Fit(net); (err == nil) != (name == "p3d63") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFitStageMix takes the kinds of stages that have a mix of their own.
func TestFitStageMix(t *testing.T) {
	net, err := dsl.Parse("x.p3d", []byte(`network x {
    input rgb 3x4x19x21
    block bottleneck expansion 2
    conv 8 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 ceil as pool1
    stage res2 width 8 blocks 1 mix C
    pool average
    linear 5
}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := smallReference()
	if err := r.Fit(net); err != nil {
		t.Error(err)
	}
	r.Mix = []string{"A"}
	if err := r.Fit(net); err == nil || !strings.Contains(err.Error(), "the reference of A") {
		t.Errorf("another mix: %v", err)
	}
}

// TestFitCycles compares mixes by the kinds that blocks get, not as they are
// written.
func TestFitCycles(t *testing.T) {
	r := smallReference()
	for _, mix := range [][]string{{"C"}, {"C", "C"}, {"C", "A"}} { // one block: only the first matters
		r.Mix = mix
		if err := r.Fit(load(t, "short")); err != nil {
			t.Errorf("mix %v: %v", mix, err)
		}
	}
}
