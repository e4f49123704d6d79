package ir

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// interpret runs the text of a graph and returns its output y.
func interpret(t *testing.T, text string, weights map[string][]float32, clip []float32) []float64 {
	t.Helper()
	g := parseGraph(t, text)
	r, err := Interpret(g, weights, clip)
	if err != nil {
		t.Fatal(err)
	}
	return r["y"]
}

func TestInterpretByHand(t *testing.T) {
	nan := math.NaN()
	norm := map[string][]float32{
		"n.weight": {2, 1}, "n.bias": {1, 0}, "n.running_mean": {3, 0}, "n.running_var": {3.75, 0.75},
		"w": {1, 0, 0, 1}, "b": {3, -1},
	}
	for _, tc := range []struct {
		name, input, ops string
		weights          map[string][]float32
		clip             []float32
		want             []float64
	}{
		{
			"spatial convolution, padded", "1x2x2x1", "%1 c 1x2x2x1 = conv 1x3x3/1x1x1/0x1x1 w=w %0",
			map[string][]float32{"w": {1, 2, 3, 4, 5, 6, 7, 8, 9}}, []float32{1, 10, 100, 1000},
			[]float64{5 + 60 + 800 + 9000, 4 + 50 + 700 + 8000, 2 + 30 + 500 + 6000, 1 + 20 + 400 + 5000},
		},
		{
			"temporal convolution, strided", "4x1x1x1", "%1 c 2x1x1x1 = conv 3x1x1/2x1x1/1x0x0 w=w %0",
			map[string][]float32{"w": {1, 2, 3}}, []float32{1, 10, 100, 1000},
			[]float64{2 + 30, 10 + 200 + 3000},
		},
		{
			"channels", "1x1x2x2", "%1 c 1x1x2x3 = conv 1x1x1/1x1x1/0x0x0 w=w b=b %0 | bias",
			map[string][]float32{"w": {1, 2, 3, 4, 5, 6}, "b": {0, 0, 1000}}, []float32{1, 2, 10, 20},
			[]float64{21, 42, 43, 86, 1065, 1130},
		},
		{
			"batch norm", "1x1x2x2", "%1 n 1x1x2x2 = batchnorm gamma=n.weight eps=0.25 %0",
			norm, []float32{3, 5, 1, -1}, []float64{1, 3, 1, -1},
		},
		{
			"bias, then batch norm", "1x1x1x2",
			"%1 c 1x1x1x2 = conv 1x1x1/1x1x1/0x0x0 w=w b=b %0 | bias\n%2 n 1x1x1x2 = batchnorm gamma=n.weight eps=0.25 %1",
			norm, []float32{3, 5}, []float64{4, 4},
		},
		{
			"order of the epilogue", "1x1x2x1",
			"%1 c 1x1x2x1 = conv 1x1x1/1x1x1/0x0x0 w=w b=b %0 | bias relu add %0 relu",
			map[string][]float32{"w": {-2}, "b": {1}}, []float32{2, -1}, []float64{2, 2},
		},
		{"relu keeps NaN", "1x1x3x1", "%1 r 1x1x3x1 = relu %0", nil, []float32{-1, float32(nan), 2}, []float64{0, nan, 2}},
		{"max pool keeps NaN", "1x1x4x1", "%1 p 1x1x2x1 = pool max 1x1x2/1x1x2/0x0x0 %0", nil, []float32{float32(nan), 5, -3, -4}, []float64{nan, -3}},
		{"NaN last in the window", "1x1x2x1", "%1 p 1x1x1x1 = pool max 1x1x2/1x1x1/0x0x0 %0", nil, []float32{5, float32(nan)}, []float64{nan}},
		{"padding is no maximum", "1x1x3x1", "%1 p 1x1x2x1 = pool max 1x1x3/1x1x2/0x0x1 %0", nil, []float32{-3, -2, -1}, []float64{-2, -1}},
		{"average counts no padding", "1x1x3x1", "%1 p 1x1x2x1 = pool average 1x1x3/1x1x2/0x0x1 %0", nil, []float32{2, 4, 10}, []float64{3, 7}},
		{"ceil pool", "1x1x4x1", "%1 p 1x1x2x1 = pool max 1x1x3/1x1x2/0x0x0 ceil %0", nil, []float32{9, 1, 2, 3}, []float64{9, 3}},
		{"add", "1x1x2x1", "%1 a 1x1x2x1 = add %0 %0", nil, []float32{1, 2}, []float64{2, 4}},
		{"dropout", "1x1x2x1", "%1 d 1x1x2x1 = dropout 0.9 %0", nil, []float32{1, 2}, []float64{1, 2}},
		{
			"linear", "1x1x1x2", "%1 l 1x1x1x3 = linear w=w b=b %0 | bias relu",
			map[string][]float32{"w": {1, 2, 3, 4, -5, 6}, "b": {0, 1, -100}}, []float32{10, 1}, []float64{12, 35, 0},
		},
		{"softmax", "1x1x1x2", "%1 s 1x1x1x2 = softmax %0", nil, []float32{1000, 1000}, []float64{0.5, 0.5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			last := fmt.Sprint("%", 1+strings.Count(tc.ops, "\n"))
			got := interpret(t, "graph t: input "+tc.input+" rgb\n"+tc.ops+"\noutput y = "+last+"\n", tc.weights, tc.clip)
			same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
			if !slices.EqualFunc(got, tc.want, same) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestInterpretErrors(t *testing.T) {
	text := `graph t: input 1x2x2x3 rgb
%1 conv1 1x2x2x4 = conv 1x1x1/1x1x1/0x0x0 w=conv1.weight b=conv1.bias norm=bn1.weight %0 | bias
%2 bn2 1x2x2x4 = batchnorm gamma=bn2.weight eps=1e-05 %1
%3 avg 1x1x1x4 = pool average 1x2x2/1x1x1/0x0x0 %2
%4 fc 1x1x1x2 = linear w=fc.weight b=fc.bias %3 | bias
output y = %4
`
	good := func() (*Graph, map[string][]float32, []float32) {
		g := parseGraph(t, text)
		return g, randomWeights(g, 1), randomClip(g, 1)
	}
	for _, tc := range []struct {
		want string
		harm func(g *Graph, w map[string][]float32, clip *[]float32)
	}{
		{
			"the clip has 11 values, needs 12 (3 channels x 1 frames x 2 x 2)",
			func(_ *Graph, _ map[string][]float32, clip *[]float32) { *clip = (*clip)[1:] },
		},
		{
			"conv1: parameter conv1.weight is missing from the weights",
			func(_ *Graph, w map[string][]float32, _ *[]float32) { delete(w, "conv1.weight") },
		},
		{
			"conv1: parameter bn1.running_var has 5 values, needs 4 (shape [4])",
			func(_ *Graph, w map[string][]float32, _ *[]float32) { w["bn1.running_var"] = make([]float32, 5) },
		},
		{
			"conv1: parameter conv1.bias is missing from the weights",
			func(_ *Graph, w map[string][]float32, _ *[]float32) { delete(w, "conv1.bias") },
		},
		{
			"bn2: parameter bn2.running_mean is missing from the weights",
			func(_ *Graph, w map[string][]float32, _ *[]float32) { delete(w, "bn2.running_mean") },
		},
		{
			"fc: parameter fc.weight has 7 values, needs 8 (shape [2 4])",
			func(_ *Graph, w map[string][]float32, _ *[]float32) { w["fc.weight"] = w["fc.weight"][1:] },
		},
		{
			"conv1: uses value 7 before it is computed",
			func(g *Graph, _ map[string][]float32, _ *[]float32) { g.Ops[0].In[0] = 7 },
		},
	} {
		g, w, clip := good()
		tc.harm(g, w, &clip)
		_, err := Interpret(g, w, clip)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}

// TestFoldConv folds by hand: scale 2/sqrt(3.75+0.25) = 1 and 3/sqrt(0.75+0.25) = 3.
func TestFoldConv(t *testing.T) {
	g := parseGraph(t, "graph t: input 1x1x2x1 rgb\n"+
		"%1 c 1x1x1x2 = conv 1x1x2/1x1x1/0x0x0 w=w b=b norm=n.weight %0 | bias\noutput y = %1\n")
	weights := map[string][]float32{
		"w": {1, 2, 3, 4}, "b": {10, 20},
		"n.weight": {2, 3}, "n.bias": {100, 200}, "n.running_mean": {5, 6}, "n.running_var": {3.75, 0.75},
	}
	c := g.Ops[0].Attr.(Conv)
	c.Norm.Epsilon = 0.25
	for _, tc := range []struct {
		name         string
		conv         Conv
		wantW, wantB []float64
	}{
		{"bias and norm", c, []float64{1, 2, 9, 12}, []float64{(10 - 5) + 100, (20-6)*3 + 200}},
		{"norm", Conv{c.Window, 2, c.Weight, NoParam, c.Norm}, []float64{1, 2, 9, 12}, []float64{-5 + 100, -6*3 + 200}},
		{"bias", Conv{c.Window, 2, c.Weight, c.Bias, nil}, []float64{1, 2, 3, 4}, []float64{10, 20}},
		{"neither", Conv{c.Window, 2, c.Weight, NoParam, nil}, []float64{1, 2, 3, 4}, []float64{0, 0}},
	} {
		w, b, err := FoldConv(tc.conv, g, weights)
		if err != nil || !slices.Equal(w, tc.wantW) || !slices.Equal(b, tc.wantB) {
			t.Errorf("%s: got %v, %v, %v, want %v, %v", tc.name, w, b, err, tc.wantW, tc.wantB)
		}
	}
	if weights["w"][2] != 3 {
		t.Error("folding changed the weights")
	}
}

// TestInterpretLeavesArguments checks that weights and clip are only read.
func TestInterpretLeavesArguments(t *testing.T) {
	b := newBuilder("t", Shape{2, 4, 4, 3})
	b.output("y", b.block("b", 'B', 0, 2, 4, 2))
	w, clip := randomWeights(b.g, 1), randomClip(b.g, 1)
	fused, err := RunPasses(b.g, Passes())
	if err != nil {
		t.Fatal(err)
	}
	first, err := Interpret(fused, w, clip)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Interpret(fused, randomWeights(b.g, 1), randomClip(b.g, 1))
	if err != nil {
		t.Fatal(err)
	}
	third, err := Interpret(fused, w, clip)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first["y"], second["y"]) || !slices.Equal(first["y"], third["y"]) {
		t.Error("three runs on the same values differ")
	}
}

// TestInterpretAgreesWithFormulas compares random graphs, as built and after
// the passes, with the formulas written out in direct_test.go.
func TestInterpretAgreesWithFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		seed := rapid.Uint64().Draw(t, "seed")
		w, clip := randomWeights(g, seed), randomClip(g, seed)
		want := direct(g, w, clip)
		got, err := Interpret(g, w, clip)
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		compare(t, g, "as built", got, want)
		fused, err := RunPasses(g, Passes())
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		if got, err = Interpret(fused, w, clip); err != nil {
			t.Fatalf("%v\n%v", err, fused)
		}
		compare(t, fused, "after the passes", got, want)
	})
}

// compare allows for float64 rounding in another order.
func compare(t *rapid.T, g *Graph, what string, got, want map[string][]float64) {
	if len(got) != len(want) {
		t.Fatalf("%s: %d results, want %d", what, len(got), len(want))
	}
	for name := range want {
		if d := relL2(got[name], want[name]); !(d <= 1e-12) {
			t.Fatalf("%s: %s differs by %g (relative L2)\n%v", what, name, d, g)
		}
	}
}

// relL2 is |a-b| / |b|, or |a-b| where b is zero; infinite for different lengths.
func relL2(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var diff, norm float64
	for i := range a {
		diff += (a[i] - b[i]) * (a[i] - b[i])
		norm += b[i] * b[i]
	}
	if norm == 0 {
		norm = 1
	}
	return math.Sqrt(diff / norm)
}

func BenchmarkInterpretP3D63(b *testing.B) {
	g, err := RunPasses(p3d63.build(), Passes())
	if err != nil {
		b.Fatal(err)
	}
	w, clip := randomWeights(g, 1), randomClip(g, 1)
	for b.Loop() {
		if _, err := Interpret(g, w, clip); err != nil {
			b.Fatal(err)
		}
	}
}
