package reference

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// vectors is a reference file.
type vectors struct {
	Layers  []int
	Mix     []string
	Input   []int // N, C, T, H, W
	Classes int
	Pool1   string // "caffe..." or the PyTorch port's
	Taps    map[string]struct {
		RMS     float64
		Samples [][2]float64 // flat index in C, T, H, W order, value
	}
	Features, Logits []float64
}

// tolerance is the relative L2 error of a whole network of direct float32
// convolutions: see the derivation in tests/triangle.
const tolerance = 2e-6

// TestSmallest runs the smallest network, on the portable path, too.
func TestSmallest(t *testing.T) {
	compare(t, "testdata/p3d63-abc-112.json", "avx512", "avx2", "generic")
}

// TestAll runs all networks. They are full size, and the portable path, on
// which that takes long, is left to TestSmallest.
func TestAll(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds a network")
	}
	compare(t, "testdata/*.json", "avx512", "avx2")
}

// compare runs the networks of the files that match a pattern on those of the
// instruction sets that the processor has, and compares all that the files hold.
func compare(t *testing.T, pattern string, isas ...string) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no files match " + pattern)
	}
	var nets []*suite.Net
	want := map[*suite.Net]*vectors{}
	known := synthetic{}
	for i, file := range files {
		v := read(t, file)
		g := v.graph(t)
		n := &suite.Net{
			Name: fmt.Sprintf("ref%d", i), Graph: g, Weights: known.weights(g),
			Clip: weights.SyntheticClip(g.Input.Shape.Elems()), Threads: []int{0},
		}
		nets, want[n] = append(nets, n), v
		t.Logf("%s is %s", n.Name, filepath.Base(file))
	}
	p := suite.Build(t, nets)
	here := p.ISAs(t)
	isas = slices.DeleteFunc(isas, func(isa string) bool { return !slices.Contains(here, isa) })
	for _, r := range p.Run(t, isas) {
		want[r.Net].check(t, r)
	}
}

func read(t *testing.T, file string) *vectors {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(v.Layers) != 4 || len(v.Input) != 5 || len(v.Features) == 0 || len(v.Logits) != v.Classes || len(v.Taps) == 0 {
		t.Fatalf("%s: not a complete reference file", file)
	}
	return v
}

// graph returns the fused network that the file is of.
func (v *vectors) graph(t *testing.T) *ir.Graph {
	t.Helper()
	n, err := dsl.Load("p3d63")
	if err != nil {
		t.Fatal(err)
	}
	pool := "pytorch"
	if strings.HasPrefix(v.Pool1, "caffe") {
		pool = "caffe"
	}
	for key, value := range map[string]string{
		"depths":    join(v.Layers, ","),
		"mix":       strings.Join(v.Mix, ","),
		"input":     join(v.Input[1:], "x"),
		"classes":   fmt.Sprint(v.Classes),
		"stem-pool": pool,
	} {
		if err := dsl.Set(n, key, value); err != nil {
			t.Fatal(err)
		}
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return suite.Fuse(t, g)
}

// synthetic keeps synthetic weights by parameters: they depend on nothing
// else, and many of the networks have the same.
type synthetic map[string]map[string][]float32

func (s synthetic) weights(g *ir.Graph) map[string][]float32 {
	key := fmt.Sprint(g.Params)
	if s[key] == nil {
		s[key] = weights.Synthetic(g.Params)
	}
	return s[key]
}

func join(values []int, sep string) string {
	var s []string
	for _, v := range values {
		s = append(s, fmt.Sprint(v))
	}
	return strings.Join(s, sep)
}

// check compares one run with the file.
func (v *vectors) check(t *testing.T, r suite.Result) {
	t.Helper()
	compared := map[string]float64{
		"features": suite.Distance(r.Values["features"], v.Features),
		"logits":   suite.Distance(r.Values["logits"], v.Logits),
	}
	for name, tap := range v.Taps {
		got, ok := r.Values[name]
		if !ok {
			t.Errorf("%s has no tap %s", r.Net.Name, name)
			continue
		}
		var sampled []float32
		var samples []float64
		for _, s := range tap.Samples {
			sampled, samples = append(sampled, got[int(s[0])]), append(samples, s[1])
		}
		compared[name] = suite.Distance(sampled, samples)
		if rms := rms(got); math.Abs(rms-tap.RMS) > tolerance*tap.RMS {
			t.Errorf("%s on %s: the root mean square of %s is %g, want %g", r.Net.Name, r.ISA, name, rms, tap.RMS)
		}
	}
	for name, d := range compared {
		if !(d <= tolerance) {
			t.Errorf("%s on %s: %s is off by %.3g (relative L2)", r.Net.Name, r.ISA, name, d)
		}
	}
}

func rms(values []float32) float64 {
	sum := 0.0
	for _, x := range values {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(values)))
}
