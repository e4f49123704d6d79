package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

func load(t *testing.T, name string, settings ...string) *dsl.Network {
	t.Helper()
	n, err := dsl.Load(filepath.Join("testdata", name+".p3d"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		if err := dsl.Set(n, key, value); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestRun verifies networks of every kind of block and of input, both
// schedules included, and looks at what the reports hold.
func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name     string
		net      *dsl.Network
		schedule ir.ScheduleOptions
		values   []string
	}{
		{"mixed", load(t, "mixed"), ir.ScheduleOptions{},
			[]string{"features", "logits", "probabilities", FramesValue, "pool1", "res2", "res3", "res4", "res5"}},
		{"fused", load(t, "mixed", "mix=C,B,A", "input=2x16x32x32"), ir.ScheduleOptions{Fusion: ir.FuseAlways},
			[]string{"features", "logits", "probabilities", FramesValue, "pool1", "res2", "res3", "res4", "res5"}},
		{"short", load(t, "short"), ir.ScheduleOptions{Fusion: ir.FuseNever},
			[]string{"features", "logits", FramesValue, "pool1", "res2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			t.Setenv("TMP", temp) // on Windows
			all := []string{}     // as nil does
			r, err := Run(t.Context(), tc.net, Options{Schedule: tc.schedule, ISAs: all})
			if err != nil {
				t.Fatal(err)
			}
			if !r.Passed() || t.Failed() {
				logReport(t, r)
				t.Error("not passed")
			}
			if r.Network != tc.net.Name || r.Against != "float64 interpreter" {
				t.Errorf("report of %s against %s", r.Network, r.Against)
			}
			for _, res := range r.Results {
				if got := comparedValues(&res); !slices.Equal(got, tc.values) {
					t.Errorf("%s: compared %v, want %v", res.ISA, got, tc.values)
				}
				if len(res.Identities) != 2 || res.Identities[0].Count == 0 || res.Identities[1].Count == 0 {
					t.Errorf("%s: identities %+v", res.ISA, res.Identities)
				}
			}
			if last := r.Results[len(r.Results)-1].ISA; last != "generic" {
				t.Errorf("the last instruction set is %s, want generic", last)
			}
			left, err := os.ReadDir(temp)
			if err != nil || len(left) > 0 {
				t.Errorf("left in the temporary folder: %v, %v", left, err)
			}
		})
	}
}

func comparedValues(r *ISAResult) []string {
	var names []string
	for _, c := range r.Comparisons {
		names = append(names, c.Value)
	}
	return names
}

// corrupted generates a package and replaces the first occurrence of a text
// in those of its files that edits says, in the build with taps, without, or
// in both.
func corrupted(t *testing.T, file, old, fresh string, when func(g *ir.Graph) bool) generator {
	return func(g *ir.Graph, o ir.ScheduleOptions) ([]codegen.File, error) {
		files, err := harness.Generate(g, o)
		if err != nil || !when(g) {
			return files, err
		}
		i := slices.IndexFunc(files, func(f codegen.File) bool { return f.Name == file })
		if i < 0 || !bytes.Contains(files[i].Content, []byte(old)) {
			t.Errorf("there is no %q in %s to replace", old, file)
			return files, nil
		}
		files[i].Content = bytes.Replace(files[i].Content, []byte(old), []byte(fresh), 1)
		return files, nil
	}
}

// TestRunFindsFaults breaks a generated package in small ways.
func TestRunFindsFaults(t *testing.T) {
	always := func(*ir.Graph) bool { return true }
	deployed := func(g *ir.Graph) bool { return g.Taps == nil }
	for _, tc := range []struct {
		name, isa, file, old, fresh string
		when                        func(*ir.Graph) bool
		identities                  bool // hold in spite of the fault
	}{
		{"epsilon", "generic", "plan_generic.go", "epsilon: 1e-05", "epsilon: 1e-01", always, true},
		{"avx2 kernel", "avx2", "kernels_avx2_amd64.s", "VFMADD231PS", "VFMSUB231PS", always, true},
		{"avx512 kernel", "avx512", "kernels_avx512_amd64.s", "VFMADD231PS", "VFMSUB231PS", always, true},
		{"deployed only", "generic", "plan_generic.go", "epsilon: 1e-05", "epsilon: 1.1e-05", deployed, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := run(t.Context(), load(t, "short"), Options{ISAs: []string{tc.isa}}, corrupted(t, tc.file, tc.old, tc.fresh, tc.when))
			if err != nil && strings.Contains(err.Error(), "this processor does not run") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Passed() {
				logReport(t, r)
				t.Error("passed in spite of a fault")
			}
			identities := !slices.ContainsFunc(r.Results[0].Identities, func(i Identity) bool { return !i.Passed })
			if identities != tc.identities {
				t.Errorf("identities: %+v", r.Results[0].Identities)
			}
		})
	}
}

func TestRunErrors(t *testing.T) {
	other := smallReference()
	other.Layers = []int{2}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		o    Options
		text string
	}{
		{"unknown ISA", t.Context(), Options{ISAs: []string{"mmx"}}, `this processor does not run "mmx"; expected some of `},
		{"other network", t.Context(), Options{Reference: other}, "--set depths=2"},
		{"no weights", t.Context(), Options{Weights: map[string][]float32{}}, "conv1_custom.weight"},
		{"cancelled", cancelled, Options{}, context.Canceled.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Run(tc.ctx, load(t, "short"), tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v, want one with %q", err, tc.text)
			}
		})
	}
	if _, err := Run(t.Context(), load(t, "short"), Options{Weights: negative(t)}); err == nil ||
		!strings.HasSuffix(err.Error(), ": bn1.running_var: the variance of output channel 0 is -1, expected 0 or more") || strings.Contains(err.Error(), "safetensors") {
		t.Errorf("a negative variance: %v", err)
	}
	if _, err := run(t.Context(), load(t, "short"), Options{}, corrupted(t, "network.go", "package net", "package not", func(g *ir.Graph) bool { return g.Taps == nil })); err == nil || !strings.Contains(err.Error(), "go build of the generated package") {
		t.Errorf("a package that does not compile: %v", err)
	}
}

// TestRunReference verifies against values that the interpreter has computed,
// in the form of a file.
func TestRunReference(t *testing.T) {
	net := load(t, "short")
	r := interpretedReference(t, net)
	report, err := Run(t.Context(), net, Options{Reference: r, ISAs: []string{"generic"}})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed() || report.Against != "reference short" {
		logReport(t, report)
		t.Error("not passed")
	}
	i := slices.IndexFunc(report.Results[0].Comparisons, func(c Comparison) bool { return c.Value == "res2" })
	if c := report.Results[0].Comparisons[i]; c.Count != 3 || c.Mean == nil || c.RMS == nil {
		t.Errorf("compared %+v", c)
	}

	tap := r.Taps["res2"]
	tap.Mean += 1e-5 * tap.RMS
	r.Taps["res2"] = tap
	report, err = Run(t.Context(), net, Options{Reference: r, ISAs: []string{"generic"}})
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed() {
		logReport(t, report)
		t.Error("passed in spite of another mean")
	}
}

// interpretedReference computes a file of reference values.
func interpretedReference(t *testing.T, net *dsl.Network) *Reference {
	t.Helper()
	g, err := dsl.Lower(net)
	if err != nil {
		t.Fatal(err)
	}
	values, err := ir.Interpret(g, weights.Synthetic(g.Params), weights.SyntheticClip(g.Input.Shape.Elems()))
	if err != nil {
		t.Fatal(err)
	}
	r := smallReference()
	r.Logits, r.Features = values["logits"], values["features"]
	for name, tap := range r.Taps {
		var as32 []float32
		for _, x := range values[name] {
			as32 = append(as32, float32(x))
		}
		tap.Mean, tap.RMS = moments(as32)
		for _, i := range []int{0, 7, len(as32) - 1} {
			tap.Samples = append(tap.Samples, Sample{i, values[name][i]})
		}
		r.Taps[name] = tap
	}
	return r
}

func TestReportJSON(t *testing.T) {
	r := Report{Network: "n", Against: "a", Results: []ISAResult{{ISA: "generic",
		Comparisons: []Comparison{{Value: "logits", Count: 2, RelL2: Error(relL2([]float32{1, nan()}, []float64{1, 2})), Tolerance: 2e-6}},
		Identities:  []Identity{{What: "w", Count: 2, Passed: true}},
	}}}
	r.Results[0].Comparisons[0].judge()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"network":"n","against":"a","results":[{"isa":"generic",` +
		`"comparisons":[{"value":"logits","tap":false,"count":2,"rel_l2":null,"tolerance":0.000002,"passed":false}],` +
		`"identities":[{"what":"w","different":0,"count":2,"passed":true}]}]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if r.Passed() {
		t.Error("a NaN has passed")
	}
	if (&Report{}).Passed() {
		t.Error("a report of nothing has passed")
	}
}

func TestRunKeepsTheCause(t *testing.T) {
	// The cause of a failed preparation is the error itself, not that the
	// others were cancelled for it.
	_, err := run(t.Context(), load(t, "short"), Options{}, func(*ir.Graph, ir.ScheduleOptions) ([]codegen.File, error) {
		return nil, errBroken
	})
	if !errors.Is(err, errBroken) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

var errBroken = errors.New("broken")

// negative returns weights of which no package can make anything.
func negative(t *testing.T) map[string][]float32 {
	g, err := dsl.Lower(load(t, "short"))
	if err != nil {
		t.Fatal(err)
	}
	values := weights.Synthetic(g.Params)
	values["bn1.running_var"][0] = -1
	return values
}
