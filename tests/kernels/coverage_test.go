package kernels

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/ir"
)

// TestCoverage checks that the networks of the other tests have every kind of
// kernel and of call, on each instruction set: a test that compares only what
// happens to be scheduled would not notice when something no longer is.
func TestCoverage(t *testing.T) {
	described, _, _ := describedNets(t)
	swept, _ := sweepNets(t)
	pointwise, _ := strassenNets(t)
	seen := map[string]map[string]int{} // by machine: what occurs how often
	for _, n := range slices.Concat(described, swept, pointwise, winogradSizes(t), winogradDescribed(t)) {
		plans, err := avx.Plans(n.Graph, n.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range plans {
			if seen[p.Machine.Name] == nil {
				seen[p.Machine.Name] = map[string]int{}
			}
			count(p, seen[p.Machine.Name])
		}
	}
	want := []string{
		"run pixels", "run flat", "run rows", "tails pixels", "tails flat", "tails rows",
		"fused", "scratch", "border", "in place", "ragged tile", "ragged panel", "several calls a run",
		"max pool", "average pool", "pool over frames", "fused pool",
		"several taps over frames", "several taps over rows", "several taps over columns",
		"columns and channels as one", "channels not a multiple of the unrolling",
		"epilogue ", "epilogue bias", "epilogue relu", "epilogue bias relu", "epilogue add",
		"epilogue bias add relu", "epilogue bias relu add",
		"1 vector", "several vectors", "residual with a skip", "rows of residual with a skip",
		"projection", "projection with a skip", "tiles that overlap", "fused tiles of single frames",
		"tiles of 2x2", "tiles of 4x4", "tiles of phases", "tiles of 2 frames", "tiles of 4 frames", "tiles of all frames",
		"cut tiles of frames", "fused transform", "transform with a residual",
		"tiles of parts", "transform cut in channels", "several points a call",
		"late tiles of 5x5", "late tiles that leave a tail", "late channels not a multiple of the unrolling",
	}
	// The portable path has one pixel by one vector only, and can be interrupted
	// at any time.
	never := map[string][]string{"generic": {"several calls a run", "run rows", "tails pixels", "tails flat", "tails rows", "several vectors", "rows of residual with a skip"}}
	for _, what := range want {
		if strings.HasPrefix(what, "late ") { // for multiply-adds that broadcast
			never["generic"], never["avx2"] = append(never["generic"], what), append(never["avx2"], what)
		}
	}
	for machine, counts := range seen {
		for _, what := range want {
			if counts[what] == 0 && !slices.Contains(never[machine], what) {
				t.Errorf("%s: no network has %q", machine, what)
			}
		}
	}
}

// runLength is the length of a step's longest run, in units.
func runLength(r *ir.Region, st *ir.Step) int {
	switch st.Run {
	case ir.RunPixels:
		return r.Tile.W
	case ir.RunFlat:
		return r.Tile.H * r.Space.W
	}
	return r.Tile.H
}

// count adds up what a plan has.
func count(p *ir.Plan, n map[string]int) {
	add := func(what string, ok bool) {
		if ok {
			n[what]++
		}
	}
	for i := range p.Buffers {
		b := &p.Buffers[i]
		add("scratch", b.Space == ir.Scratch)
		add("border", b.Border != (ir.Border{}))
	}
	for i := range p.Regions {
		r := &p.Regions[i]
		add("fused", len(r.Steps) > 1)
		add("ragged tile", r.Space.H%r.Tile.H != 0 || r.Space.W%r.Tile.W != 0)
		for j := range r.Steps {
			st := &r.Steps[j]
			k := &p.Kernels[st.Kernel]
			add("run "+st.Run.String(), k.Kind == ir.KernelConv)
			add("tails "+st.Run.String(), len(st.Tails) > 0)
			add("residual with a skip", st.Every != ir.NoSkip)
			add("projection", k.K2 > 0)
			add("projection with a skip", k.K2 > 0 && st.Every != ir.NoSkip)
			add("tiles that overlap", st.Cover.H.Kernel > st.Cover.H.Stride)
			add("fused tiles of single frames", len(r.Steps) > 1 && r.Space.T > 1)
			add("fused transform", len(r.Steps) > 1 && st.Winograd != nil)
			add("transform with a residual", st.Winograd != nil && st.Res != ir.NoBuffer)
			add("transform cut in channels", st.Winograd != nil && r.Tile.C < r.Space.C)
			add("several points a call", st.Winograd != nil && st.Tails == nil && st.MaxTiles > 1)
			add("late tiles that leave a tail", k.Transform.Late() && len(st.Tails) > 0)
			add("rows of residual with a skip", st.Every != ir.NoSkip && st.Run == ir.RunRows)
			add("in place", st.Res != ir.NoBuffer && st.Res == st.Out)
			add("fused pool", k.Kind == ir.KernelPool && len(r.Steps) > 1)
			add("several calls a run", k.Kind == ir.KernelConv && runLength(r, st)/k.Units(st.Run) > st.MaxTiles)
			add("ragged panel", k.Kind == ir.KernelConv && st.OutShape.C%(k.Vectors*p.Machine.Lanes) != 0)
		}
	}
	for i := range p.Kernels {
		k := &p.Kernels[i]
		f := k.Transform
		add("tiles of 2x2", f.H.Results == 2 && f.W.Results == 2)
		add("tiles of 4x4", f.H.Results == 4 && f.W.Results == 4)
		add("tiles of phases", f.Strided())
		add("late tiles of 5x5", f.Late() && f.H.Results == 5)
		add("late channels not a multiple of the unrolling", f.Late() && k.Kind == ir.KernelConv && k.K%4 > 0)
		add("tiles of 2 frames", f.T.Results == 2 && !f.T.Closed && !f.T.Strassen)
		add("tiles of 4 frames", f.T.Results == 4)
		add("tiles of all frames", f.T.Closed)
		add("tiles of parts", f.Parts() > 1)
		add("cut tiles of frames", k.Kind == ir.KernelGather && k.To > 0 && k.To < f.T.Results)
		switch k.Kind {
		case ir.KernelPool:
			add(fmt.Sprintf("%v pool", k.Pool), true)
			add("pool over frames", k.TapsT > 1)
		case ir.KernelConv:
			add("several taps over frames", k.TapsT > 1)
			add("several taps over rows", k.TapsH > 1)
			add("several taps over columns", k.TapsW > 1)
			add("columns and channels as one", k.TapsW == 1 && k.TapsH > 1 && k.K%3 == 0)
			add("channels not a multiple of the unrolling", k.K > 16 && k.K%2 == 1)
			add("epilogue "+k.Epi, true)
			add("1 vector", k.Vectors == 1)
			add("several vectors", k.Vectors > 1)
		}
	}
}
