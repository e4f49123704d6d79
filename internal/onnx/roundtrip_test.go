package onnx_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/describe"
	"github.com/p3dc/p3dc/internal/onnx"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// nets are small networks of everything that a description can say.
var nets = map[string]string{
	"paper": `input rgb 3x16x32x32 {
			resize 40
			mean 0.1 0.2 0.3
			std 0.5 1 2
		}
		block bottleneck expansion 2 mix A B C
		batchnorm epsilon 2e-4
		conv 4 kernel 1x7x7 stride 1x2x2
		pool max 2x3x3 stride 2x2x2 pad 0x1x1
		stage res2 width 4 blocks 4 then pool max 2x1x1
		stage res3 width 6 blocks 2 stride 2x2x2
		stage res4 width 8 blocks 2 stride 1x2x2 flat
		pool average
		dropout 0.5
		linear 5
		softmax`,
	"stages": `input bgr 3x8x16x16 {
			range 0..255
			mean 104 117 123
		}
		block bottleneck mix A
		conv 4 kernel 3x3 pad 0x0
		stage one width 4 blocks 2 mix B C
		stage two width 4 blocks 2 stride 2x1x1
		stage three width 4 blocks 2 mix full A spatial C B
		pool average
		linear 3`,
	"middle": `input flow 2x8x16x16
		block bottleneck expansion 3 mix full spatial stride middle
		conv 4 kernel 1x1x1
		stage one width 4 blocks 2
		stage two width 6 blocks 2 stride 2x2x2
		pool max
		linear 3`,
	"split": `input rgb 3x8x16x16
		block basic mix split mid matched
		conv 5 kernel 1x7x7 stride 1x2x2 then conv 8 kernel 3x1x1
		stage one width 8 blocks 2
		stage two width 16 blocks 2 stride 2x2x2
		pool average
		linear 3
		names torchvision-video`,
	"mid": `input rgb 3x8x16x16
		block bottleneck expansion 2 mix split
		conv 4 kernel 3x3x3
		stage one width 4 blocks 2 mid 7
		stage two width 4 blocks 1 mix A
		pool average
		linear 3`,
	"mids in turn": `input rgb 3x4x8x8
		block basic mix full split mid 5
		conv 6 kernel 1x3x3
		stage one width 6 blocks 1
		stage two width 8 blocks 1
		stage three width 8 blocks 1 mix split mid 7
		stage four width 8 blocks 3
		pool average then linear 4
		names torchvision-video`,
	"basic": `input rgb 3x8x16x16
		block basic mix full
		conv 8 kernel 3x7x7 stride 1x2x2
		stage one width 8 blocks 2
		stage two width 16 blocks 2 stride 2x2x2 mix spatial
		stage three width 16 blocks 1 flat
		pool average
		linear 3
		names torchvision-video`,
	"bias": `input rgb 3x4x16x16
		block bottleneck expansion 2 mix A B C bias
		conv 4 kernel 1x3x3 bias
		stage one width 4 blocks 3
		stage two width 6 blocks 1 stride 1x2x2 flat
		pool average
		linear 3`,
	"head": `input rgb 3x4x16x16
		conv 4 kernel 3x3x3 bias then pool max 1x2x2
		conv 8 kernel 3x3x3 then pool average 2x3x3 stride 2x2x2 pad 0x1x1 ceil
		flatten
		linear 9 relu
		dropout 0.5
		linear 7 relu features
		dropout 0.5
		linear 5
		names { linear "fc{n}" }`,
	"features": `input rgb 3x4x15x15
		conv 4 kernel 3x3x3 pad 0x0x0
		pool max 1x3x3 stride 1x2x2 ceil
		pool average 2x6x6 stride 1x1x1 then pool average`,
}

// testingT is what the helpers need of a test, and of a check of a drawn network.
type testingT interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

func parse(t testingT, text string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestRoundTrip wants of a description that is imported from what another one
// was exported to the same graph, and the same weights bit for bit.
func TestRoundTrip(t *testing.T) {
	for name, body := range nets {
		t.Run(name, func(t *testing.T) {
			g := parse(t, "network test {\n"+body+"\n}")
			values := weights.Synthetic(g.Params)
			m, err := onnx.Export(g, values, onnx.ExportOptions{Batch: 1})
			if err != nil {
				t.Fatal(err)
			}
			d, got := imported(t, recoded(t, m))
			sameGraph(t, g, d)
			sameValues(t, values, got, d)
		})
	}
}

// TestPlan wants the same plan, on every instruction set, of a network and of
// what its export is imported as.
func TestPlan(t *testing.T) {
	g := parse(t, "network test {\n"+nets["paper"]+"\n}")
	m, err := onnx.Export(g, weights.Synthetic(g.Params), onnx.ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := imported(t, recoded(t, m))
	want, got := plans(t, g), plans(t, d.graph)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-exported +imported)\n%s", diff)
	}
}

func plans(t *testing.T, g *ir.Graph) (texts []string) {
	t.Helper()
	all, err := avx.Plans(fused(t, g), ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		texts = append(texts, p.String())
	}
	return texts
}

// TestPresets wants the same of the networks that ship with the tool. Weights
// are not looked at, nor is a file written.
func TestPresets(t *testing.T) {
	for _, name := range dsl.Presets() {
		t.Run(name, func(t *testing.T) {
			n, err := dsl.Preset(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := dsl.Lower(n)
			if err != nil {
				t.Fatal(err)
			}
			largest := 0
			for _, p := range g.Params {
				largest = max(largest, p.Elems())
			}
			zeros, values := make([]float32, largest), map[string][]float32{}
			for _, p := range g.Params {
				values[p.Name] = zeros[:p.Elems()]
			}
			m, err := onnx.Export(g, values, onnx.ExportOptions{Batch: 1})
			if err != nil {
				t.Fatal(err)
			}
			d, _ := imported(t, m)
			sameGraph(t, g, d)
		})
	}
}

// recoded returns a model as it comes back from a file.
func recoded(t *testing.T, m *onnx.Model) *onnx.Model {
	t.Helper()
	var file bytes.Buffer
	if err := m.Encode(&file); err != nil {
		t.Fatal(err)
	}
	back, err := onnx.Decode(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// description is what a model was imported as.
type description struct {
	graph *ir.Graph
	text  string
	names map[string]string // from its parameters to the model's
}

// imported returns the description of a model, and its parameters.
func imported(t testingT, m *onnx.Model) (description, map[string][]float32) {
	t.Helper()
	g, values, err := onnx.Import(m)
	if err != nil {
		t.Fatal(err)
	}
	d, err := describe.Describe(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	got := description{graph: d.Graph, text: string(d.Text), names: map[string]string{}}
	for id, p := range d.Graph.Params {
		got.names[p.Name] = g.Params[d.Params[id]].Name
	}
	return got, values
}

// sameGraph compares graphs as they are deployed, whatever they call their
// layers; of parameters, that the same stands in the same place.
func sameGraph(t testingT, want *ir.Graph, got description) {
	t.Helper()
	a := anonymous(fused(t, want), func(name string) string { return name })
	b := anonymous(fused(t, got.graph), func(name string) string { return got.names[name] })
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("(-exported +imported)\n%s\nimported as\n%s", d, got.text)
	}
}

func fused(t testingT, g *ir.Graph) *ir.Graph {
	t.Helper()
	g = g.Clone()
	g.Taps = nil
	g, err := ir.RunPasses(g, ir.Passes())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// anonymous takes out of a graph what does not matter to its results: names,
// whether a weight has an axis for the only frame, and of pools the rounding and
// the stride that make no difference.
func anonymous(g *ir.Graph, param func(string) string) *ir.Graph {
	g = g.Clone()
	g.Name = ""
	for i := range g.Ops {
		op := &g.Ops[i]
		op.Name, op.Pos = fmt.Sprint("op ", i), ir.Pos{}
		if p, ok := op.Attr.(ir.Pool); ok {
			in, out := g.Values[op.In[0]].Shape, g.Values[op.Out].Shape
			p.Ceil = p.Window.Out(in, in.C) != out
			if out.Pixels() == 1 {
				p.T.Stride, p.H.Stride, p.W.Stride = 1, 1, 1
			}
			op.Attr = p
		}
	}
	for i := range g.Values {
		g.Values[i].Name = fmt.Sprint("value ", i)
	}
	for i, p := range g.Params {
		g.Params[i] = ir.Param{Name: param(p.Name), Shape: []int{p.Elems()}}
	}
	return g
}

// sameValues compares weights bit by bit.
func sameValues(t testingT, want, got map[string][]float32, d description) {
	t.Helper()
	if len(d.names) != len(want) {
		t.Errorf("imported %d parameters, want %d", len(d.names), len(want))
	}
	for name, from := range d.names {
		same := slices.EqualFunc(want[from], got[from], func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
		if !same || len(want[from]) == 0 {
			t.Errorf("%s, the model's %s, has other values", name, from)
		}
	}
}
