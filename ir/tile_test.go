package ir

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// fits counts registers: accumulators, a row of weights, and the pixel unless
// the multiply-add broadcasts it.
func fits(m *Machine, rt regTile) bool {
	need := rt.rows*rt.cols*rt.vectors + rt.vectors + 1
	if m.Broadcast && rt.vectors == 1 {
		need--
	}
	return need <= m.Registers
}

// TestBestTile compares with trying every tile: what is chosen fits, covers
// whole panels, and no legal tile is predicted to take fewer cycles.
func TestBestTile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMachine(t)
		p := tileProblem{
			run: rapid.IntRange(1, 200).Draw(t, "run"), runs: rapid.IntRange(1, 50).Draw(t, "runs"),
			vectors: rapid.IntRange(1, 64).Draw(t, "vectors"), steps: rapid.IntRange(1, 5000).Draw(t, "steps"),
		}
		if rapid.Bool().Draw(t, "rows") {
			p.width = rapid.IntRange(1, 40).Draw(t, "width")
		}
		best, cycles := bestTile(&m, p)
		least := math.Inf(1)
		for v := 1; v <= m.Registers; v++ {
			for n := 1; n <= m.Registers; n++ {
				rt := regTile{1, n, v}
				if p.width > 0 {
					rt = regTile{n, p.width, v}
				}
				if p.vectors%v == 0 && fits(&m, rt) {
					least = min(least, predicted(&m, &p, n, v))
				}
			}
		}
		if best == (regTile{}) {
			if !math.IsInf(least, 1) {
				t.Fatalf("found none, one of %g cycles fits", least)
			}
			return
		}
		if !fits(&m, best) || p.vectors%best.vectors != 0 || p.width > 0 && best.cols != p.width || p.width == 0 && best.rows != 1 {
			t.Fatalf("%+v for %+v on %d registers", best, p, m.Registers)
		}
		if math.Abs(cycles-least) > 1e-9*least {
			t.Fatalf("%+v takes %g cycles, another takes %g", best, cycles, least)
		}
	})
}

// predicted adds up the register tiles one by one.
func predicted(m *Machine, p *tileProblem, n, v int) float64 {
	width, run := max(p.width, 1), p.run
	calls, c := 1, 0.0
	for ; run >= n; run -= n {
		c += m.TileCycles(n*width, v, p.steps)
	}
	if run > 0 {
		calls, c = 2, c+m.TileCycles(run*width, v, p.steps)
	}
	return float64(p.runs) * (c + float64(calls)*m.Call) * float64(p.vectors/v)
}

// TestRegisterTiles pins the tiles that are known to be fast: no narrower
// than the multiply-adds' latency, no wider than the register file.
func TestRegisterTiles(t *testing.T) {
	for _, tc := range []struct {
		name string
		m    Machine
		p    tileProblem
		want regTile
	}{
		{"one pixel on the smallest machine", scalarMachine, tileProblem{run: 100, runs: 1, vectors: 4, steps: 64}, regTile{1, 1, 1}},
		{"no row fits", smallMachine, tileProblem{run: 8, runs: 1, width: 9, vectors: 1, steps: 64}, regTile{}},
	} {
		if got, _ := bestTile(&tc.m, tc.p); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	for _, m := range []Machine{wideMachine, halfMachine} {
		best, _ := bestTile(&m, tileProblem{run: 1600, runs: 8, vectors: 4, steps: 576})
		if acc := float64(best.rows * best.cols * best.vectors); acc*m.FMA < m.Latency || acc < 0.6*float64(m.Registers) {
			t.Errorf("%s: a tile of %+v leaves most of %d registers empty", m.Name, best, m.Registers)
		}
	}
}

func TestAccumulators(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMachine(t)
		rt := regTile{1, rapid.IntRange(1, 40).Draw(t, "pixels"), rapid.IntRange(1, 10).Draw(t, "vectors")}
		if got, want := m.Fits(rt.cols, rt.vectors), fits(&m, rt); got != want {
			t.Fatalf("%+v on %d registers: %v, want %v", rt, m.Registers, got, want)
		}
	})
}

// TestPlanTilesFit checks every kernel of a network's plans.
func TestPlanTilesFit(t *testing.T) {
	g := fuse(t, smallNet())
	for _, m := range testMachines {
		for _, k := range schedule(t, g, m, FuseAuto).Kernels {
			if k.Kind == KernelConv && !fits(&m, regTile{k.Rows, k.Cols, k.Vectors}) {
				t.Errorf("%s: %s does not fit %d registers", m.Name, k.Name, m.Registers)
			}
		}
	}
}
