package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

func TestRoofline(t *testing.T) {
	r, err := Roofline(t.Context(), load(t), Options{Threads: 1, Runs: 5})
	if err != nil {
		if strings.Contains(err.Error(), "no ceilings to measure") {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	if r.Network != "tiny" || r.Threads != 1 || r.Runs != 5 || r.PeakGFLOPS <= 0 || r.PeakISA == "" || r.MemoryGBs <= 0 || r.L2GBs <= 0 {
		t.Errorf("measured %+v", r)
	}
	if n := len(r.Regions); n < 3 || r.Regions[0].Name != "input" || r.Regions[n-1].Name != "softmax" {
		t.Errorf("measured %+v", r.Regions)
	}
	if _, err := Roofline(t.Context(), load(t), Options{Sessions: 2}); err == nil || !strings.Contains(err.Error(), "one session") {
		t.Errorf("two sessions: %v", err)
	}
}

// TestRooflineRegions compares a network's regions, a layer each, with what was
// computed by hand.
func TestRooflineRegions(t *testing.T) {
	n, err := dsl.Parse("net.p3d", []byte(`network net {
    input rgb 3x4x8x8
    block bottleneck mix C
    conv 16 kernel 1x3x3 pad 0x1x1
    stage res2 width 16 blocks 1
    conv 8 kernel 3x3x3 pad 1x1x1
    pool average
    linear 2
}`))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	plans, err := harness.Plans(g, ir.ScheduleOptions{Fusion: ir.FuseNever, Winograd: ir.WinogradNever})
	if err != nil {
		t.Fatal(err)
	}
	var r RooflineResult
	measured := slices.Repeat([]RegionResult{{Cost: Cost{MedianMS: 1}}}, len(plans[0].Regions))
	r.fill(plans[0], measured)
	const (
		area   = 8 * 8
		pixels = 4 * area
		taps   = 10 // of three on each of four frames, those on padding left out
	)
	want := []RooflineRegion{
		{Name: "input", Bytes: 4 * pixels * 3},
		{Name: "conv1_custom", Kind: "stem", FLOPs: 2 * pixels * 9 * 3 * 16, Bytes: 4 * (9*3*16 + 16 + pixels*(3+16))},
		{Name: "layer1.0.conv1", Kind: "pointwise", FLOPs: 2 * pixels * 16 * 16, Bytes: 4 * (16*16 + 16 + pixels*(16+16))},
		{Name: "layer1.0.conv2", Kind: "spatial", FLOPs: 2 * pixels * 9 * 16 * 16, Bytes: 4 * (9*16*16 + 16 + pixels*(16+16))},
		// What it adds is its own input.
		{Name: "layer1.0.conv3", Kind: "temporal", FLOPs: 2 * area * taps * 16 * 16, Bytes: 4 * (3*16*16 + 16 + pixels*(16+16))},
		// The shortcut's projection is a part of it.
		{Name: "layer1.0.conv4", Kind: "pointwise", FLOPs: 2 * pixels * (16 + 16) * 64, Bytes: 4 * ((16+16)*64 + 64 + pixels*(16+16+64))},
		{Name: "conv2_custom", Kind: "3-D", FLOPs: 2 * area * taps * 9 * 64 * 8, Bytes: 4 * (27*64*8 + 8 + pixels*(64+8))},
		{Name: "pool1", Bytes: 4 * (pixels*8 + 8)},
		{Name: "fc", Kind: "linear", FLOPs: 2 * 8 * 2, Bytes: 4 * (8*2 + 2 + 8 + 2)},
	}
	for i := range want {
		want[i].MedianMS = 1
	}
	if d := cmp.Diff(want, r.Regions); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRooflineRates(t *testing.T) {
	r := RooflineRegion{FLOPs: 6e9, Bytes: 2e9, MedianMS: 20}
	if r.Intensity() != 3 || r.GFLOPS() != 300 {
		t.Errorf("%g operations a byte, %g GFLOP/s; want 3, 300", r.Intensity(), r.GFLOPS())
	}
}

// TestKindOf wants the kinds of a fused region, each once, in order.
func TestKindOf(t *testing.T) {
	n, err := dsl.Preset("p3d63")
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	plans, err := harness.Plans(g, ir.ScheduleOptions{Fusion: ir.FuseAlways})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for i := range plans[0].Regions {
		r := &plans[0].Regions[i]
		kinds[r.Name] = kindOf(plans[0], r)
	}
	want := "spatial + temporal + pointwise"
	if name := "layer1.1.conv2..layer1.2.conv1"; kinds[name] != want {
		t.Errorf("%s is %q, want %q; all: %v", name, kinds[name], want, kinds)
	}
}
