package kernels

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// longSums has sums that kernels make in parts, alone, with a residual, and with
// a projected one, on frames of which the first and the last have fewer taps.
const longSums = `network net {
    batchnorm epsilon 0.5
    input rgb 3x3x3x5
    block basic mix full
    conv 24 kernel 1x1x1
    stage res2 width 176 blocks 2
    names torchvision
    pool max
    linear 7
}
`

func TestLongSums(t *testing.T) {
	deployed := lower(t, longSums)
	var nets []*suite.Net
	want := wanted{}
	for i, g := range []*ir.Graph{deployed, suite.TapAll(deployed)} {
		n, w, err := suite.Exact(fmt.Sprintf("long%d", i), g, ir.ScheduleOptions{Winograd: ir.WinogradNever}, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		nets, want[n] = append(nets, n), w
		usesStack(t, n)
	}
	check(t, nets, want, nil)
}

// usesStack checks that kernels keep sums on the stack, on each instruction set.
func usesStack(t *testing.T, n *suite.Net) {
	t.Helper()
	files, err := n.Generate()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range files {
		if strings.HasPrefix(f.Name, "kernels_") && bytes.Contains(f.Content, []byte("(SP)")) {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%s sums in parts in %d files of kernels, want 2", n.Name, found)
	}
}
