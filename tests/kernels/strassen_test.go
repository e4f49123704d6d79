package kernels

import (
	"fmt"
	"slices"
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestStrassen runs pointwise layers of small integers by Strassen's algorithm,
// which makes sums of them only: every bit is expected. Layers end in every
// epilogue, are by themselves and share regions, and are cut in tasks of some
// channels and of some rows.
func TestStrassen(t *testing.T) {
	nets, want := strassenNets(t)
	check(t, nets, want, nil)
}

func strassenNets(t *testing.T) ([]*suite.Net, wanted) {
	t.Helper()
	var nets []*suite.Net
	want := wanted{}
	for i, s := range []ir.Shape{{T: 2, H: 7, W: 11, C: 3}, {T: 4, H: 5, W: 6, C: 2}, {T: 2, H: 1, W: 1, C: 1}, {T: 6, H: 3, W: 17, C: 3}} {
		for j, f := range fusions {
			b := newGrapher("strassen", s)
			narrow, wide := 32*(1+i%2), 32*(4+i)
			x := b.conv(0, narrow, ir.UnitWindow, true, bias, relu)
			y := b.conv(x, wide, ir.UnitWindow, true, bias, relu)
			z := b.conv(y, narrow, ir.UnitWindow, false, bias, ir.EpiStep{Kind: ir.EpiAdd, Arg: x, Every: ir.NoSkip}, relu)
			z = b.conv(z, wide, ir.UnitWindow, j%2 == 0, bias, relu, ir.EpiStep{Kind: ir.EpiAdd, Arg: y, Every: ir.NoSkip})
			g := b.done(b.conv(z, 64, ir.UnitWindow, false), 7)
			if i%2 == 1 {
				g = suite.TapAll(g)
			}
			if err := g.Verify(); err != nil {
				t.Fatal(err)
			}
			n, w, err := suite.Exact(fmt.Sprintf("s%d%s", i, f.name), g, ir.ScheduleOptions{Fusion: f.mode, Winograd: ir.WinogradF2}, uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			nets, want[n] = append(nets, n), w
			plans, err := avx.Plans(g, n.Schedule)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range plans {
				if by := slices.IndexFunc(p.Packs, func(pk ir.Pack) bool { return pk.Transform.Parts() == 1 && pk.In > 3 && pk.Conv.Out > 7 }); by >= 0 {
					t.Errorf("%s on %s: %s is not computed by Strassen's algorithm", n.Name, p.Machine.Name, p.Packs[by].Op)
				}
			}
		}
	}
	return nets, want
}
