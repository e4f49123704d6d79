package figure

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// plan is a made-up plan of four regions.
func plan() *ir.Plan {
	shape := func(t, h, c int) ir.Shape { return ir.Shape{T: t, H: h, W: h, C: c} }
	return &ir.Plan{
		Graph:   &ir.Graph{Name: "net"},
		Machine: ir.Machine{Name: "avx512"},
		Regions: []ir.Region{{Name: "input"}, {Name: "a", Cycles: 3e6}, {Name: "b<&>", Cycles: 1e6}, {Name: "c", Cycles: 1e4}},
		Buffers: []ir.Buffer{
			{Name: "input", Shape: shape(8, 32, 3), Len: 40_000, First: 0, Last: 1},
			{Name: "a.relu", Shape: shape(8, 16, 16), Base: 40_000, Len: 33_000, First: 1, Last: 2},
			{Name: "shared", Shape: shape(8, 16, 16), Len: 33_000, First: 2, Last: -1},
			{Name: "b<&>", Shape: shape(4, 8, 16), Len: 4096, First: 2, Last: 3},
			{Name: "scores", Shape: shape(1, 1, 10), Base: 8192, Len: 16, First: 3, Last: 4},
			{Name: "a.points", Space: ir.Scratch, Shape: shape(36, 4, 16), Len: 9216, First: 1, Last: 1},
			{Name: "a.sums", Space: ir.Scratch, Shape: shape(36, 4, 16), Base: 9216, Len: 9216, First: 1, Last: 1},
			{Name: "c.points", Space: ir.Scratch, Shape: shape(16, 2, 16), Len: 1024, First: 3, Last: 3},
		},
		ArenaLen: 73_000, ScratchLen: 18_432,
	}
}

func TestMemoryGolden(t *testing.T) { golden(t, "memory.svg", Memory(plan())) }

func TestMemoryTexts(t *testing.T) {
	e := read(t, Memory(plan()))
	contains(t, e, "text", "Arena of a session: 285.2 KiB", "Scratch memory of a thread: 72.0 KiB", "a.relu", "8x16x16", "1x1x1", "256 KiB")
	contains(t, e, "title",
		"input: 3x8x32x32, 156.2 KiB from region 0 to 1",
		"b<&>: 16x4x8x8, 16.0 KiB from region 2 to 3",
		"scores: 10x1x1x1, 64 B from region 3 to 3",
		"a: 72.0 KiB", "c: 4.0 KiB")
	if slices.ContainsFunc(e.all("title"), func(s string) bool { return strings.HasPrefix(s, "shared") }) {
		t.Error("a map that lies in another's memory is drawn")
	}
}

// TestStarts wants regions as wide as their time, but none too narrow, and all
// of them from the left to the right.
func TestStarts(t *testing.T) {
	at := starts([]ir.Region{{}, {Cycles: 600}, {Cycles: 200}, {Cycles: 0}})
	// 50 cycles are a quarter of an even share.
	want := []float64{0, 50, 650, 850, 900}
	for i := range want {
		if x := memoryLeft + (memoryRight-memoryLeft)*want[i]/900; math.Abs(at[i]-x) > 1e-9 {
			t.Errorf("region %d begins at %g, want %g", i, at[i], x)
		}
	}
	even := starts(make([]ir.Region, 2))
	if want := []float64{memoryLeft, (memoryLeft + memoryRight) / 2, memoryRight}; fmt.Sprint(even) != fmt.Sprint(want) {
		t.Errorf("regions without times begin at %v, want %v", even, want)
	}
}

func TestByteStep(t *testing.T) {
	for _, tc := range []struct{ size, lines, want int }{
		{0, 8, 1}, {8, 8, 1}, {9, 8, 2}, {24_428_544, 8, 4 << 20}, {2_244_992, 4, 1 << 20},
	} {
		if got := byteStep(tc.size, tc.lines); got != tc.want {
			t.Errorf("lines every %d bytes of %d, want %d", got, tc.size, tc.want)
		}
	}
}
