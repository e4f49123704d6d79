package reference

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/verify"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestSmallest runs the smallest of each kind of networks, on the portable
// path, too.
func TestSmallest(t *testing.T) {
	for _, name := range []string{"p3d63-abc-112", "r2plus1d_18-odd"} {
		t.Run(name, func(t *testing.T) {
			compare(t, read(t, name+".json"), "avx512", "avx2", "generic")
		})
	}
}

// TestAll runs all networks. They are full size, and the portable path, on
// which that takes long, is left to TestSmallest. Networks of one preset, and
// the P3D networks, share a program; larger ones would keep the weights of all
// networks in memory.
func TestAll(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds a network")
	}
	networks := map[string][]*verify.Reference{}
	for _, r := range read(t, "*.json") {
		networks[r.Network] = append(networks[r.Network], r)
	}
	for name, references := range networks {
		if name == "" {
			name = "p3d"
		}
		t.Run(name, func(t *testing.T) { compare(t, references, "avx512", "avx2") })
	}
}

// read reads the files that match a pattern.
func read(t *testing.T, pattern string) []*verify.Reference {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no files match " + pattern)
	}
	var references []*verify.Reference
	for _, file := range files {
		r, err := verify.ReadReferenceFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); r.Name != name {
			t.Errorf("the reference in %s is called %s", file, r.Name)
		}
		references = append(references, r)
	}
	return references
}

// compare runs networks on those of the instruction sets that the processor
// has, and compares all that the files hold.
func compare(t *testing.T, references []*verify.Reference, isas ...string) {
	var nets []*suite.Net
	want := map[*suite.Net]*verify.Reference{}
	known := synthetic{}
	for i, r := range references {
		g := graph(t, r)
		n := &suite.Net{
			Name: fmt.Sprintf("ref%d", i), Graph: g, Weights: known.weights(g),
			Clip: weights.SyntheticClip(g.Input.Shape.Elems()), Threads: []int{0},
		}
		nets, want[n] = append(nets, n), r
	}
	p := suite.Build(t, nets)
	here := p.ISAs(t)
	isas = slices.DeleteFunc(isas, func(isa string) bool { return !slices.Contains(here, isa) })
	for _, r := range p.Run(t, isas) {
		check(t, want[r.Net], r)
	}
}

// graph returns the fused network that a reference is of.
func graph(t *testing.T, r *verify.Reference) *ir.Graph {
	t.Helper()
	n, err := r.Net()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Fit(n); err != nil {
		t.Fatal(err)
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

// check compares one run with the reference.
func check(t *testing.T, want *verify.Reference, r suite.Result) {
	t.Helper()
	most := verify.Tolerance(r.Net.Graph)
	compared := map[string]float64{
		"features": suite.Distance(r.Values["features"], want.Features),
		"logits":   suite.Distance(r.Values["logits"], want.Logits),
	}
	for name, tap := range want.Taps {
		got := r.Values[name]
		var sampled []float32
		var samples []float64
		for _, s := range tap.Samples {
			sampled, samples = append(sampled, got[s.Index]), append(samples, s.Value)
		}
		compared[name] = suite.Distance(sampled, samples)
		if rms := rms(got); math.Abs(rms-tap.RMS) > most*tap.RMS {
			t.Errorf("%s on %s: the root mean square of %s is %g, want %g", want.Name, r.ISA, name, rms, tap.RMS)
		}
	}
	for name, d := range compared {
		if !(d <= most) {
			t.Errorf("%s on %s: %s is off by %.3g (relative L2), more than %.3g", want.Name, r.ISA, name, d, most)
		}
	}
	t.Logf("%s on %s: logits are off by %.2g (relative L2)", want.Name, r.ISA, compared["logits"])
}

func rms(values []float32) float64 {
	sum := 0.0
	for _, x := range values {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(len(values)))
}
