package ir

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRegionWork compares the last region's work with numbers computed by hand.
func TestRegionWork(t *testing.T) {
	direct := ScheduleOptions{Fusion: FuseNever, Winograd: WinogradNever}
	for _, tc := range []struct {
		name, text string
		options    ScheduleOptions
		want       StepWork
	}{
		{
			"pointwise", `graph t: input 2x4x4x16 rgb
%1 a 2x4x4x32 = conv 1x1x1/1x1x1/0x0x0 w=w b=b %0 | bias relu
output y = %1`, direct,
			StepWork{FLOPs: 2 * 32 * 16 * 32, WeightBytes: 4 * (16*32 + 32), MapBytes: 4 * 32 * (16 + 32)},
		},
		{ // a pixel of four is read; output channels are not those of whole vectors
			"strided", `graph t: input 1x4x4x16 rgb
%1 a 1x2x2x10 = conv 1x1x1/1x2x2/0x0x0 w=w %0
output y = %1`, direct,
			StepWork{FLOPs: 2 * 4 * 16 * 10, WeightBytes: 4 * 16 * 10, MapBytes: 4 * 4 * (16 + 10)},
		},
		{ // padding in space is multiplied
			"spatial", `graph t: input 1x5x5x16 rgb
%1 a 1x5x5x16 = conv 1x3x3/1x1x1/0x1x1 w=w %0
output y = %1`, direct,
			StepWork{FLOPs: 2 * 25 * 9 * 16 * 16, WeightBytes: 4 * 9 * 16 * 16, MapBytes: 4 * 25 * (16 + 16)},
		},
		{ // nine tiles of 2x2 results and 16 points cover 5x5
			"spatial F(2,3)", `graph t: input 1x5x5x16 rgb
%1 a 1x5x5x16 = conv 1x3x3/1x1x1/0x1x1 w=w %0
output y = %1`, ScheduleOptions{Winograd: WinogradF2},
			StepWork{FLOPs: 2 * 9 * 16 * 16 * 16, WeightBytes: 4 * 16 * 16 * 16, MapBytes: 4 * 25 * (16 + 16)},
		},
		{ // four frames have 2, 3, 3 and 2 taps on the map
			"temporal", `graph t: input 4x2x2x16 rgb
%1 a 4x2x2x16 = conv 3x1x1/1x1x1/1x0x0 w=w %0
output y = %1`, direct,
			StepWork{FLOPs: 2 * 10 * 4 * 16 * 16, WeightBytes: 4 * 3 * 16 * 16, MapBytes: 4 * 16 * (16 + 16)},
		},
		{ // six points make four frames
			"temporal F(4,3)", `graph t: input 4x2x2x16 rgb
%1 a 4x2x2x16 = conv 3x1x1/1x1x1/1x0x0 w=w %0
output y = %1`, ScheduleOptions{Winograd: WinogradF4},
			StepWork{FLOPs: 2 * 6 * 4 * 16 * 16, WeightBytes: 4 * 6 * 16 * 16, MapBytes: 4 * 16 * (16 + 16)},
		},
		{ // 5x5 points of 2x2 phases make 2x2 results, of which there are 4x4
			"stem F(2,7/2)", `graph t: input 1x16x16x3 rgb
%1 a 1x8x8x16 = conv 1x7x7/1x2x2/0x3x3 w=w b=b %0 | bias
output y = %1`, ScheduleOptions{Winograd: WinogradF2},
			StepWork{FLOPs: 2 * 16 * 25 * 4 * 3 * 16, WeightBytes: 4 * (25*4*3*16 + 16), MapBytes: 4 * (256*3 + 64*16)},
		},
		{ // the value added is read, too; its maps are the input's
			"sum", `graph t: input 1x4x4x16 rgb
%1 a 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=v %0
%2 b 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=w %1 | add %0
output y = %2`, direct,
			StepWork{FLOPs: 2 * 16 * 16 * 16, WeightBytes: 4 * 16 * 16, MapBytes: 4 * 16 * (16 + 16 + 16)},
		},
		{ // %1 becomes a step of %3, whose bias is the sum of both
			"projection", `graph t: input 2x6x6x4 rgb
%1 shortcut 2x3x3x16 = conv 1x1x1/1x2x2/0x0x0 w=s b=sb %0 | bias
%2 reduce 2x3x3x8 = conv 1x1x1/1x2x2/0x0x0 w=r b=rb %0 | bias relu
%3 expand 2x3x3x16 = conv 1x1x1/1x1x1/0x0x0 w=e b=eb %2 | bias add %1 relu
output y = %3`, direct,
			StepWork{FLOPs: 2 * 18 * (8 + 4) * 16, WeightBytes: 4 * ((8+4)*16 + 16), MapBytes: 4 * 18 * (8 + 4 + 16)},
		},
		{
			"linear", `graph t: input 1x1x1x16 rgb
%1 a 1x1x1x10 = linear w=w b=b %0 | bias
output y = %1`, direct,
			StepWork{FLOPs: 2 * 16 * 10, WeightBytes: 4 * (16*10 + 10), MapBytes: 4 * (16 + 10)},
		},
		{
			"pool", `graph t: input 1x4x4x16 rgb
%1 a 1x2x2x16 = pool max 1x3x3/1x2x2/0x1x1 %0
output y = %1`, direct,
			StepWork{MapBytes: 4 * (16*16 + 4*16)},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := scheduleWith(t, fuse(t, parseGraph(t, tc.text)), wideMachine, tc.options)
			got := p.RegionWork(&p.Regions[len(p.Regions)-1])
			if d := cmp.Diff([]StepWork{tc.want}, got); d != "" {
				t.Errorf("(-want +got):\n%s\n%v", d, p)
			}
			if d := cmp.Diff([]StepWork{{MapBytes: 4 * int64(p.Graph.Input.Shape.Elems())}}, p.RegionWork(&p.Regions[0])); d != "" {
				t.Errorf("input (-want +got):\n%s", d)
			}
		})
	}
}

// TestFusedRegionWork has a region whose tiles compute rows of the convolution
// twice, which the pool behind it reads from scratch memory.
func TestFusedRegionWork(t *testing.T) {
	g := fuse(t, parseGraph(t, `graph t: input 1x16x8x16 rgb
%1 a 1x16x8x32 = conv 1x1x1/1x1x1/0x0x0 w=w %0
%2 p 1x8x4x32 = pool max 1x3x3/1x2x2/0x1x1 %1
output y = %2`))
	p := schedule(t, g, wideMachine, FuseAlways)
	r := &p.Regions[1]
	tiles := r.Tiles().Elems()
	if len(p.Regions) != 2 || tiles < 2 {
		t.Fatalf("want a region of several tiles:\n%v", p)
	}
	rows := 16 + tiles - 1 // each tile but the first begins with a row of the one before
	want := []StepWork{
		{FLOPs: 2 * int64(rows) * 8 * 16 * 32, WeightBytes: 4 * 16 * 32, MapBytes: 4 * 16 * 8 * 16},
		{MapBytes: 4 * 8 * 4 * 32},
	}
	if d := cmp.Diff(want, p.RegionWork(r)); d != "" {
		t.Errorf("(-want +got):\n%s\n%v", d, p)
	}
}

// TestRegionWorkReadsOnce has a region of two steps that read the same value.
func TestRegionWorkReadsOnce(t *testing.T) {
	g := fuse(t, parseGraph(t, `graph t: input 1x4x4x16 rgb
%1 a 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=v %0
%2 b 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=w %1 | add %0
output y = %2`))
	p := schedule(t, g, wideMachine, FuseAlways)
	if len(p.Regions) != 2 {
		t.Fatalf("want one region:\n%v", p)
	}
	const conv, values = 2 * 16 * 16 * 16, 4 * 16 * 16
	want := []StepWork{{FLOPs: conv, WeightBytes: values, MapBytes: values}, {FLOPs: conv, WeightBytes: values, MapBytes: values}}
	if d := cmp.Diff(want, p.RegionWork(&p.Regions[1])); d != "" {
		t.Errorf("(-want +got):\n%s\n%v", d, p)
	}
}

// TestRegionWorkAddsUp wants what a plan without transforms and fusion does to
// be what the graph says but for the taps on padding frames, whatever the tiles.
func TestRegionWorkAddsUp(t *testing.T) {
	g := fuse(t, smallNet())
	want := g.TotalFLOPs()
	for i := range g.Ops {
		if conv, ok := g.Ops[i].Attr.(Conv); ok {
			in, out := g.Values[g.Ops[i].In[0]].Shape, g.Values[g.Ops[i].Out].Shape
			want -= 2 * int64(tapsOnPadding(conv.T, in.T)*conv.H.Kernel*conv.W.Kernel*in.C*out.H*out.W*out.C)
		}
	}
	if want == g.TotalFLOPs() {
		t.Fatal("no tap is on a padding frame")
	}
	for _, m := range testMachines {
		p := scheduleWith(t, g, m, ScheduleOptions{Fusion: FuseNever, Winograd: WinogradNever})
		var flops int64
		for i := range p.Regions {
			for _, w := range p.RegionWork(&p.Regions[i]) {
				flops += w.FLOPs
			}
		}
		if flops != want {
			t.Errorf("%s: %d FLOPs, want %d", m.Name, flops, want)
		}
	}
}

// tapsOnPadding counts the taps beside n elements, over all results.
func tapsOnPadding(a Axis, n int) int {
	sum := 0
	for o := range a.Out(n) {
		for k := range a.Kernel {
			if at := o*a.Stride - a.Pad + k; at < 0 || at >= n {
				sum++
			}
		}
	}
	return sum
}

func TestVisited(t *testing.T) {
	in := Shape{T: 4, H: 10, W: 9, C: 8}
	for _, tc := range []struct {
		name   string
		window Window
		want   int
	}{
		{"pointwise", UnitWindow, 4 * 10 * 9 * 8},
		{"overlapping", cube(1, 3, 3).stride(1, 2, 2).pad(0, 1, 1), 4 * 10 * 9 * 8},
		{"strided", cube(1, 1, 1).stride(1, 2, 2), 4 * 5 * 5 * 8},
	} {
		if got := visited(tc.window, in, tc.window.Out(in, in.C)); got != tc.want {
			t.Errorf("%s: visited %d values, want %d", tc.name, got, tc.want)
		}
	}
}
