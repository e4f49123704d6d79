package verify

import (
	"testing"

	"github.com/p3dc/p3dc/dsl"
)

// TestTolerance: residual networks have the least, C3D's chain of ten layers
// what the root of its 77,088 products' half says.
func TestTolerance(t *testing.T) {
	for name, want := range map[string][2]float64{
		"p3d63": {2e-6, 2e-6}, "resnet152": {2e-6, 2e-6}, "r2plus1d_34": {2e-6, 2e-6}, "c3d": {4.6e-6, 4.8e-6},
	} {
		net, err := dsl.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := dsl.Lower(net)
		if err != nil {
			t.Fatal(err)
		}
		if got := Tolerance(g); got < want[0] || got > want[1] {
			t.Errorf("%s may be off by %g, want %g to %g", name, got, want[0], want[1])
		}
	}
}
