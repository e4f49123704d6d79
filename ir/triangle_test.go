package ir

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPlanAgreesWithGraph draws networks, machines and ways to fuse, and
// compares the plan's interpreter with the graph's.
func TestPlanAgreesWithGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
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
			p, err := Schedule(g, m, ScheduleOptions{Fusion: f.mode})
			if err != nil {
				t.Fatalf("%v\n%v", err, g)
			}
			got, err := InterpretPlan(p, w, clip)
			if err != nil {
				t.Fatalf("%v\n%v", err, p)
			}
			comparePlan(t, p, f.name, got, want)
		}
	})
}

func comparePlan(t rapid.TB, p *Plan, what string, got, want map[string][]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d results, want %d", what, len(got), len(want))
	}
	for name := range want {
		if d := relL2(got[name], want[name]); !(d <= 1e-12) {
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
		switch kind := n("layer", 0, 9); kind {
		case 0, 1, 2, 3:
			expansion := n("expansion", 1, 3)
			if expansion > 1 && rapid.Bool().Draw(t, "identity") && b.shape(x).C%expansion == 0 {
				x = b.block(name, "ABC2"[kind], x, b.shape(x).C/expansion, expansion, 1)
			} else {
				x = b.block(name, "ABC2"[kind], x, n("width", 1, 20), expansion, n("stride", 1, 2))
			}
		case 4, 5:
			x = b.cbr(name, x, n("channels", 1, 40), drawConvWindow(t, b.shape(x)))
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
		x = b.pool("avgpool", x, Pool{Window: cube(s.T, s.H, s.W), Kind: PoolAverage})
		b.output("features", x)
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
		Tile: cost("tile"), Store: cost("store"), Call: 10 * cost("call"), Barrier: 200 * cost("barrier"),
		L2: cost("l2") / 20, L3: cost("l3") / 10, CacheL2: rapid.IntRange(1<<8, 1<<20).Draw(t, "cache"),
		MaxCycles: rapid.IntRange(1, 1<<20).Draw(t, "max cycles"), Cores: rapid.IntRange(1, 16).Draw(t, "cores"),
	}
	return m
}
