package ir

import (
	"encoding/json"
	"flag"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var referenceFiles = flag.String("reference", "../tests/reference/testdata/p3d63-abc-112.json", "pattern of the reference vectors to compare the interpreter with")

// reference is what PyTorch computes in float64 for a network with synthetic
// weights and clip.
type reference struct {
	Layers  [4]int
	Mix     []string
	Input   [5]int // N, C, T, H, W
	Classes int
	Pool1   string
	Taps    map[string]struct {
		Mean, RMS float64
		Samples   [][2]float64 // flat index, value
	}
	Features, Logits []float64
}

// TestInterpretReference compares the interpreter with PyTorch's float64.
func TestInterpretReference(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second a network")
	}
	files, err := filepath.Glob(*referenceFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("no reference vectors match %s: %v", *referenceFiles, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want reference
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			checkReference(t, &want)
		})
	}
}

// tolerance is float64's epsilon times some 1e3 roundings in a row, which is
// what the order of sums may make of it.
const tolerance = 1e-12

func checkReference(t *testing.T, want *reference) {
	net := p3dNet{
		depths: want.Layers, mix: strings.Join(want.Mix, ""), classes: want.Classes,
		input:     Shape{C: want.Input[1], T: want.Input[2], H: want.Input[3], W: want.Input[4]},
		caffePool: strings.HasPrefix(want.Pool1, "caffe"),
	}
	g, err := RunPasses(net.build(), Passes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Interpret(g, syntheticWeights(g), synthetic("clip", g.Input.Shape.Elems(), func(u float64) float64 { return 4*u - 2 }))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]float64{"features": want.Features, "logits": want.Logits} {
		if d := relL2(got[name], values); !(d <= tolerance) {
			t.Errorf("%s differ by %g (relative L2)", name, d)
		}
	}
	for name, tap := range want.Taps {
		var a, b []float64
		for _, s := range tap.Samples {
			a, b = append(a, got[name][int(s[0])]), append(b, s[1])
		}
		if d := relL2(a, b); !(d <= tolerance) {
			t.Errorf("samples of %s differ by %g (relative L2)", name, d)
		}
		var sum, squares float64
		for _, x := range got[name] {
			sum, squares = sum+x, squares+x*x
		}
		n := float64(len(got[name]))
		if rms := math.Sqrt(squares / n); math.Abs(rms-tap.RMS) > tolerance*tap.RMS || math.Abs(sum/n-tap.Mean) > tolerance*tap.RMS {
			t.Errorf("%s has mean %g and rms %g, want %g and %g", name, sum/n, rms, tap.Mean, tap.RMS)
		}
	}
}

// syntheticWeights makes every parameter's values from its name.
func syntheticWeights(g *Graph) map[string][]float32 {
	weights := map[string][]float32{}
	for _, p := range g.Params {
		f := func(u float64) float64 { return 0.2*u - 0.1 } // biases and means
		switch {
		case strings.HasSuffix(p.Name, "running_var"):
			f = func(u float64) float64 { return 0.5 + u }
		case strings.HasSuffix(p.Name, "weight") && len(p.Shape) == 1:
			f = func(u float64) float64 { return 0.4 + 0.2*u }
		case strings.HasSuffix(p.Name, "weight"):
			bound := math.Sqrt(6 / float64(p.Elems()/p.Shape[0]))
			f = func(u float64) float64 { return (2*u - 1) * bound }
		}
		weights[p.Name] = synthetic(p.Name, p.Elems(), f)
	}
	return weights
}

// synthetic returns f of n numbers in [0,1) that follow from the name: a
// splitmix64 sequence that starts at the name's FNV-1a hash.
func synthetic(name string, n int, f func(float64) float64) []float32 {
	h := fnv.New64a()
	h.Write([]byte(name))
	state := h.Sum64()
	out := make([]float32, n)
	for i := range out {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		out[i] = float32(f(float64(z>>40) / (1 << 24)))
	}
	return out
}
