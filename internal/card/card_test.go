package card

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// net is a small description.
const net = `network net {
    input flow 2x4x8x8 {
        range 0..255
        mean  127 128
    }
    block bottleneck expansion 2 mix A
    stage one width 4 blocks 1
    pool average
    linear 5
}
`

// example is a card with a made-up plan, whose names must be escaped.
func example(t *testing.T) *Card {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(net))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	shape := ir.Shape{T: 4, H: 8, W: 8, C: 4}
	p := &ir.Plan{
		Graph: g, Machine: ir.Machine{Name: "avx512"},
		ArenaLen: 3000, PackedLen: 2000, ScratchLen: 600,
		Buffers: []ir.Buffer{
			{Name: "input", Shape: shape, Len: 1024, First: 0, Last: 1},
			{Name: "a<b>", Shape: shape, Space: ir.Scratch, Len: 600, First: 1, Last: 1},
			{Name: "scores", Shape: ir.Shape{T: 1, H: 1, W: 1, C: 5}, Base: 1024, Len: 16, First: 1, Last: 2},
		},
		Kernels: []ir.Kernel{
			{Name: "ingest0", Kind: ir.KernelIngest},
			{Name: "conv1x4_1", Kind: ir.KernelConv, Rows: 1, Cols: 4, Vectors: 1, TapsT: 1, TapsH: 3, TapsW: 3, K: 4, Epi: "bias relu"},
			{Name: "conv1x2_2", Kind: ir.KernelConv, Rows: 1, Cols: 2, Vectors: 1, TapsT: 1, TapsH: 3, TapsW: 3, K: 4, Epi: "bias relu"},
			{Name: "spread_3", Kind: ir.KernelPool},
			{Name: "gather_4", Kind: ir.KernelPool},
		},
		Regions: []ir.Region{
			{Name: "input", Space: shape, Tile: shape, Why: "the caller's clip", Steps: []ir.Step{
				{Op: "input", Kernel: 0, In: 0, Out: 0, Res: ir.NoBuffer, Pack: ir.NoPack},
			}},
			{Name: "a", Space: shape, Tile: shape, Why: "fused: 2 tiles & more", Algorithm: "F(4,3)-squared+direct", Cycles: 1e6, Steps: []ir.Step{
				{Op: "a", Kernel: 1, Tails: []ir.KernelID{ir.NoKernel, 2}, In: 0, Out: 1, Res: ir.NoBuffer, Winograd: &ir.WinogradStep{Spread: []ir.KernelID{3}, Gather: []ir.KernelID{4}}},
				{Op: "b", Kernel: 1, In: 1, Out: 2, Res: 0},
			}},
		},
	}
	return &Card{
		Source: "net.p3d --set classes=5", Tool: "p3dc 1.2.3", Graph: g, Plan: p,
		Layers: []Layer{
			{Name: "input", Kind: "input", Output: "4x4x8x8", BytesMoved: 4096},
			{Name: "a", Kind: "conv 1x3x3", Output: "4x4x8x8", Epilogue: "bias relu", Region: 1, FLOPs: 73_728, ExecutedFLOPs: 40_000, WeightBytes: 592, BytesMoved: 5000},
			{Name: "b", Kind: "linear", Output: "5x1x1x1", Epilogue: "bias add", Region: 1, FLOPs: 12_345_678, ExecutedFLOPs: 12_000_000, WeightBytes: 12_345, BytesMoved: 67_890},
		},
	}
}

func write(t *testing.T, c *Card) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// drawing is a drawing on a page; they have golden files of their own.
var drawing = regexp.MustCompile(`(?s)<svg .*?</svg>`)

func TestGolden(t *testing.T) {
	page := write(t, example(t))
	if n := len(drawing.FindAllString(page, -1)); n != 2 {
		t.Errorf("%d drawings, want that of the network and that of its memory", n)
	}
	got := drawing.ReplaceAllString(page, "<svg></svg>")
	file := filepath.Join("testdata", "card.html")
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got); run with -update and look at it if the change is meant:\n%s", file, d)
	}
}

// elements returns the opening tags of a page, which must be well formed.
func elements(t *testing.T, page string) (all []xml.StartElement) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			depth++
			all = append(all, e.Copy())
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d elements are not closed", depth)
	}
	return all
}

// TestSelfContained wants nothing that a browser would fetch or run, and every
// link to lead to a place on the page.
func TestSelfContained(t *testing.T) {
	var ids, links []string
	for _, e := range elements(t, write(t, example(t))) {
		if slices.Contains([]string{"script", "link", "img", "iframe", "object", "image", "use"}, e.Name.Local) {
			t.Errorf("a <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			switch name := a.Name.Local; {
			case name == "id":
				ids = append(ids, a.Value)
			case name == "href":
				links = append(links, a.Value)
			case name == "src" || strings.HasPrefix(name, "on") || strings.Contains(a.Value, "url("):
				t.Errorf("<%s %s=%q>", e.Name.Local, name, a.Value)
			}
		}
	}
	if len(links) < 10 {
		t.Errorf("%d links, want those of the contents and more", len(links))
	}
	for _, l := range links {
		if id, ok := strings.CutPrefix(l, "#"); !ok || !slices.Contains(ids, id) {
			t.Errorf("the link %s leads nowhere", l)
		}
	}
	slices.Sort(ids)
	if each := slices.Compact(slices.Clone(ids)); len(each) != len(ids) {
		t.Errorf("ids are used twice: %q", ids)
	}
}

// TestOperatorsAddUp wants the operators' sums to be the network's.
func TestOperatorsAddUp(t *testing.T) {
	c := example(t)
	count, params, flops, paramsPart, flopsPart := 0, 0, int64(0), 0.0, 0.0
	for _, o := range c.Operators() {
		count, params, flops = count+o.Count, params+o.Params, flops+o.FLOPs
		paramsPart, flopsPart = paramsPart+o.ParamsPart, flopsPart+o.FLOPsPart
	}
	if g := c.Graph; count != len(g.Ops) || params != g.NumParams() || flops != g.TotalFLOPs() {
		t.Errorf("%d operations, %d parameters, %d FLOPs; want %d, %d, %d", count, params, flops, len(g.Ops), g.NumParams(), g.TotalFLOPs())
	}
	if percentText(paramsPart) != "100.0 %" || percentText(flopsPart) != "100.0 %" {
		t.Errorf("shares of %g and %g %%", paramsPart, flopsPart)
	}
}

// TestSteps wants each kernel of a step once, in the order in which they run.
func TestSteps(t *testing.T) {
	c := example(t)
	want := Region{
		Number: 1, Why: "fused: 2 tiles & more", Algorithms: "F(4,3)-squared, direct", Part: 100,
		Steps: []Step{
			{Layer: "a", In: "input", Out: "a<b>", Scratch: true, Kernels: []string{"spread_3", "conv1x4_1", "conv1x2_2", "gather_4"}},
			{Layer: "b", In: "a<b>", Out: "scores", Adds: "input", Kernels: []string{"conv1x4_1"}},
		},
	}
	if d := cmp.Diff(want, c.Regions()[1]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if k := c.Kernels()[1]; k.Steps != 2 || !strings.HasPrefix(k.Does, "tile 1x4 pixels x 1 vectors, ") || !strings.HasSuffix(k.Does, " | bias relu") {
		t.Errorf("kernel %+v", k)
	}
	if k := c.Kernels()[0]; k.Does != "" {
		t.Errorf("kernel %+v", k)
	}
}

func TestNumbers(t *testing.T) {
	for _, tc := range []struct {
		v    float64
		want string
	}{{0, ""}, {0.01, "<0.1 %"}, {0.06, "0.1 %"}, {43.21, "43.2 %"}} {
		if got := percentText(tc.v); got != tc.want {
			t.Errorf("%g percent is %q, want %q", tc.v, got, tc.want)
		}
	}
	for _, tc := range []struct {
		v    float64
		want string
	}{{0, ""}, {1.6384, "1.638"}, {12.6, "13"}} {
		if got := amount(tc.v); got != tc.want {
			t.Errorf("%g is %q, want %q", tc.v, got, tc.want)
		}
	}
}
