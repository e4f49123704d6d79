package ir

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestPlanAgreesWithGraph draws networks, machines and ways to fuse, and
// compares the plan's interpreter with the graph's.
func TestPlanAgreesWithGraph(t *testing.T) {
	rounds := 4
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		rapid.Check(t, checkTriangle)
	}
}

func checkTriangle(t *rapid.T) {
	b := drawNet(t)
	m := drawMachine(t)
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
	for _, f := range fusions {
		winograd := Winograd(rapid.IntRange(int(WinogradAuto), int(WinogradLate)).Draw(t, "winograd"))
		p, err := Schedule(g, m, ScheduleOptions{Fusion: f.mode, Winograd: winograd})
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		got, err := InterpretPlan(p, w, clip)
		if err != nil {
			t.Fatalf("%v\n%v", err, p)
		}
		comparePlan(t, p, f.name, got, want)
	}
}

// TestPlanRegressions keeps the networks that once went wrong, and the
// published ones in small.
func TestPlanRegressions(t *testing.T) {
	for _, tc := range []struct{ name, text string }{
		{
			// The epilogue reads whole vectors of what it adds: the input must
			// have room for them.
			"input added in an epilogue", `graph t: input 2x3x5x3 rgb
%1 conv 2x3x5x3 = conv 1x1x1/1x1x1/0x0x0 w=w b=b %0 | bias relu add %0
output y = %1
`,
		}, {
			// A pool does not run through the rows of a tile as if they were one.
			"pool behind a convolution in a tile of several rows", `graph t: input 4x6x5x3 rgb
%1 conv 4x6x5x8 = conv 1x3x3/1x1x1/0x1x1 w=w b=b %0 | bias relu
%2 pool 2x6x5x8 = pool max 2x1x1/2x1x1/0x0x0 %1
%3 next 2x6x5x8 = conv 3x1x1/1x1x1/1x0x0 w=n %2
output y = %3
`,
		}, {
			"pool first in a tile of several rows", `graph t: input 1x5x13x6 rgb
%1 pool 1x5x13x6 = pool max 1x1x1/1x1x1/0x0x0 ceil %0
%2 conv 1x5x13x2 = conv 1x1x1/1x1x1/0x0x0 w=w %1 | relu
%3 back 1x5x13x6 = conv 1x1x1/1x1x1/0x0x0 w=v %2 | add %1 relu
output y = %3
`,
		},
		{
			// Without the tap the stem would stride by four, by another transform.
			"a tap on a stem that is read at every second pixel", `graph t: input 2x9x8x2 flow
%1 stem 2x5x4x4 = conv 1x7x7/1x2x2/0x3x3 w=s.weight %0 | relu
%2 next 2x3x2x5 = conv 1x1x1/1x2x2/0x0x0 w=n.weight %1
output y = %2
tap stem = %1
`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkPlans(t, parseGraph(t, tc.text))
			checkTransforms(t, parseGraph(t, tc.text))
		})
	}
	t.Run("small", func(t *testing.T) { checkPlans(t, fuse(t, smallNet())) })
}

// checkPlans compares the plans for all machines and ways to fuse with the
// graph.
func checkPlans(t *testing.T, g *Graph) {
	t.Helper()
	w, clip := randomWeights(g, 1), randomClip(g, 1)
	want, err := Interpret(g, w, clip)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range testMachines {
		for _, f := range fusions {
			p := schedule(t, g, m, f.mode)
			got, err := InterpretPlan(p, w, clip)
			if err != nil {
				t.Fatal(err)
			}
			comparePlan(t, p, m.Name+"-"+f.name, got, want)
		}
	}
}

// checkTransforms compares plans of all transforms with the graph.
func checkTransforms(t *testing.T, g *Graph) {
	t.Helper()
	w, clip := randomWeights(g, 1), randomClip(g, 1)
	want, err := Interpret(g, w, clip)
	if err != nil {
		t.Fatal(err)
	}
	for mode := WinogradAuto; mode <= WinogradLate; mode++ {
		p, err := Schedule(g, wideMachine, ScheduleOptions{Winograd: mode})
		if err != nil {
			t.Fatal(err)
		}
		got, err := InterpretPlan(p, w, clip)
		if err != nil {
			t.Fatal(err)
		}
		comparePlan(t, p, fmt.Sprintf("winograd %d", mode), got, want)
	}
}

// TestPublishedNetworkAgrees runs P3D-63, taps and all, on clips that are
// small in space: maps of every stage have unequal sides, some of them odd.
func TestPublishedNetworkAgrees(t *testing.T) {
	net := p3d63
	net.input.H, net.input.W, net.classes = 40, 24, 10
	machines := []Machine{wideMachine, halfMachine, scalarMachine}
	if testing.Short() {
		net.depths, net.input.H, net.input.W, machines = [4]int{1, 1, 1, 1}, 32, 32, machines[:1]
	}
	g := fuse(t, net.build())
	w, clip := randomWeights(g, 1), randomClip(g, 1)
	want, err := Interpret(g, w, clip)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range machines {
		for _, f := range fusions {
			p := schedule(t, g, m, f.mode)
			got, err := InterpretPlan(p, w, clip)
			if err != nil {
				t.Fatal(err)
			}
			comparePlan(t, p, m.Name+"-"+f.name, got, want)
		}
	}
}

// drawnTolerance is how far a plan's result may be from the graph's, as a
// relative L2 error, on drawn networks. Both add the same float64 numbers in
// another order. Where a drawn layer's terms cancel, or all but a few results are
// cut off, what is left is small beside the terms whose roundings it has: one
// draw in some thousands is off by 1.4e-12. One wrong tap is 1e-3 and more.
const drawnTolerance = 1e-10

func comparePlan(t rapid.TB, p *Plan, what string, got, want map[string][]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d results, want %d", what, len(got), len(want))
	}
	for name := range want {
		if d := relL2(got[name], want[name]); !(d <= drawnTolerance) {
			t.Fatalf("%s: %s differs by %g (relative L2)\n%v\n%v", what, name, d, p.Graph, p)
		}
	}
}

// drawNet draws a network that every op of which has a kernel: blocks of all
// kinds, single convolutions with and without a residual, pools, and a head.
func drawNet(t *rapid.T) *builder {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	b := newBuilder("random", Shape{n("T", 1, 5), n("H", 1, 13), n("W", 1, 13), n("C", 1, 20)})
	x := ValueID(0)
	for i := range n("layers", 1, 4) {
		name := "l" + string(rune('0'+i))
		switch kind := n("layer", 0, 10); kind {
		case 0, 1, 2, 3:
			expansion := n("expansion", 1, 3)
			if expansion > 1 && rapid.Bool().Draw(t, "identity") && b.shape(x).C%expansion == 0 {
				x = b.block(name, "ABC2"[kind], x, b.shape(x).C/expansion, expansion, 1)
			} else {
				x = b.block(name, "ABC2"[kind], x, n("width", 1, 20), expansion, n("stride", 1, 2))
			}
		case 4, 5:
			x = b.cbr(name, x, n("channels", 1, 40), drawConvWindow(t, b.shape(x)))
		case 10: // in space and time, as in R3D
			w := cube(n("frames", 2, 3), 3, 3).pad(1, 1, 1)
			w.T.Stride = n("stride", 1, 2)
			if i == 0 && rapid.Bool().Draw(t, "stem") {
				w = cube(3, 7, 7).stride(1, 2, 2).pad(1, 3, 3)
			}
			x = b.cbr(name, x, n("channels", 1, 40), w)
		case 6: // a residual without a block
			same := cube(2*n("kt", 0, 1)+1, 2*n("kh", 0, 1)+1, 2*n("kw", 0, 1)+1)
			same = same.pad(same.T.Kernel/2, same.H.Kernel/2, same.W.Kernel/2)
			x = b.add(name+".sum", x, b.relu(name+".relu", b.conv(name, x, b.shape(x).C, same, true)))
		case 7, 8:
			x = b.pool(name, x, drawPool(t, b.shape(x), PoolKind(kind-7)))
		case 9: // over frames, as behind the stages
			k := n("frames", 1, min(3, b.shape(x).T))
			x = b.pool(name, x, Pool{Window: cube(k, 1, 1).stride(k, 1, 1), Kind: PoolKind(n("kind", 0, 1)), Ceil: rapid.Bool().Draw(t, "ceil")})
		}
		if rapid.IntRange(0, 3).Draw(t, "tap") == 0 {
			b.tap(name, x)
		}
	}
	if rapid.Bool().Draw(t, "head") {
		s := b.shape(x)
		if rapid.Bool().Draw(t, "flatten") {
			x = b.op("flatten", Flatten{}, Shape{1, 1, 1, s.Elems()}, x)
		} else {
			x = b.pool("avgpool", x, Pool{Window: cube(s.T, s.H, s.W), Kind: PoolAverage})
		}
		if rapid.Bool().Draw(t, "features") {
			b.output("features", x)
		}
		x = b.relu("hidden.relu", b.linear("hidden", x, n("hidden", 1, 40)))
		x = b.linear("fc", x, n("classes", 1, 40))
		b.output("logits", x)
		x = b.op("softmax", Softmax{}, b.shape(x), x)
	}
	b.output("out", x)
	return b
}

// drawConvWindow draws a window whose padding is smaller than it.
func drawConvWindow(t *rapid.T, s Shape) Window {
	w := drawWindow(t, s, 4)
	for _, a := range []struct {
		axis   *Axis
		extent int
	}{{&w.T, s.T}, {&w.H, s.H}, {&w.W, s.W}} {
		a.axis.Pad = min(a.axis.Pad, a.axis.Kernel-1)
		if a.axis.Kernel > a.extent+2*a.axis.Pad {
			*a.axis = Unit
		}
	}
	return w
}

// drawMachine draws one of the machines, or any that can run a network.
func drawMachine(t *rapid.T) Machine {
	if i := rapid.IntRange(0, 2*len(testMachines)-1).Draw(t, "machine"); i < len(testMachines) {
		return testMachines[i]
	}
	cost := func(name string) float64 { return rapid.Float64Range(0.1, 20).Draw(t, name) }
	m := Machine{
		Name: "random", Lanes: 4 << rapid.IntRange(0, 2).Draw(t, "lanes"),
		Registers: rapid.IntRange(3, 40).Draw(t, "registers"), Broadcast: rapid.Bool().Draw(t, "broadcast"),
		FMA: cost("fma"), Load: cost("load"), Splat: cost("splat"), Latency: cost("latency"),
		Tile: cost("tile"), Store: cost("store"), Transform: cost("transform"), Call: 10 * cost("call"), Barrier: 200 * cost("barrier"),
		Spill: cost("spill") / 20, L2: cost("l2") / 20, Memory: cost("memory") / 10,
		CacheL2: rapid.IntRange(1<<8, 1<<20).Draw(t, "cache"), CacheL3: 1 << 21,
		MaxCycles: rapid.IntRange(1, 1<<20).Draw(t, "max cycles"), Cores: rapid.IntRange(1, 16).Draw(t, "cores"),
	}
	m.L3 = m.L2 + cost("l3")/10 // what is further away costs more
	m.Arena = m.L3 + cost("arena")
	return m
}
