package cuda

import (
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// block is a graph of a block of kind C behind its reduction, with a projected
// shortcut.
func block(t *testing.T) *ir.Graph {
	t.Helper()
	g := &ir.Graph{Name: "net", Input: ir.Input{
		Shape: ir.Shape{T: 2, H: 9, W: 7, C: 16}, Scale: 1, Mean: make([]float64, 16), Std: make([]float64, 16),
	}}
	for c := range g.Input.Std {
		g.Input.Std[c] = 1
	}
	unit := ir.Unit
	conv := func(name string, in ir.ValueID, out int, w ir.Window, epi ...ir.EpiStep) ir.ValueID {
		from := g.Values[in].Shape
		v := g.AddValue(name, w.Out(from, out))
		g.Ops = append(g.Ops, ir.Op{
			Name: name, In: []ir.ValueID{in}, Out: v, Epi: append(epi, ir.EpiStep{Kind: ir.EpiReLU}),
			Attr: ir.Conv{Window: w, Out: out, Weight: g.AddParam(name+".w", out, from.C, w.T.Kernel, w.H.Kernel, w.W.Kernel), Bias: g.AddParam(name+".b", out)},
		})
		return v
	}
	bias := ir.EpiStep{Kind: ir.EpiBias}
	in := g.AddValue("input", g.Input.Shape)
	s := conv("S", in, 20, ir.Window{T: unit, H: ir.Axis{Kernel: 3, Stride: 2, Pad: 1}, W: ir.Axis{Kernel: 3, Stride: 2, Pad: 1}}, bias)
	sum := conv("T", s, 20, ir.Window{T: ir.Axis{Kernel: 3, Stride: 1, Pad: 1}, H: unit, W: unit}, bias, ir.EpiStep{Kind: ir.EpiReLU}, ir.EpiStep{Kind: ir.EpiAdd, Arg: s, Every: ir.NoSkip})
	projection := ir.Conv{Window: ir.UnitWindow, Out: 40, Weight: g.AddParam("P.w", 40, 16, 1, 1, 1), Bias: ir.NoParam}
	e := conv("E", sum, 40, ir.UnitWindow, bias, ir.EpiStep{Kind: ir.EpiProject, Arg: in, Every: ir.Skip{T: 1, H: 2, W: 2}, Conv: &projection})
	g.Outputs = []ir.Output{{Name: "y", Value: e}}
	return g
}

// TestBlockSource compares the constants of a fused block with those counted by
// hand. A tile is a row of 4 positions, in bf16; it reads 3 x 9 pixels of two
// accesses, which lie three apart: 54 x 48 bytes of both frames. S has three accesses
// a pixel, 8 x 48 bytes, and the sum takes the place of what was read. Three steps
// of 32 columns and 32 projected rows follow, and the zeros.
func TestBlockSource(t *testing.T) {
	plan, err := Plan(block(t), BF16)
	if err != nil {
		t.Fatal(err)
	}
	_, source, _ := strings.Cut(string(Source(BF16, codegen.Options{Source: "net.p3d", Version: "v0"}, plan)), "// S..E\n")
	want := `struct Block2x4_0 {
    using Value = Bf16;
    using In = Extent<2, 9, 7, 16, 16>;
    using Out = Extent<2, 5, 4, 40, 40>;
    using Second = Extent<2, 9, 7, 16, 16>;
    using Source = Tile<2, 5, 9, 2, 3, 0>;
    using Begin = Axes<1, 2, 2>;
    using Before = Axes<0, 1, 1>;
    using Every = Axes<1, 2, 2>;
    static constexpr int ROWS = 2, COLS = 4, POSITIONS = 32, CHANNELS = 32, WARPS_P = 2, WARPS_C = 2, STAGES = 3;
    static constexpr int STAGES_AT = 5088, ZEROS_AT = 17376;
    static constexpr bool PROJECTS = true;
};
struct Block2x4_0_0 {
    using From = Tile<2, 5, 9, 2, 3, 0>;
    using To = Tile<2, 2, 4, 3, 3, 4320>;
    using Add = Tile<0, 0, 0, 0, 0, -1>;
    using Taps = Axes<1, 3, 3>;
    using Stride = Axes<1, 2, 2>;
    using Pad = Axes<0, 0, 0>;
    using Result = Bf16;
    static constexpr bool ADDS = false, PAIRS = false;
    static constexpr int BIAS = 0;
    static DEVICE float finish(float x, float bias, float other) {
        x += bias;
        x = relu(x);
        return x;
    }
};
struct Block2x4_0_1 {
    using From = Tile<2, 2, 4, 3, 3, 4320>;
    using To = Tile<2, 2, 4, 3, 3, 0>;
    using Add = Tile<2, 2, 4, 3, 3, 4320>;
    using Taps = Axes<3, 1, 1>;
    using Stride = Axes<1, 1, 1>;
    using Pad = Axes<1, 0, 0>;
    using Result = Bf16;
    static constexpr bool ADDS = true, PAIRS = false;
    static constexpr int BIAS = 32;
    static DEVICE float finish(float x, float bias, float other) {
        x += bias;
        x = relu(x);
        x += other;
        x = relu(x);
        return x;
    }
};
struct Block2x4_0_2 {
    using From = Tile<2, 2, 4, 3, 3, 0>;
    using To = Tile<2, 0, 0, 5, 0, -1>;
    using Add = Tile<0, 0, 0, 0, 0, -1>;
    using Taps = Axes<1, 1, 1>;
    using Stride = Axes<1, 1, 1>;
    using Pad = Axes<0, 0, 0>;
    using Result = Bf16;
    static constexpr bool ADDS = false, PAIRS = false;
    static constexpr int BIAS = 64;
    static DEVICE float finish(float x, float bias, float other) {
        x += bias;
        x = relu(x);
        return x;
    }
};
KERNEL(128, 3) net_block2x4_0(PARAMETERS) {
    fused_block<Block2x4_0, Block2x4_0_2, Block2x4_0_0, Block2x4_0_1>(in, second, out, weights, bias);
}

`
	if source != want {
		t.Errorf("got\n%s\nwant\n%s", source, want)
	}
	list := Launches(plan)
	l := list[len(list)-1]
	if l.Op != "S..E" || l.Kernel != "net_block2x4_0" || l.Blocks(3) != 3*3 || l.Threads != 128 || l.Shared != 17376+16 {
		t.Errorf("the block's launch is %+v", l)
	}
	// Steps of 4 accesses, for 32 channels: 18 of S, 9 of the sum, and for each of E's
	// two panels 3 of the sum and 2 of what is projected.
	if l.Weights.Len != (5+3+2*(1+1))*32*64 || l.Bias.Len != 4*32*4 || l.In != list[0].Out || l.Second != list[0].Out {
		t.Errorf("the block's operands are %+v", l)
	}
}

// TestPairs has a pool over pairs of frames in the kernel before it: of the block, and
// of its last layer by itself. Both compute two frames and store one.
func TestPairs(t *testing.T) {
	g := block(t)
	e := g.Outputs[0].Value
	window := ir.Window{T: ir.Axis{Kernel: 2, Stride: 2}, H: ir.Unit, W: ir.Unit}
	v := g.AddValue("pool", window.Out(g.Values[e].Shape, 40))
	g.Ops = append(g.Ops, ir.Op{Name: "pool", Attr: ir.Pool{Window: window}, In: []ir.ValueID{e}, Out: v})
	g.Outputs[0].Value = v
	for _, tc := range []struct {
		fusion        ir.Fusion
		op, constants string
		blocks        int // for 3 clips
	}{
		// As without a pool, tiles are two rows of 4 pixels.
		{ir.FuseAlways, "S..pool", "Out = Extent<1, 5, 4, 40, 40>;\n!To = Tile<2, 0, 0, 5, 0, -1>;\n!ADDS = false, PAIRS = true;", 3 * 3},
		// 60 pixels of 16 pairs of frames a tile, and two tiles of channels.
		{ir.FuseNever, "E..pool", "Out = Extent<1, 5, 4, 40, 40>;\n!PROJECTS = true, PAIRS = true;", 4 * 2},
	} {
		plan, err := ir.ScheduleBlocks(g, BF16.Machine(), tc.fusion)
		if err != nil {
			t.Fatal(err)
		}
		_, source, found := strings.Cut(string(Source(BF16, codegen.Options{}, plan)), "// "+tc.op+"\n")
		if !found {
			t.Fatalf("the source has no %s", tc.op)
		}
		for _, want := range strings.Split(tc.constants, "!") {
			if !strings.Contains(source, want) {
				t.Errorf("%s has no %q\n%s", tc.op, want, source)
			}
		}
		list := Launches(plan)
		l := list[len(list)-1]
		if l.Op != tc.op || l.Blocks(3) != tc.blocks || l.Out.Len != 20*40*2 {
			t.Errorf("the launch of %s is %+v with %d blocks for 3 clips, want %d", tc.op, l, l.Blocks(3), tc.blocks)
		}
	}
}
