package dsl

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// networksPage returns docs/networks.md.
func networksPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// Bytes of a float32 value, and of the units of sizes.
const (
	floatBytes = 4
	megabyte   = 1e6
	mebibyte   = 1 << 20
)

// TestNetworksPage looks for a line with every preset's figures.
func TestNetworksPage(t *testing.T) {
	page := networksPage(t)
	for _, name := range Presets() {
		g := lower(t, preset(t, name))
		s, bytes := g.Input.Shape, float64(floatBytes*g.NumParams())
		line := fmt.Sprintf("| `%s` | %dx%dx%dx%d | %s | %.2f | %.1f | %.1f |\n", name, s.C, s.T, s.H, s.W,
			grouped(g.NumParams()), float64(g.TotalFLOPs())/1e9, bytes/megabyte, bytes/mebibyte)
		if !strings.Contains(page, line) {
			t.Errorf("docs/networks.md lacks the line\n%s", line)
		}
	}
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// TestPaperSizes compares sizes with those that the paper gives, which must
// agree within 1 %, and with the page. What they are sizes of is the reading of
// the paper that the page explains.
func TestPaperSizes(t *testing.T) {
	page := networksPage(t)
	for _, tt := range []struct {
		network, preset string
		paper           float64
		classes         string // as the preset has them where empty, and none where 0
		unit            float64
		read            string
	}{
		{"P3D-63", "p3d63", 98, "", mebibyte, "400 classes, MiB"},
		{"P3D-199", "p3d199", 261, "0", megabyte, "without classifier, MB"},
		{"C3D", "c3d", 321, "", megabyte, "487 classes, MB"},
		{"ResNet-152", "resnet152", 235, "487", megabyte, "487 classes, MB"},
	} {
		n := preset(t, tt.preset)
		if tt.classes != "" && tt.classes != "0" {
			if err := Set(n, "classes", tt.classes); err != nil {
				t.Fatal(err)
			}
		}
		g := lower(t, n)
		values := g.NumParams()
		if tt.classes == "0" {
			values -= classifier(g)
		}
		size := floatBytes * float64(values) / tt.unit
		off := 100 * (size/tt.paper - 1)
		if math.Abs(off) > 1 {
			t.Errorf("%s: %.1f, the paper's size is %g: %+.1f %%", tt.network, size, tt.paper, off)
		}
		line := fmt.Sprintf("| %s | %g MB | %.1f | %+.1f %% | %s |\n", tt.network, tt.paper, size, off, tt.read)
		if !strings.Contains(page, line) {
			t.Errorf("docs/networks.md lacks the line\n%s", line)
		}
	}
}

// classifier returns how many values the last linear layer has.
func classifier(g *ir.Graph) int {
	values := 0
	for i := range g.Ops {
		if l, ok := g.Ops[i].Attr.(ir.Linear); ok {
			values = g.Params[l.Weight].Elems() + g.Params[l.Bias].Elems()
		}
	}
	return values
}

// TestPublishedCounts compares presets with what their publishers count:
// torchvision without running means and variances, and multiply-adds of one
// clip, or of one frame of 224x224; of P3D-199 for Sports-1M the sum over the
// authors' Caffe definition, which says nothing of multiply-adds.
func TestPublishedCounts(t *testing.T) {
	for _, tt := range []struct {
		preset, input string
		learned       int
		gigaMACs      float64 // 0 where not given
	}{
		{"r2plus1d_18", "3x16x112x112", 31505325, 40.519},
		{"r3d_18", "3x16x112x112", 33371472, 40.697},
		{"mc3_18", "3x16x112x112", 11695440, 43.343},
		{"resnet50", "3x1x224x224", 25557032, 4.089},
		{"resnet152", "3x1x224x224", 60192808, 11.514},
		{"p3d199-caffe-sports1m", "3x16x160x160", 66842791 - 172288, 0},
	} {
		g := lower(t, preset(t, tt.preset, "input", tt.input))
		learned := 0
		for _, p := range g.Params {
			if p.Role != ir.RoleMean && p.Role != ir.RoleVariance {
				learned += p.Elems()
			}
		}
		if learned != tt.learned {
			t.Errorf("%s has %d learned values, want %d", tt.preset, learned, tt.learned)
		}
		if got := float64(g.TotalFLOPs()) / 2e9; tt.gigaMACs > 0 && math.Abs(got-tt.gigaMACs) > 0.0005 {
			t.Errorf("%s takes %.4f G multiply-adds, want %g", tt.preset, got, tt.gigaMACs)
		}
	}
}
