package cuda

import (
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/codegen/support"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestNVRTCSingle compiles the kernels of P3D-63 for single clips and for a few, for one
// kind of GPU. None may use local memory.
func TestNVRTCSingle(t *testing.T) {
	library := nvrtc(t)
	if testing.Short() {
		t.Skip("compiles for some seconds")
	}
	t.Parallel()
	g := preset(t)
	g.Taps = nil
	plans, err := cuda.Plans(suite.Fuse(t, g), cuda.BF16)
	if err != nil || len(plans) != 3 {
		t.Fatalf("%d plans, %v", len(plans), err)
	}
	source := cuda.Source(cuda.BF16, codegen.Options{Source: "p3d63.p3d", Version: "test"}, plans[:2]...)
	code, err := support.CompileCUDA(library, "p3d63.cu", source, "sm_80", "--ptxas-options=-v")
	if err != nil {
		t.Fatal(err)
	}
	use := resources(t, code.Log)
	for _, p := range plans[:2] {
		if use[cuda.FramesKernel(p)] == 0 {
			t.Errorf("no kernels for %d clips were compiled\n%s", p.Machine.Blocks.Clips, code.Log)
		}
	}
}
