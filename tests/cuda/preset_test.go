package cuda

import (
	"fmt"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestPreset compares every value of P3D-63, on smaller frames than usual, with
// the interpreter; then the outputs without taps, as it ships, of which more is in one
// kernel. The logits of a whole network may be off by 2e-2 in bfloat16.
func TestPreset(t *testing.T) {
	compiler(t)
	if testing.Short() {
		t.Skip("compiles for some seconds")
	}
	t.Parallel()
	g := preset(t, "input", "3x16x40x32")
	c := newComparison(t, g, 2)
	bare := g.Clone()
	bare.Taps = nil
	for _, g := range []*ir.Graph{g, suite.Fuse(t, bare)} {
		t.Run(fmt.Sprintf("%d taps", len(g.Taps)), func(t *testing.T) {
			t.Parallel()
			b := prepare(t, plan(t, g, cuda.BF16), cuda.BF16, c.weights)
			compile(t, b.dir, "main.cpp", "program", "-O2")
			got := b.run(t, input{clips: 2, frames: c.frames})
			c.check(t, b, got)
			for i, logits := range got["logits"] {
				if d := suite.Distance(logits, c.want[i]["logits"]); !(d <= 2e-2) {
					t.Errorf("the logits of clip %d are off by %.3g (relative L2)", i, d)
				}
			}
		})
	}
}

// TestTraffic counts the launches of P3D-63 as it ships in bf16, and the bytes of maps
// that they move for a clip: what RATIONALE.md and docs/cuda.md say.
func TestTraffic(t *testing.T) {
	g := preset(t)
	g.Taps = nil
	p, bytes := plan(t, suite.Fuse(t, g), cuda.BF16), int64(0)
	for i := range p.Regions {
		for _, w := range p.RegionWork(&p.Regions[i]) {
			bytes += w.MapBytes / 4 * int64(cuda.BF16.Bytes())
		}
	}
	if launches := len(cuda.Launches(p)); launches != 54 || (bytes+5e4)/1e5 != 859 {
		t.Errorf("%d launches move %d bytes a clip, the documents say 54 and 85.9 MB", launches, bytes)
	}
}

// preset returns P3D-63 with settings, fused.
func preset(t *testing.T, settings ...string) *ir.Graph {
	t.Helper()
	n, err := dsl.Load("p3d63")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(settings); i += 2 {
		if err := dsl.Set(n, settings[i], settings[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return suite.Fuse(t, g)
}
