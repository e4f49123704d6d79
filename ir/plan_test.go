package ir

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The machines of the tests: two like processors with wide vectors, one like
// the portable path, and one with a small register file of short vectors.
var (
	wideMachine = Machine{
		Name: "wide", Lanes: 16, Registers: 32, Broadcast: true,
		FMA: 1, Load: 2, Splat: 0.5, Latency: 4, Tile: 20, Store: 1.5, Transform: 0.7, Call: 60, Barrier: 4000,
		Spill: 1.0 / 16, L2: 1.0 / 64, L3: 1.0 / 24, Arena: 0.2, Memory: 0.1, CacheL2: 1 << 20, CacheL3: 8 << 20, MaxCycles: 120_000, Cores: 4,
	}
	halfMachine = Machine{
		Name: "half", Lanes: 8, Registers: 16,
		FMA: 0.5, Load: 1, Splat: 0.57, Latency: 4, Tile: 20, Store: 1, Transform: 0.6, Call: 60, Barrier: 4000,
		Spill: 1.0 / 16, L2: 1.0 / 64, L3: 1.0 / 24, Arena: 0.2, Memory: 0.1, CacheL2: 1 << 20, CacheL3: 8 << 20, MaxCycles: 120_000, Cores: 4,
	}
	scalarMachine = Machine{
		Name: "scalar", Lanes: 8, Registers: 3,
		FMA: 8, Load: 1, Splat: 1, Latency: 1, Tile: 20, Store: 20, Transform: 10, Call: 60, Barrier: 4000,
		Spill: 1.0 / 16, L2: 1.0 / 64, L3: 1.0 / 24, Arena: 0.2, Memory: 0.1, CacheL2: 1 << 20, CacheL3: 8 << 20, MaxCycles: 1 << 24, Cores: 4,
	}
	smallMachine = Machine{
		Name: "small", Lanes: 4, Registers: 6,
		FMA: 1, Load: 1, Splat: 1, Latency: 3, Tile: 10, Store: 2, Transform: 1, Call: 20, Barrier: 200,
		Spill: 1.0 / 4, L2: 1.0 / 16, L3: 1.0 / 4, Arena: 1, Memory: 0.5, CacheL2: 1 << 14, CacheL3: 1 << 17, MaxCycles: 500, Cores: 2,
	}
	testMachines = []Machine{wideMachine, halfMachine, scalarMachine, smallMachine}
)

var fusions = []struct {
	name string
	mode Fusion
}{{"auto", FuseAuto}, {"never", FuseNever}, {"always", FuseAlways}}

// fuse runs the passes.
func fuse(t testing.TB, g *Graph) *Graph {
	t.Helper()
	fused, err := RunPasses(g, Passes())
	if err != nil {
		t.Fatal(err)
	}
	return fused
}

func schedule(t testing.TB, g *Graph, m Machine, f Fusion) *Plan {
	t.Helper()
	return scheduleWith(t, g, m, ScheduleOptions{Fusion: f})
}

func scheduleWith(t testing.TB, g *Graph, m Machine, o ScheduleOptions) *Plan {
	t.Helper()
	p, err := Schedule(g, m, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// smallNet has a stem, a block of each kind, strides, pools and a head.
func smallNet() *Graph {
	b := newBuilder("small", Shape{4, 12, 12, 3})
	x := b.cbr("stem", 0, 16, cube(1, 3, 3).stride(1, 2, 2).pad(0, 1, 1))
	x = b.block("a", 'A', x, 16, 2, 1)
	x = b.pool("pool", x, Pool{Window: cube(2, 1, 1).stride(2, 1, 1)})
	x = b.block("b", 'B', x, 16, 2, 1)
	x = b.block("c", 'C', x, 24, 2, 2)
	b.tap("res", x)
	x = b.pool("pool2", x, Pool{Window: cube(2, 3, 3).stride(2, 2, 2), Ceil: true})
	x = b.block("flat", '2', x, 24, 2, 1)
	s := b.shape(x)
	x = b.pool("avgpool", x, Pool{Window: cube(s.T, s.H, s.W), Kind: PoolAverage})
	b.output("features", x)
	x = b.linear("fc", x, 10)
	b.output("logits", x)
	b.output("probabilities", b.op("softmax", Softmax{}, b.shape(x), x))
	return b.g
}

// TestPlanText compares dumps with testdata/plans/MACHINE-FUSION.txt.
func TestPlanText(t *testing.T) {
	g := fuse(t, smallNet())
	for _, m := range []Machine{wideMachine, scalarMachine} {
		for _, f := range fusions {
			t.Run(m.Name+"-"+f.name, func(t *testing.T) {
				got := schedule(t, g, m, f.mode).String()
				file := filepath.Join("testdata", "plans", m.Name+"-"+f.name+".txt")
				if *update {
					if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
						t.Fatal(err)
					}
					return
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatalf("%v; run with -update", err)
				}
				if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
					t.Errorf("run with -update if this is meant (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestScheduleIsDeterministic(t *testing.T) {
	g := fuse(t, smallNet())
	for _, m := range testMachines {
		if diff := cmp.Diff(schedule(t, g, m, FuseAuto), schedule(t, g.Clone(), m, FuseAuto)); diff != "" {
			t.Errorf("%s: two plans of one graph differ:\n%s", m.Name, diff)
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	for _, tc := range []struct{ want, ops string }{
		{
			"act: no kernel computes ir.ReLU by itself; it must follow a convolution or a linear layer",
			"%1 act 2x4x4x3 = relu %0",
		},
		{
			"sum: no kernel computes ir.Add by itself; it must follow a convolution or a linear layer",
			"%1 sum 2x4x4x3 = add %0 %0",
		},
		{
			"twice: a kernel adds one value, the epilogue has two",
			"%1 twice 2x4x4x3 = conv 1x1x1/1x1x1/0x0x0 w=w %0 | add %0 relu add %0",
		},
		{
			"pool: a pool has no epilogue, found relu, add",
			"%1 pool 2x4x4x3 = pool max 1x1x1/1x1x1/0x0x0 %0 | relu add %0",
		},
	} {
		_, err := Schedule(parseGraph(t, "graph t: input 2x4x4x3 rgb\n"+tc.ops+"\noutput y = %1\n"), wideMachine, ScheduleOptions{})
		if err == nil || err.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}

// TestFusionModes checks that never gives a region an op, always as few
// regions as can be, and auto something in between.
func TestFusionModes(t *testing.T) {
	g := fuse(t, smallNet())
	for _, m := range testMachines {
		count := map[Fusion]int{}
		for _, f := range fusions {
			p := schedule(t, g, m, f.mode)
			count[f.mode] = len(p.Regions) - 1 // without the input's
			checkCoversOps(t, p)
		}
		if n := count[FuseNever]; n != len(g.Ops) {
			t.Errorf("%s, never: %d regions for %d ops", m.Name, n, len(g.Ops))
		}
		if count[FuseAlways] > count[FuseAuto] || count[FuseAuto] > count[FuseNever] || count[FuseAlways] == count[FuseNever] {
			t.Errorf("%s: %d regions always fused, %d by cost, %d never", m.Name, count[FuseAlways], count[FuseAuto], count[FuseNever])
		}
	}
}

// TestLongChain fuses a chain that could be one region: it is cut into a few, so
// that planning takes as long for each layer of it as for those of a short one.
func TestLongChain(t *testing.T) {
	b := newBuilder("chain", Shape{1, 4, 4, 8})
	x := ValueID(0)
	for i := range 5 * mostOps {
		x = b.cbr(fmt.Sprintf("l%d", i), x, 8, cube(1, 1, 1))
	}
	b.output("y", x)
	for _, m := range testMachines {
		p := schedule(t, fuse(t, b.g), m, FuseAlways)
		checkCoversOps(t, p)
		for _, r := range p.Regions[1:] {
			if len(r.Steps) != mostOps {
				t.Errorf("%s: %s has %d layers, want %d", m.Name, r.Name, len(r.Steps), mostOps)
			}
		}
	}
}

// checkCoversOps checks that the steps are the graph's ops, in order; some ops
// take several steps.
func checkCoversOps(t *testing.T, p *Plan) {
	t.Helper()
	var want, got []string
	for _, op := range p.Graph.Ops {
		want = append(want, op.Name)
	}
	for _, r := range p.Regions[1:] {
		for _, st := range r.Steps {
			got = append(got, st.Op)
		}
	}
	if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
		t.Errorf("%s: steps are not the ops in order (-ops +steps):\n%s", p.Machine.Name, diff)
	}
}

// TestSpaceTiledTimeComplete checks the block that is the point of fusing: S,
// T, the sum and the expansion with its residual are one region, whose tiles
// are some rows with all frames, and of which only the result leaves.
func TestSpaceTiledTimeComplete(t *testing.T) {
	for _, kind := range "ABC" {
		b := newBuilder("block", Shape{8, 40, 40, 64})
		b.output("y", b.block("b", byte(kind), 0, 64, 1, 1))
		p := scheduleWith(t, fuse(t, b.g), wideMachine, ScheduleOptions{Fusion: FuseAlways, Winograd: WinogradNever})
		if len(p.Regions) != 3 {
			t.Fatalf("%c: %d regions, want input, the 1x1x1, and the rest:\n%v", kind, len(p.Regions), p)
		}
		r := &p.Regions[2]
		if len(r.Steps) != 3 {
			t.Fatalf("%c: %d steps in %s, want S, T and the expansion", kind, len(r.Steps), r.Name)
		}
		frames := 8
		if kind == 'B' { // what S and T make is added frame by frame
			frames = 1
		}
		if tiles := r.Tiles(); tiles.H < 2 || tiles.T != 8/frames || tiles.W != 1 || tiles.C != 1 {
			t.Errorf("%c: %v tiles, want several along rows, of %d frames", kind, tiles, frames)
		}
		for i, st := range r.Steps {
			want := Scratch
			if i == 2 {
				want = Arena
			}
			out := p.Buffers[st.Out]
			if out.Space != want {
				t.Errorf("%c: %s lies in the %v, want the %v", kind, st.Op, out.Space, want)
			}
			if want == Scratch && (out.Shape.T != frames || out.Shape.H != r.Tile.H) {
				t.Errorf("%c: %s has a scratch buffer of %v, want %d frames of %d rows", kind, st.Op, out.Shape, frames, r.Tile.H)
			}
		}
	}
}

// TestPublishedNetworkPlans checks P3D-63 as a whole on every machine.
func TestPublishedNetworkPlans(t *testing.T) {
	g := p3d63.build()
	g.Taps = nil
	g = fuse(t, g)
	for _, m := range testMachines {
		for _, f := range fusions {
			p := schedule(t, g, m, f.mode)
			name := m.Name + "-" + f.name
			checkCoversOps(t, p)
			if err := p.Verify(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if f.mode == FuseNever && len(p.Regions) != len(g.Ops)+1 {
				t.Errorf("%s: %d regions, want %d", name, len(p.Regions), len(g.Ops)+1)
			}
			sum, largest := 0, 0
			for _, v := range g.Values {
				sum += v.Shape.Pixels() * channelStride(v.Shape.C)
			}
			for i := range p.Buffers {
				if b := &p.Buffers[i]; inArena(b) {
					largest = max(largest, b.Len)
				}
			}
			if p.ArenaLen > sum/4 {
				t.Errorf("%s: an arena of %d floats for values of %d", name, p.ArenaLen, sum)
			}
			if p.ArenaLen < largest {
				t.Errorf("%s: an arena of %d floats, but one value takes %d", name, p.ArenaLen, largest)
			}
			steps, whole := 0, map[KernelID]bool{} // tails left aside
			for _, r := range p.Regions {
				for _, st := range r.Steps {
					steps, whole[st.Kernel] = steps+1, true
				}
			}
			if len(whole) > steps*3/4 {
				t.Errorf("%s: %d kernels for %d steps", name, len(whole), steps)
			}
			checkKernelsUnique(t, p)
			checkPacks(t, p)
		}
	}
}

// checkKernelsUnique checks that no two kernels are the same but for the name.
func checkKernelsUnique(t *testing.T, p *Plan) {
	t.Helper()
	seen, names := map[Kernel]string{}, map[string]bool{}
	for _, k := range p.Kernels {
		name := k.Name
		if k.Name = ""; seen[k] != "" || names[name] {
			t.Errorf("%s: kernel %s is %s again", p.Machine.Name, name, seen[k])
		}
		seen[k], names[name] = name, true
	}
}

// checkPacks checks that packed weights lie side by side and take little more
// than the weights themselves, transformed where they are.
func checkPacks(t *testing.T, p *Plan) {
	t.Helper()
	end, weights := 0, 0
	for i := range p.Packs {
		pk := &p.Packs[i]
		if pk.Weights < end || pk.Bias != pk.Weights+pk.Panels()*pk.PanelLen() {
			t.Errorf("%s: the weights of %s lie at %d, biases at %d, behind %d", p.Machine.Name, pk.Op, pk.Weights, pk.Bias, end)
		}
		end = pk.Bias + pk.Panels()*pk.Channels
		taps := pk.Conv.Taps()
		if f := pk.Transform; f != (Transform{}) {
			taps = f.Points() * f.Phases()
		}
		weights += pk.Conv.Out * (pk.In*taps + pk.ProjectIn)
	}
	if end > p.PackedLen || p.PackedLen > weights+weights/50 {
		t.Errorf("%s: %d packed floats up to %d, of %d weights", p.Machine.Name, p.PackedLen, end, weights)
	}
}

// TestDeeperNetworkSharesKernels checks that what a deeper network adds is
// steps, not code.
func TestDeeperNetworkSharesKernels(t *testing.T) {
	kernels := func(n p3dNet) int {
		g := n.build()
		g.Taps = nil
		return len(schedule(t, fuse(t, g), wideMachine, FuseAuto).Kernels)
	}
	if shallow, deep := kernels(p3d63), kernels(p3d199); deep > shallow+4 {
		t.Errorf("%d kernels for P3D-63, %d for P3D-199", shallow, deep)
	}
}

// TestPlanInterpretErrors checks what a caller can do wrong.
func TestPlanInterpretErrors(t *testing.T) {
	g := fuse(t, smallNet())
	p := schedule(t, g, wideMachine, FuseAuto)
	weights, clip := randomWeights(g, 1), randomClip(g, 1)
	if _, err := InterpretPlan(p, weights, clip[1:]); err == nil || err.Error() != "clip has 1727 values, the network takes 1728 (3x4x12x12)" {
		t.Errorf("a short clip: %v", err)
	}
	delete(weights, "stem.weight")
	if _, err := InterpretPlan(p, weights, clip); err == nil || !strings.HasPrefix(err.Error(), "stem: ") || !strings.Contains(err.Error(), "stem.weight") {
		t.Errorf("a missing parameter: %v", err)
	}
}
