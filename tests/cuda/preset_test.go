package cuda

import (
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestPreset compares every value of P3D-63, on smaller frames than usual, with
// the interpreter. The logits of a whole network may be off by 2e-2 in bfloat16.
func TestPreset(t *testing.T) {
	compiler(t)
	if testing.Short() {
		t.Skip("compiles for some seconds")
	}
	t.Parallel()
	g := preset(t, "input", "3x16x48x48")
	c := newComparison(t, g, 2)
	b := prepare(t, plan(t, g, cuda.BF16), cuda.BF16, c.weights)
	compile(t, b.dir, "main.cpp", "program", "-O2")
	got := b.run(t, input{clips: 2, frames: c.frames})
	c.check(t, b, got)
	for i, logits := range got["logits"] {
		if d := suite.Distance(logits, c.want[i]["logits"]); !(d <= 2e-2) {
			t.Errorf("the logits of clip %d are off by %.3g (relative L2)", i, d)
		}
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
