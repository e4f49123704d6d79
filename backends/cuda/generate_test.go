package cuda

import (
	"bytes"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// chain is a graph of a convolution and a softmax, small enough to see through.
func chain(t *testing.T) *ir.Graph {
	t.Helper()
	g := &ir.Graph{Name: "chain", Input: ir.Input{
		Shape: ir.Shape{T: 2, H: 5, W: 4, C: 3}, Order: ir.BGR, Scale: 1, Mean: []float64{1, 2, 3}, Std: []float64{4, 4, 2},
	}}
	in := g.AddValue("input", g.Input.Shape)
	w := ir.Window{T: ir.Axis{Kernel: 2, Stride: 1}, H: ir.Axis{Kernel: 5, Stride: 1}, W: ir.Axis{Kernel: 4, Stride: 1}}
	conv := g.AddValue("conv", w.Out(g.Input.Shape, 10))
	g.Ops = append(g.Ops, ir.Op{
		Name: "conv", Attr: ir.Conv{Window: w, Out: 10, Weight: g.AddParam("w", 10, 3, 2, 5, 4), Bias: g.AddParam("b", 10)},
		In: []ir.ValueID{in}, Out: conv, Epi: []ir.EpiStep{{Kind: ir.EpiBias}, {Kind: ir.EpiReLU}},
	})
	y := g.AddValue("softmax", ir.Shape{T: 1, H: 1, W: 1, C: 10})
	g.Ops = append(g.Ops, ir.Op{Name: "softmax", Attr: ir.Softmax{}, In: []ir.ValueID{conv}, Out: y})
	g.Outputs = []ir.Output{{Name: "probabilities", Value: y}}
	return g
}

func TestSource(t *testing.T) {
	plan, err := Plan(chain(t), FP16)
	if err != nil {
		t.Fatal(err)
	}
	o := codegen.Options{Source: "chain.p3d", Version: "v0"}
	source := Source(FP16, o, plan)
	if !bytes.Equal(source, Source(FP16, o, plan)) {
		t.Error("the same plan gives other bytes")
	}
	for _, line := range strings.Split(string(source), "\n") {
		if strings.HasPrefix(line, "#include") && line != `#include "emulator.h"` {
			t.Errorf("the source includes something: %s", line)
		}
	}
	_, kernels, _ := strings.Cut(string(source), "// input\n")
	want := `struct Ingest0 {
    using Value = F16;
    using Out = Extent<2, 5, 4, 3, 8>;
    static constexpr bool SWAPS = true;
    static constexpr int THREADS = 256;
    static DEVICE float scale(int c) { return c == 0 ? 0.25f : c == 1 ? 0.25f : 0.5f; }
    static DEVICE float shift(int c) { return c == 0 ? -0.25f : c == 1 ? -0.5f : -1.5f; }
};
KERNEL(256, 2) chain_ingest0(PARAMETERS) {
    ingest_floats<Ingest0>(in, out, clips);
}
KERNEL(256, 2) chain_frames(PARAMETERS) {
    ingest_frames<Ingest0>(in, out, clips);
}

// conv
struct Conv32x32_k2x5x4x3_1 {
    using Value = F16;
    using Result = F16;
    using In = Extent<2, 5, 4, 3, 8>;
    using Out = Extent<1, 1, 1, 10, 16>;
    using Taps = Axes<2, 5, 4>;
    using Stride = Axes<1, 1, 1>;
    using Pad = Axes<0, 0, 0>;
    using Second = Nothing;
    using Every = Axes<1, 1, 1>;
    static constexpr bool ADDS = false, PROJECTS = false, PAIRS = false;
    static constexpr int POSITIONS = 32, CHANNELS = 32, WARPS_P = 2, WARPS_C = 2, STEP = 64, STAGES = 4;
    static DEVICE float finish(float x, float bias, float other) {
        x += bias;
        x = relu(x);
        return x;
    }
};
KERNEL(128, 3) chain_conv32x32_k2x5x4x3_1(PARAMETERS) {
    Convolution<Conv32x32_k2x5x4x3_1>::run(in, second, out, weights, bias, clips);
}

// softmax
struct Softmax2 {
    using Value = F16;
    using Result = Wide;
    using In = Extent<1, 1, 1, 10, 16>;
    using Out = Extent<1, 1, 1, 10, 16>;
    static constexpr int THREADS = 256;
};
KERNEL(256, 2) chain_softmax2(PARAMETERS) {
    softmax<Softmax2>(in, out, clips);
}

`
	if kernels != want {
		t.Errorf("got\n%s\nwant\n%s", kernels, want)
	}
}

// TestLaunches counts blocks and bytes by hand: pixels of the clip are padded to
// 8 values of 2 bytes, those of the others to 16.
func TestLaunches(t *testing.T) {
	plan, err := Plan(chain(t), FP16)
	if err != nil {
		t.Fatal(err)
	}
	list := Launches(plan)
	if len(list) != 3 {
		t.Fatalf("%d launches, want 3", len(list))
	}
	in, conv, softmax := list[0], list[1], list[2]
	if in.Kernel != "chain_ingest0" || in.Blocks(7) != 2 || in.In.Len != 120*4 || in.Out.Len != 40*8*2 {
		t.Errorf("the input's launch is %+v", in)
	}
	// Two taps in time, 5 x 4 in space, of 8 values: 320 are 10 steps of 32.
	if conv.Blocks(32) != 1 || conv.Blocks(33) != 2 || conv.Threads != 128 || conv.Shared != 4*64*(32+32) || conv.In != in.Out ||
		conv.Out.Len != 16*2 || conv.Weights.Len != 10*32*32*2 || conv.Bias != (Span{conv.Weights.Len, 32 * 4}) {
		t.Errorf("the convolution's launch is %+v", conv)
	}
	if softmax.Blocks(9) != 2 || softmax.In != conv.Out || softmax.Out.Len != 16*4 || softmax.Weights.Len != 0 {
		t.Errorf("softmax's launch is %+v", softmax)
	}
	for _, l := range list {
		if end := l.Out.Offset + l.Out.Len; end > ArenaBytes(plan) {
			t.Errorf("%s ends at %d of an arena of %d", l.Op, end, ArenaBytes(plan))
		}
	}
}

// TestPlans has plans for one clip, for a few and for many where their tiles differ,
// with kernels of other names.
func TestPlans(t *testing.T) {
	g := chain(t)
	if plans, err := Plans(g, FP16); err != nil || len(plans) != 1 {
		t.Fatalf("%d plans, %v, for a layer that is a single tile either way", len(plans), err)
	}
	g.Ops[0].Attr = ir.Conv{Window: ir.UnitWindow, Out: 640, Weight: g.AddParam("wide", 640, 3, 1, 1, 1), Bias: g.AddParam("bias", 640)}
	g.Values[g.Ops[0].Out].Shape = ir.Shape{T: 2, H: 5, W: 4, C: 640}
	g.Ops, g.Outputs = g.Ops[:1], []ir.Output{{Name: "features", Value: g.Ops[0].Out}}
	plans, err := Plans(g, FP16)
	if err != nil || len(plans) != 3 {
		t.Fatalf("%d plans, %v", len(plans), err)
	}
	source := string(Source(FP16, codegen.Options{}, plans...))
	for _, want := range []string{"KERNEL(256, 2) chain_frames(", "namespace chain_of1 {\n", "KERNEL(256, 2) chain_of1_frames(", "using namespace chain_of1;\n", "namespace chain_of8 {\n"} {
		if strings.Count(source, want) != 1 {
			t.Errorf("the source has not one %q", want)
		}
	}
	tables := tables{new(codegen.Printer), plans, FP16}
	least := 0
	end := tables.each(func(plan *ir.Plan, weights int) {
		if weights < least || weights%weightsAlign != 0 {
			t.Errorf("the weights of %s begin at %d, want at least %d", prefix(plan), weights, least)
		}
		least += 2 * plan.PackedLen
	})
	if end < least || end%weightsAlign != 0 {
		t.Errorf("all weights end at %d, want at least %d", end, least)
	}
}

func TestPlanErrors(t *testing.T) {
	g := chain(t)
	g.Ops[1].Attr = ir.ReLU{}
	if _, err := Plan(g, BF16); err == nil || !strings.HasPrefix(err.Error(), "softmax: no kernel computes ir.ReLU") {
		t.Errorf("planned an op without a kernel: %v", err)
	}
	m := BF16.Machine()
	m.Blocks.Shared = 1000
	if _, err := ir.ScheduleBlocks(chain(t), m, ir.FuseAuto); err == nil || err.Error() != "conv: no tile of results has room in 1000 bytes of shared memory" {
		t.Errorf("planned a tile without room: %v", err)
	}
}

func TestParsePrecision(t *testing.T) {
	for _, p := range Precisions() {
		if got, err := ParsePrecision(p.String()); got != p || err != nil {
			t.Errorf("%v is parsed as %v, %v", p, got, err)
		}
	}
	if _, err := ParsePrecision("int8"); err == nil || err.Error() != `no precision "int8", expected one of bf16, fp16, tf32, fp32` {
		t.Errorf("got %v", err)
	}
}
