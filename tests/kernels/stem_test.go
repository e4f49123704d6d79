package kernels

import (
	"fmt"
	"testing"

	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// stemAxes returns every kernel, stride and padding along one axis that a stem
// may have, up to the usual sizes, and some beyond.
func stemAxes() []ir.Axis {
	var list []ir.Axis
	for _, kernel := range []int{1, 2, 3, 5, 7} {
		for stride := 1; stride <= 4; stride++ {
			for _, pad := range []int{0, (kernel - 1) / 2, kernel - 1} {
				if last := len(list) - 1; last < 0 || list[last] != axis(kernel, stride, pad) {
					list = append(list, axis(kernel, stride, pad))
				}
			}
		}
	}
	return append(list, axis(11, 4, 5), axis(13, 1, 6), axis(16, 7, 0))
}

// TestStems runs convolutions on the input, whose channels are few and lie
// close together, so that the taps of a row are one reduction.
func TestStems(t *testing.T) {
	var nets []*suite.Net
	want := wanted{}
	axes := stemAxes()
	frames := []ir.Axis{axis(1, 1, 0), axis(3, 1, 1), axis(2, 2, 0), axis(3, 2, 2), axis(1, 2, 0)}
	for c := 1; c <= 4; c++ {
		b := newGrapher("stem", ir.Shape{T: 3, H: 17, W: 19 + c, C: c})
		var last ir.ValueID
		for i, h := range axes {
			w := axes[(i*7+5*c)%len(axes)]
			steps := [][]ir.EpiStep{{bias, relu}, {bias}, {}}[i%3]
			last = b.conv(0, sweepOutputs[(i+c)%len(sweepOutputs)], ir.Window{T: frames[(i+c)%len(frames)], H: h, W: w}, i%2 == 0, steps...)
		}
		g := suite.TapAll(b.done(last, 7))
		if err := g.Verify(); err != nil {
			t.Fatal(err)
		}
		n, w, err := suite.Exact(fmt.Sprintf("stem%d", c), g, ir.ScheduleOptions{Winograd: ir.WinogradNever}, uint64(c))
		if err != nil {
			t.Fatal(err)
		}
		nets, want[n] = append(nets, n), w
	}
	check(t, nets, want, nil)
}
