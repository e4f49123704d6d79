package kernels

import (
	"fmt"
	"testing"

	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// wanted is what the interpreter computes for each network.
type wanted map[*suite.Net]map[string][]float64

// check runs all networks on all instruction sets and compares every value
// with the interpreter's: they must be equal. Sources are printed of networks
// that fail.
func check(t *testing.T, nets []*suite.Net, want wanted, sources map[*suite.Net]string) {
	t.Helper()
	guard(nets)
	p := suite.Build(t, nets)
	for _, r := range p.Run(t, p.ISAs(t)) {
		for name, got := range r.Values {
			if msg := differ(got, want[r.Net][name]); msg != "" {
				t.Errorf("%s on %s: %s, %v: %s\n%s", r.Net.Name, r.ISA, name, shapeOf(r.Net.Graph, name), msg, sources[r.Net])
				break
			}
		}
	}
}

// guard has networks run once more with every kernel's operands between pages
// that cannot be touched, so that one value too far ends the program.
func guard(nets []*suite.Net) {
	for _, n := range nets {
		n.Guarded = suite.CanGuard()
	}
}

func shapeOf(g *ir.Graph, name string) ir.Shape {
	for _, o := range append(append([]ir.Output(nil), g.Outputs...), g.Taps...) {
		if o.Name == name {
			return g.Values[o.Value].Shape
		}
	}
	return ir.Shape{}
}

// differ describes the difference of two results, "" where they are equal. One
// NaN is like another.
func differ(got []float32, want []float64) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	n, first := 0, -1
	for i := range got {
		if float64(got[i]) != want[i] && !(got[i] != got[i] && want[i] != want[i]) {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d values differ, the first is element %d: %v, want %v", n, len(got), first, got[first], want[first])
}
