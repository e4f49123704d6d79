package ir

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// blockMachines have a multiprocessor or many, and values of both sizes.
var blockMachines = []Machine{
	{Name: "narrow", Lanes: 8, Cores: 108, Blocks: BlockMachine{ValueBytes: 2, Shared: 99 << 10, Clips: 8}},
	{Name: "wide", Lanes: 4, Cores: 1, Blocks: BlockMachine{ValueBytes: 4, Shared: 99 << 10, Clips: 1}},
}

// TestBlockPlanAgreesWithGraph draws networks and compares the interpreter of
// plans for blocks of threads with the graph's.
func TestBlockPlanAgreesWithGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawNet(t)
		m := rapid.SampledFrom(blockMachines).Draw(t, "machine")
		seed := rapid.Uint64().Draw(t, "seed")
		g, err := RunPasses(b.g, Passes())
		if err != nil {
			t.Fatalf("%v\n%v", err, b.g)
		}
		w, clip := randomWeights(g, seed), randomClip(g, seed)
		want, err := Interpret(g, w, clip)
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		f := rapid.SampledFrom([]Fusion{FuseAuto, FuseNever, FuseAlways}).Draw(t, "fusion")
		p, err := ScheduleBlocks(g, m, f)
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		got, err := InterpretPlan(p, w, clip)
		if err != nil {
			t.Fatalf("%v\n%v", err, p)
		}
		comparePlan(t, p, m.Name, got, want)
	})
}

// TestBlockPlanRegressions keeps the networks that once went wrong.
func TestBlockPlanRegressions(t *testing.T) {
	for _, tc := range []struct{ name, text string }{
		{
			// The sum is float32, and has no room in the place of what it adds.
			"a wide sum of a narrow value", `graph t: input 1x1x1x3 rgb
%1 conv 1x1x1x3 = conv 1x1x1/1x1x1/0x0x0 w=w b=b %0 | bias relu
%2 sum 1x1x1x3 = conv 1x1x1/1x1x1/0x0x0 w=v b=c %1 | bias add %0
output y = %2
`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := parseGraph(t, tc.text)
			w, clip := randomWeights(g, 1), randomClip(g, 1)
			want, err := Interpret(g, w, clip)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range blockMachines {
				p, err := ScheduleBlocks(g, m, FuseAuto)
				if err != nil {
					t.Fatal(err)
				}
				got, err := InterpretPlan(p, w, clip)
				if err != nil {
					t.Fatal(err)
				}
				comparePlan(t, p, m.Name, got, want)
			}
		})
	}
}

// TestBlockPlanCounts refuses a map of more bytes than kernels count, at the end of a window
// that begins frames before it.
func TestBlockPlanCounts(t *testing.T) {
	for _, tc := range []struct {
		side int
		want string
	}{{4096, ""}, {8192, "far: its kernel would count"}} {
		b := newBuilder("large", Shape{1, tc.side, tc.side, 3})
		b.output("y", b.conv("far", 0, 4, Window{Axis{5, 1, 2}, Unit, Unit}, false))
		g, err := RunPasses(b.g, Passes())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ScheduleBlocks(g, blockMachines[0], FuseAuto); tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%d x %d: got %v, want %q", tc.side, tc.side, err, tc.want)
		}
	}
}
