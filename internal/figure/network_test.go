package figure

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

func TestNetworkGolden(t *testing.T) { golden(t, "network.svg", Network(lower(t, small))) }

// TestPresetsAreDrawn wants a drawing of every preset, with each of its stages
// and blocks.
func TestPresetsAreDrawn(t *testing.T) {
	for _, name := range dsl.Presets() {
		g := preset(t, name)
		e := read(t, Network(g))
		adds := 0
		for i := range g.Ops {
			if _, ok := g.Ops[i].Attr.(ir.ReLU); ok && isAdd(g, g.Ops[i].In[0]) {
				adds++
			}
		}
		blocks := 0
		for _, title := range e.all("title") {
			if strings.Contains(title, ", block ") {
				blocks++
			}
		}
		if blocks != adds {
			t.Errorf("%s: %d blocks are drawn, want %d", name, blocks, adds)
		}
		contains(t, e, "text", name)
	}
}

func isAdd(g *ir.Graph, v ir.ValueID) bool {
	op := g.Producer(v)
	if op == nil {
		return false
	}
	_, ok := op.Attr.(ir.Add)
	return ok
}

func TestNetworkTexts(t *testing.T) {
	e := read(t, Network(preset(t, "p3d63")))
	contains(t, e, "text",
		"25.80 M parameters, 16.88 GFLOPs a clip of 16 rgb frames, 160x160 pixels",
		"res4 width 256", "1024x2x10x10", "8.30 M parameters", "3.30 GFLOPs",
		"P3D-A: S, then T", "P3D-B: S and T side by side", "P3D-C: S, and T of it", "two-dimensional bottleneck",
	)
	contains(t, e, "title",
		"conv1_custom: 64x16x80x80, 9.66 K parameters, 1.93 GFLOPs",
		"layer2.0: res3, block 1: 256x4x40x40 to 512x4x20x20, 431.62 K parameters, 1.36 GFLOPs",
		"fc: 400x1x1x1, 819.60 K parameters, 1.64 MFLOPs",
	)
}

// TestCounts wants the parameters and operations of all sections to be those of
// the network.
func TestCounts(t *testing.T) {
	for _, name := range dsl.Presets() {
		g := preset(t, name)
		params, flops := 0, int64(0)
		for _, s := range newReader(g).sections {
			params += s.params
			flops += s.flops
		}
		if params != g.NumParams() || flops != g.TotalFLOPs() {
			t.Errorf("%s: sections of %d parameters, %d FLOPs; want %d, %d", name, params, flops, g.NumParams(), g.TotalFLOPs())
		}
	}
}

// sketch is the letters of a network's boxes, a line a row.
func sketch(g *ir.Graph) []string {
	var rows []string
	for _, r := range newLayout(newReader(g)).rows {
		var boxes []string
		for _, b := range r.boxes {
			boxes = append(boxes, b.lines[0])
		}
		name := ""
		if r.section != nil {
			name = r.section.name + ": "
		}
		rows = append(rows, name+strings.Join(boxes, " "))
	}
	return rows
}

// TestRows wants a row a stage, and one of many blocks in rows of as many as
// can be.
func TestRows(t *testing.T) {
	want := []string{
		"input: conv 8",
		"one: A max pool",
		"two: B C A B C A B",
		"C A B C A B",
		"three: 2D 2D",
		"head: average pool dropout linear softmax",
	}
	if d := cmp.Diff(want, sketch(lower(t, small))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	want = []string{"res4: C A B C A B C A B C A B", "C A B C A B C A B C A B", "C A B C A B C A B C A B max pool"}
	if d := cmp.Diff(want, sketch(preset(t, "p3d199"))[3:6]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestHead wants the head apart from the last stage, even where that has a
// single position.
func TestHead(t *testing.T) {
	got := sketch(lower(t, `network deep {
    input rgb 3x1x2x2
    block bottleneck expansion 2 mix A
    conv 4 kernel 1x1x1
    stage one width 4 blocks 2 stride 1x2x2 then pool max 1x1x1
    pool average
    linear 5
}
`))
	want := []string{"input: conv 4", "one: A A", "head: max pool average pool linear"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		s    string
		n    int
		want string
	}{{"res2", 4, "res2"}, {"res22", 4, "res…"}, {"äöüß", 3, "äö…"}} {
		if got := shorten(tc.s, tc.n); got != tc.want {
			t.Errorf("%s in %d letters is %s, want %s", tc.s, tc.n, got, tc.want)
		}
	}
}

// TestRowsOfLayers wants a section to begin where convolutions follow a pool.
func TestRowsOfLayers(t *testing.T) {
	got := sketch(lower(t, `network plain {
    input rgb 3x4x16x16
    conv 8 kernel 3x3x3 then pool max 1x2x2
    conv 8 kernel 3x3x3 as second then conv 8 kernel 3x3x3 then pool max 2x2x2
    pool average
    linear 5
}
`))
	want := []string{"input: conv 8 max pool", "second: conv 8 conv 8 max pool", "head: average pool linear"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestBoxesApart wants boxes beside one another, and all of them on the drawing.
func TestBoxesApart(t *testing.T) {
	for _, name := range dsl.Presets() {
		l := newLayout(newReader(preset(t, name)))
		for _, r := range l.rows {
			end := float64(margin + labelWidth - gap)
			for _, b := range r.boxes {
				if b.x < end+gap-1e-9 {
					t.Errorf("%s: %q begins at %g, the box before it ends at %g", name, b.lines, b.x, end)
				}
				end = b.right()
			}
			if end > l.width-margin || r.y+boxHeight > l.height {
				t.Errorf("%s: a row at %g to %g, the drawing has %g by %g", name, r.y, end, l.width, l.height)
			}
		}
		for _, e := range l.entries {
			if e.x+e.width > l.width-margin || e.y+entryHeight > l.height {
				t.Errorf("%s: %s is at %g, %g, %g wide; the drawing has %g by %g", name, e.name, e.x, e.y, e.width, l.width, l.height)
			}
		}
	}
}

// TestKinds names arrangements by what reads what.
func TestKinds(t *testing.T) {
	window := func(kt, kh, kw int) ir.Window {
		return ir.Window{T: ir.Axis{Kernel: kt, Stride: 1}, H: ir.Axis{Kernel: kh, Stride: 1}, W: ir.Axis{Kernel: kw, Stride: 1}}
	}
	conv := func(in int, w ir.Window) node { return node{window: w, in: []int{in}} }
	one, s, tm, full := window(1, 1, 1), window(1, 3, 3), window(3, 1, 1), window(3, 3, 3)
	for _, tc := range []struct {
		d            diagram
		letter, name string
	}{
		{diagram{conv(enters, one), conv(0, s), conv(1, tm), conv(2, one)}, "A", "P3D-A: S, then T"},
		{diagram{conv(enters, one), conv(0, s), conv(0, tm), {in: []int{1, 2}}, conv(3, one)}, "B", "P3D-B: S and T side by side"},
		{diagram{conv(enters, one), conv(0, s), conv(1, tm), {in: []int{1, 2}}, conv(3, one)}, "C", "P3D-C: S, and T of it"},
		{diagram{conv(enters, one), {window: s, out: 9, in: []int{0}}, conv(1, tm), conv(2, one)}, "2+1D", "(2+1)D bottleneck"},
		{diagram{conv(enters, one), conv(0, tm), conv(1, s), conv(2, one)}, "·", "bottleneck"},
		{diagram{conv(enters, one), conv(0, s), conv(1, one)}, "2D", "two-dimensional bottleneck"},
		{diagram{conv(enters, s), conv(0, s)}, "2D", "two-dimensional basic block"},
		{diagram{conv(enters, full), conv(0, full)}, "3D", "three-dimensional basic block"},
		{diagram{conv(enters, s), conv(0, tm), conv(1, s), conv(2, tm)}, "2+1D", "(2+1)D basic block"},
		{diagram{conv(enters, tm), conv(0, s), conv(1, tm), conv(2, s)}, "·", "basic block"},
		{diagram{conv(enters, s), conv(0, full)}, "·", "basic block"},
	} {
		if k := newKind(tc.d); k.letter != tc.letter || k.name != tc.name {
			t.Errorf("%s is %q, %q; want %q, %q", tc.d.signature(), k.letter, k.name, tc.letter, tc.name)
		}
	}
}

// TestShortcuts wants those dashed that are convolutions.
func TestShortcuts(t *testing.T) {
	var got []string
	for _, s := range newReader(lower(t, small)).sections {
		for i, it := range s.items {
			if it.project {
				got = append(got, fmt.Sprint(s.name, " ", i, it.below))
			}
		}
	}
	// The first stage's input has as many channels as its output.
	if want := []string{"two 0/1x2x2", "three 0"}; !slices.Equal(got, want) {
		t.Errorf("projections %q, want %q", got, want)
	}
}

// TestBiases wants no batch norms to be claimed where blocks have biases.
func TestBiases(t *testing.T) {
	g := lower(t, `network n {
		input rgb 3x4x16x16
		block basic mix full bias
		conv 4 kernel 3x3x3
		stage res2 width 4 blocks 1
		pool average
		names torchvision
	}`)
	contains(t, read(t, Network(g)), "text",
		"In a block ReLU follows all convolutions but the last and the shortcut’s; ReLU also follows the sum.")
}
