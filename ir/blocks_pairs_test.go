package ir

import (
	"strings"
	"testing"
)

// pairedNet is a network of a block that projects its input, and of a pool.
func pairedNet(t *testing.T, frames, pooled, pool, more string) *Graph {
	t.Helper()
	return parseGraph(t, strings.NewReplacer("T", frames, "P", pooled, "WINDOW", pool).Replace(`graph t: input Tx7x9x8 rgb
%1 reduce Tx7x9x12 = conv 1x1x1/1x1x1/0x0x0 w=r b=rb %0 | bias relu
%2 s Tx4x5x12 = conv 1x3x3/1x2x2/0x1x1 w=s b=sb %1 | bias relu
%3 t Tx4x5x12 = conv 3x1x1/1x1x1/1x0x0 w=t b=tb %2 | bias relu add %2
%4 e Tx4x5x20 = conv 1x1x1/1x1x1/0x0x0 w=e b=eb %3 | bias project %0/1x2x2 w=p b=pb relu
%5 pool Px4x5x20 = pool WINDOW %4
`)+more)
}

// TestPairs looks for the pool of pairs of frames in the kernel before it, and
// compares the interpreters.
func TestPairs(t *testing.T) {
	const output = "output y = %5\n"
	for _, tc := range []struct {
		name, frames, pooled, pool, more string
		steps                            int // of the region that has the pool, 0 where that is one by itself
	}{
		{"pairs", "4", "2", "max 2x1x1/2x1x1/0x0x0", output, 4},
		{"a pair", "2", "1", "max 2x1x1/2x1x1/0x0x0", output, 4},
		{"pairs of pairs", "4", "2", "max 2x1x1/2x1x1/0x0x0", "%6 again 1x4x5x20 = pool max 2x1x1/2x1x1/0x0x0 %5\noutput y = %6\n", 4},
		{"a frame left over", "5", "2", "max 2x1x1/2x1x1/0x0x0", output, 0},
		{"half a pair", "5", "3", "max 2x1x1/2x1x1/0x0x0 ceil", output, 0},
		{"an average", "4", "2", "average 2x1x1/2x1x1/0x0x0", output, 0},
		{"windows that overlap", "4", "3", "max 2x1x1/1x1x1/0x0x0", output, 0},
		{"padding", "4", "3", "max 2x1x1/2x1x1/1x0x0", output, 0},
		{"read elsewhere", "4", "2", "max 2x1x1/2x1x1/0x0x0", output + "output z = %6\n%6 other 4x4x5x9 = conv 1x1x1/1x1x1/0x0x0 w=o %4\n", 0},
		{"an output", "4", "2", "max 2x1x1/2x1x1/0x0x0", output + "output z = %4\n", 0},
	} {
		g := pairedNet(t, tc.frames, tc.pooled, tc.pool, tc.more)
		w, clip := randomWeights(g, 1), randomClip(g, 1)
		want, err := Interpret(g, w, clip)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range blockMachines {
			for _, f := range []Fusion{FuseAlways, FuseNever} {
				p, err := ScheduleBlocks(g, m, f)
				if err != nil {
					t.Fatal(err)
				}
				got, err := InterpretPlan(p, w, clip)
				if err != nil {
					t.Fatal(err)
				}
				comparePlan(t, p, m.Name+" "+tc.name, got, want)
				steps, expected := 0, min(tc.steps, 1)
				if f == FuseAlways {
					expected = tc.steps
				}
				for _, r := range p.Regions {
					if last := r.Steps[len(r.Steps)-1]; p.Kernels[last.Kernel].Block.Pairs {
						steps = len(r.Steps)
						if !strings.HasSuffix(r.Name, "e..pool") && !strings.HasSuffix(r.Name, "s..pool") {
							t.Errorf("%s: the region of the pool is %s", tc.name, r.Name)
						}
					}
				}
				if steps != expected {
					t.Errorf("%s for %s: the pool is in a region of %d steps, want %d\n%v", tc.name, m.Name, steps, expected, p)
				}
				if b := &p.Buffers[4]; steps > 0 && b.Last >= b.First {
					t.Errorf("%s for %s: what is pooled has memory of its own\n%v", tc.name, m.Name, p)
				}
			}
		}
	}
}

// TestPairsPay compares what the pool within the kernel before it is expected to
// save: a launch, and the map of all frames stored and read. Then what that kernel does.
func TestPairsPay(t *testing.T) {
	g := pairedNet(t, "4", "2", "max 2x1x1/2x1x1/0x0x0", "output y = %5\n")
	cost := func(fold bool) float64 {
		s, err := newScheduler(g, blockMachines[0])
		if err != nil {
			t.Fatal(err)
		}
		if fold {
			s.foldPairs()
		}
		s.plan.Buffers = s.blockLayouts()
		return s.apart(3, len(s.ops))
	}
	s, err := newScheduler(g, blockMachines[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cost(false)-cost(true), launchCost+2*s.mapCost(4); got != want {
		t.Errorf("the pool in a kernel of its own costs %g more, want %g", got, want)
	}
	p, err := ScheduleBlocks(g, blockMachines[0], FuseNever)
	if err != nil {
		t.Fatal(err)
	}
	// 80 positions of 12 channels and of the 8 that are projected, and 40 results of 20.
	work := p.RegionWork(&p.Regions[len(p.Regions)-1])
	if len(work) != 1 || work[0].FLOPs != 2*80*(12+8)*20 || work[0].MapBytes != 4*(80*(12+8)+40*20) {
		t.Errorf("the layer and its pool are work of %+v", work)
	}
}

// TestPairsVerify harms a plan with a pool of pairs once a case.
func TestPairsVerify(t *testing.T) {
	g := pairedNet(t, "4", "2", "max 2x1x1/2x1x1/0x0x0", "output y = %5\n")
	for _, tc := range []struct {
		want string // "" for a plan in order
		harm func(p *Plan, last *Kernel)
	}{
		{"", func(*Plan, *Kernel) {}},
		{"on 4x4x5x12 make 4x4x5x20, not 2 frames for 2x4x5x20", func(p *Plan, last *Kernel) { last.Block.Pairs = false }},
		{"positions, 4 frames of", func(p *Plan, last *Kernel) { last.Cols = 4*last.Block.Tile.H*last.Block.Tile.W - 1 }},
		{"pairs frames before the end of a fused block", func(p *Plan, last *Kernel) {
			steps := p.Regions[len(p.Regions)-1].Steps
			b := &p.Kernels[steps[len(steps)-2].Kernel].Block
			b.Pairs, b.Window.T = true, Axis{Kernel: 1, Stride: 1, Pad: 2} // frames enough for pairs
		}},
	} {
		p, err := ScheduleBlocks(g, blockMachines[0], FuseAlways)
		if err != nil {
			t.Fatal(err)
		}
		steps := p.Regions[len(p.Regions)-1].Steps
		tc.harm(p, &p.Kernels[steps[len(steps)-1].Kernel])
		switch err := p.Verify(); {
		case tc.want == "" && err != nil:
			t.Errorf("a plan in order: %v", err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}
