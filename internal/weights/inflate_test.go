package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// clipNet describes a small network for clips of 4 frames; mix is that of its
// first stage, input and stride are words of the language.
func clipNet(input, mix, stride string) string {
	return fmt.Sprintf(`network clips {
    input %s {
        range 0..1
    }
    block bottleneck expansion 4 stride %s mix %s
    conv 8 kernel 1x7x7 stride 1x2x2 pad 0x3x3
    pool max 2x3x3 stride 2x2x2 pad 0x1x1
    stage res2 width 4 blocks 3 then pool max 2x1x1
    stage res3 width 8 blocks 2 stride 1x2x2 flat
    pool average
    linear 5
}`, input, stride, mix)
}

// imageNet describes the network for images that clipNet is inflated from.
func imageNet(stride string, classes int) string {
	return fmt.Sprintf(`network images {
    input rgb 3x1x16x16
    block bottleneck expansion 4 stride %s
    conv 8 kernel 7x7 stride 2x2
    pool max 3x3 stride 2x2 pad 1x1
    stage layer1 width 4 blocks 3 flat
    stage layer2 width 8 blocks 2 stride 2x2 flat
    pool average
    linear %d
    names torchvision
}`, stride, classes)
}

// parsed returns a description's tree and graph.
func parsed(t *testing.T, text string) (*dsl.Network, *ir.Graph) {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n, lowered(t, n)
}

func lowered(t *testing.T, n *dsl.Network) *ir.Graph {
	t.Helper()
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// synthetics returns a checkpoint of made-up values of a graph's parameters.
func synthetics(t *testing.T, params []Param) (*File, map[string][]float32) {
	t.Helper()
	values := Synthetic(params)
	var tensors []Tensor
	for _, p := range params {
		tensors = append(tensors, floats(t, p.Name, p.Shape, values[p.Name]...))
	}
	return memoryFile(t, tensors...), values
}

// twinNames are torchvision's names of a network's parameters.
func twinNames(t *testing.T, n *dsl.Network) []string {
	t.Helper()
	var names []string
	for _, p := range lowered(t, dsl.Renamed(n, "torchvision")).Params {
		names = append(names, p.Name)
	}
	return names
}

// deployed returns the graph as packages run it: batch norms folded into
// weights and biases of float32.
func deployed(t *testing.T, g *ir.Graph, weights map[string][]float32) (*ir.Graph, map[string][]float32) {
	t.Helper()
	g = g.Clone()
	g.Taps = nil
	g, err := ir.RunPasses(g, ir.Passes())
	if err != nil {
		t.Fatal(err)
	}
	folded := map[string][]float32{}
	fold := func(c ir.Conv) ir.Conv {
		w, b, err := ir.FoldConv(c, g, weights)
		if err != nil {
			t.Fatal(err)
		}
		c.Norm = nil
		if c.Bias == ir.NoParam {
			c.Bias = g.AddParam(g.Params[c.Weight].Name+".folded", c.Out)
		}
		folded[g.Params[c.Weight].Name], folded[g.Params[c.Bias].Name] = singles(w), singles(b)
		return c
	}
	for i := range g.Ops {
		if conv, ok := g.Ops[i].Attr.(ir.Conv); ok {
			g.Ops[i].Attr = fold(conv)
		}
		for j := range g.Ops[i].Epi {
			if e := &g.Ops[i].Epi[j]; e.Conv != nil {
				conv := fold(*e.Conv)
				e.Conv = &conv
			}
		}
	}
	for _, p := range g.Params {
		if _, ok := folded[p.Name]; !ok {
			folded[p.Name] = weights[p.Name]
		}
	}
	return g, folded
}

func singles(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// outputs interprets a network as it is deployed.
func outputs(t *testing.T, g *ir.Graph, weights map[string][]float32, clip []float32) map[string][]float64 {
	t.Helper()
	g, weights = deployed(t, g, weights)
	out, err := ir.Interpret(g, weights, clip)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// still returns a clip of one frame, over and over. The frame has all its
// channels one after the other.
func still(frame []float32, channels, frames int) []float32 {
	var clip []float32
	for plane := range slices.Chunk(frame, len(frame)/channels) {
		clip = append(clip, slices.Repeat(plane, frames)...)
	}
	return clip
}

// An inflated network gives, on a still clip, the features of the network for
// images, bit for bit, in every arrangement of blocks for which it can.
func TestInflateStill(t *testing.T) {
	frame := SyntheticClip(3 * 16 * 16)
	for _, test := range []struct {
		mix, stride string
		temporal    Temporal
		exact       bool
	}{
		{"A", "middle", TemporalExact, true},
		{"B", "middle", TemporalExact, true},
		{"C", "middle", TemporalExact, true},
		{"A B C", "middle", TemporalExact, true},
		{"A", "middle", TemporalIdentity, true},
		{"B", "middle", TemporalZero, true},
		{"C", "middle", TemporalZero, true},
		// Both networks stride in the first convolution.
		{"A B C", "first", TemporalExact, true},
		{"A", "middle", TemporalZero, false},
		{"B", "middle", TemporalIdentity, false},
		{"C", "middle", TemporalIdentity, false},
	} {
		name := fmt.Sprintf("%s, %s, %d", test.mix, test.stride, test.temporal)
		_, images := parsed(t, imageNet(test.stride, 5))
		clips, g := parsed(t, clipNet("rgb 3x4x16x16", test.mix, test.stride))
		f, values := synthetics(t, images.Params)
		inflated, err := Inflate(f, g, twinNames(t, clips), test.temporal)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if inflated.Copied != len(images.Params) || inflated.Temporal != 3*5 || inflated.FreshClassifier {
			t.Errorf("%s: %d copied, %d temporal, fresh %t", name, inflated.Copied, inflated.Temporal, inflated.FreshClassifier)
		}
		want := outputs(t, images, values, frame)
		got := outputs(t, g, inflated.Values, still(frame, 3, 4))
		for _, output := range []string{"features", "logits"} {
			if equal := slices.Equal(got[output], want[output]); equal != test.exact || len(want[output]) == 0 {
				t.Errorf("%s: equal %s: %t, expected %t", name, output, equal, test.exact)
			}
		}
	}
}

// P3D-63 begins as ResNet-50 whose blocks stride where P3D's do.
func TestInflateP3D63(t *testing.T) {
	if testing.Short() {
		t.Skip("interprets P3D-63 and ResNet-50")
	}
	resnet, err := dsl.Load("resnet50")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range resnet.Body {
		if b, ok := s.(*dsl.Blocks); ok {
			b.MiddleStride = false
		}
	}
	if err := dsl.Set(resnet, "input", "3x1x32x32"); err != nil {
		t.Fatal(err)
	}
	p3d, err := dsl.Load("p3d63")
	if err != nil {
		t.Fatal(err)
	}
	if err := dsl.Set(p3d, "input", "3x16x32x32"); err != nil {
		t.Fatal(err)
	}
	images, clips := lowered(t, resnet), lowered(t, p3d)
	f, values := synthetics(t, images.Params)
	inflated, err := Inflate(f, clips, twinNames(t, p3d), TemporalExact)
	if err != nil {
		t.Fatal(err)
	}
	if !inflated.FreshClassifier { // 1000 classes for 400
		t.Error("the classifier was copied")
	}
	frame := SyntheticClip(3 * 32 * 32)
	want := outputs(t, images, values, frame)["features"]
	got := outputs(t, clips, inflated.Values, still(frame, 3, 16))["features"]
	if len(want) != 2048 || !slices.Equal(got, want) {
		t.Errorf("the %d features differ from ResNet's %d", len(got), len(want))
	}
}

// The stem takes the colors in the order of the network's channels, and flow
// their mean.
func TestInflateStem(t *testing.T) {
	_, images := parsed(t, imageNet("first", 5))
	f, values := synthetics(t, images.Params)
	const outs, taps = 8, 49
	rgb := values["conv1.weight"]
	color := func(o, c, i int) float32 { return rgb[(o*3+c)*taps+i] }
	for input, want := range map[string][]func(o, i int) float32{
		"rgb 3x4x16x16": {
			func(o, i int) float32 { return color(o, 0, i) },
			func(o, i int) float32 { return color(o, 1, i) },
			func(o, i int) float32 { return color(o, 2, i) },
		},
		"bgr 3x4x16x16": {
			func(o, i int) float32 { return color(o, 2, i) },
			func(o, i int) float32 { return color(o, 1, i) },
			func(o, i int) float32 { return color(o, 0, i) },
		},
		"flow 2x4x16x16": slices.Repeat([]func(o, i int) float32{func(o, i int) float32 {
			return float32((float64(color(o, 0, i)) + float64(color(o, 1, i)) + float64(color(o, 2, i))) / 3)
		}}, 2),
	} {
		n, g := parsed(t, clipNet(input, "A", "first"))
		inflated, err := Inflate(f, g, twinNames(t, n), TemporalExact)
		if err != nil {
			t.Fatal(err)
		}
		got := inflated.Values["conv1_custom.weight"]
		for o := range outs {
			for c := range want {
				for i := range taps {
					if at := (o*len(want)+c)*taps + i; got[at] != want[c](o, i) {
						t.Fatalf("%s: weight %d,%d,%d is %v, expected %v", input, o, c, i, got[at], want[c](o, i))
					}
				}
			}
		}
	}
}

// A classifier of other classes, or one that is missing, is made anew: small
// weights, no biases, the same each time.
func TestInflateClassifier(t *testing.T) {
	n, g := parsed(t, clipNet("rgb 3x4x16x16", "A B C", "first"))
	_, images := parsed(t, imageNet("first", 7))
	headless := slices.DeleteFunc(slices.Clone(images.Params), func(p Param) bool { return strings.HasPrefix(p.Name, "fc.") })
	for name, params := range map[string][]Param{"other classes": images.Params, "none": headless} {
		f, _ := synthetics(t, params)
		inflated, err := Inflate(f, g, twinNames(t, n), TemporalExact)
		if err != nil {
			t.Fatal(err)
		}
		w, b := inflated.Values["fc.weight"], inflated.Values["fc.bias"]
		bound := float32(1 / math.Sqrt(32))
		if !inflated.FreshClassifier || len(w) != 5*32 || slices.Max(w) > bound || slices.Min(w) < -bound || slices.Max(w)-slices.Min(w) < bound {
			t.Errorf("%s: fresh %t, weights %v", name, inflated.FreshClassifier, w)
		}
		if !slices.Equal(b, make([]float32, 5)) {
			t.Errorf("%s: biases %v", name, b)
		}
		again, err := Inflate(f, g, twinNames(t, n), TemporalExact)
		if err != nil || !slices.Equal(again.Values["fc.weight"], w) {
			t.Errorf("%s: another time, other weights (%v)", name, err)
		}
	}
}

func TestInflateRefuses(t *testing.T) {
	_, images := parsed(t, imageNet("first", 5))
	whole, _ := synthetics(t, images.Params)
	deeper, _ := synthetics(t, append(slices.Clone(images.Params), Param{Name: "layer1.3.conv1.weight", Shape: []int{4, 16, 1, 1}}))
	cut, _ := synthetics(t, slices.DeleteFunc(slices.Clone(images.Params), func(p Param) bool { return p.Name == "layer2.1.bn3.bias" }))
	net := clipNet("rgb 3x4x16x16", "A B C", "first")
	for _, test := range []struct {
		name, net string
		file      *File
		want      string
	}{
		{"as it should be", net, whole, ""},
		{"another depth", net, deeper, "extra       layer1.3.conv1.weight (4x16x1x1)"},
		{"a parameter less", net, cut, "missing     layer2.1.bn3.bias (32)"},
		{"wider", strings.Replace(net, "width 4", "width 6", 1), whole, "misshapen   layer1.0.conv1.weight: found 4x8x1x1, expected 6x8x1x1"},
		{"frames in 0..255", strings.Replace(net, "0..1", "0..255", 1), whole, "the network clips takes frames in 0..255"},
		{"space and time at once", strings.Replace(net, "mix A B C", "mix full", 1), whole, "is a convolution in space and time at once"},
		{"channels between S and T", strings.Replace(net, "mix A B C", "mid 7 mix split", 1), whole, "has 7 input and 4 output channels"},
	} {
		n, g := parsed(t, test.net)
		_, err := Inflate(test.file, g, twinNames(t, n), TemporalExact)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, expected one with %q", test.name, err, test.want)
		}
	}
}
