package ir

import (
	"strings"
	"testing"
)

// blockNets are networks of blocks with odd sides, and how many ops the region
// of each block has: its layers behind the reduction, and the load.
func blockNets(t *testing.T) map[string]struct {
	g     *Graph
	steps []int
} {
	net := func(build func(b *builder, x ValueID)) *Graph {
		b := newBuilder("blocks", Shape{5, 9, 7, 24})
		build(b, 0)
		b.output("y", ValueID(len(b.g.Values)-1))
		g, err := RunPasses(b.g, Passes())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	kind := func(k byte) *Graph { return net(func(b *builder, x ValueID) { b.block("b", k, x, 12, 2, 1) }) }
	narrowed := func(k byte) *Graph {
		return net(func(b *builder, x ValueID) { b.block("next", '2', b.block("b", k, x, 12, 2, 1), 12, 2, 2) })
	}
	return map[string]struct {
		g     *Graph
		steps []int
	}{
		"A":         {kind('A'), []int{4}},
		"B":         {kind('B'), []int{4}},
		"C":         {kind('C'), []int{4}},
		"2D":        {kind('2'), []int{3}},
		"A strides": {narrowed('A'), []int{4}},
		"B strides": {narrowed('B'), []int{4}},
		"C strides": {narrowed('C'), []int{4}},
		"projected": {parseGraph(t, `graph t: input 3x7x9x8 rgb
%1 reduce 3x7x9x12 = conv 1x1x1/1x1x1/0x0x0 w=r b=rb %0 | bias relu
%2 S 3x4x5x12 = conv 1x3x3/1x2x2/0x1x1 w=s b=sb %1 | bias relu
%3 T 3x4x5x12 = conv 3x1x1/1x1x1/1x0x0 w=t b=tb %2 | bias relu add %2
%4 E 3x4x5x40 = conv 1x1x1/1x1x1/0x0x0 w=e b=eb %3 | bias project %0/1x2x2 w=p b=pb relu
output y = %4
`), []int{4}},
		"wide window": {parseGraph(t, `graph t: input 4x9x5x8 rgb
%1 S 4x9x5x20 = conv 3x5x3/1x1x1/1x2x1 w=s %0 | relu
%2 T 2x9x5x9 = conv 3x1x1/2x1x1/1x0x0 w=t %1 | relu
output y = %2
`), []int{3}},
		"T reads the centre of wide halo": {parseGraph(t, `graph t: input 4x11x9x8 rgb
%1 S 4x4x3x16 = conv 1x5x5/1x3x3/0x2x2 w=s %0 | relu
%2 T 4x4x3x16 = conv 3x1x1/1x3x3/1x0x0 w=t %0 | relu add %1
%3 E 4x4x3x24 = conv 1x1x1/1x1x1/0x0x0 w=e %2
output y = %3
`), []int{4}},
		"pooled": {parseGraph(t, `graph t: input 5x11x9x3 rgb
%1 stem 5x6x5x20 = conv 1x5x5/1x2x2/0x2x2 w=s b=sb %0 | bias relu
%2 pool 3x3x3x20 = pool max 2x3x3/2x2x2/1x1x1 %1
output y = %2
`), []int{3}},
		"pooled, in twos": {parseGraph(t, `graph t: input 5x11x10x3 rgb
%1 stem 5x6x5x20 = conv 1x5x5/1x2x2/0x2x2 w=s b=sb %0 | bias relu
%2 pool 3x3x3x20 = pool max 2x3x3/2x2x2/1x1x1 %1
output y = %2
`), []int{3}},
		"pooled to a frame, rounding up": {parseGraph(t, `graph t: input 3x9x10x4 rgb
%1 stem 3x9x10x9 = conv 1x1x1/1x1x1/0x0x0 w=s %0
%2 pool 1x5x6x9 = pool average 2x2x3/3x2x2/0x0x1 ceil %1
output y = %2
`), []int{3}},
		// Halfway values that are read elsewhere, or beside a tile, stay apart.
		"tapped": {parseGraph(t, `graph t: input 4x5x5x8 rgb
%1 S 4x5x5x16 = conv 1x3x3/1x1x1/0x1x1 w=s %0 | relu
%2 T 4x5x5x16 = conv 3x1x1/1x1x1/1x0x0 w=t %1 | relu
output y = %2
tap S = %1
`), nil},
		"S behind S": {parseGraph(t, `graph t: input 4x5x5x8 rgb
%1 S 4x5x5x16 = conv 1x3x3/1x1x1/0x1x1 w=s %0 | relu
%2 again 4x5x5x16 = conv 1x3x3/1x1x1/0x1x1 w=t %1 | relu
output y = %2
`), nil},
		"a second map": {parseGraph(t, `graph t: input 4x5x5x8 rgb
%1 reduce 4x5x5x16 = conv 1x1x1/1x1x1/0x0x0 w=r %0
%2 S 4x5x5x16 = conv 1x3x3/1x1x1/0x1x1 w=s %1 | relu
%3 other 4x5x5x16 = conv 1x1x1/1x1x1/0x0x0 w=o %0 | add %2
output y = %3
`), nil},
		"narrow pixels": {parseGraph(t, `graph t: input 4x6x6x3 rgb
%1 S 4x3x3x16 = conv 1x3x3/1x2x2/0x1x1 w=s %0 | relu
%2 T 4x3x3x16 = conv 3x1x1/1x1x1/1x0x0 w=t %1 | relu
output y = %2
`), nil},
	}
}

// TestFusedBlocks fuses blocks of all kinds, and compares the interpreters.
func TestFusedBlocks(t *testing.T) {
	for name, tc := range blockNets(t) {
		w, clip := randomWeights(tc.g, 1), randomClip(tc.g, 1)
		want, err := Interpret(tc.g, w, clip)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range blockMachines {
			if name == "narrow pixels" && m.Lanes == inputLanes {
				continue // they are whole accesses there
			}
			p, err := ScheduleBlocks(tc.g, m, FuseAlways)
			if err != nil {
				t.Fatal(err)
			}
			got, err := InterpretPlan(p, w, clip)
			if err != nil {
				t.Fatal(err)
			}
			comparePlan(t, p, m.Name+" "+name, got, want)
			var steps []int
			for _, r := range p.Regions {
				if len(r.Steps) > 1 {
					steps = append(steps, len(r.Steps))
				}
			}
			if len(steps) < len(tc.steps) || tc.steps == nil && steps != nil || tc.steps != nil && steps[0] != tc.steps[0] {
				t.Errorf("%s for %s: fused regions of %d steps, want %d\n%v", name, m.Name, steps, tc.steps, p)
			}
		}
	}
}

// TestFusedBlocksNeedRoom takes shared memory away, until layers stay apart.
func TestFusedBlocksNeedRoom(t *testing.T) {
	b := newBuilder("block", Shape{5, 9, 7, 512})
	b.output("y", b.block("b", 'B', 0, 256, 2, 1))
	g, err := RunPasses(b.g, Passes())
	if err != nil {
		t.Fatal(err)
	}
	m := blockMachines[0]
	last := 1 << 20
	for m.Blocks.Shared = 64 << 10; m.Blocks.Shared >= 16<<10; m.Blocks.Shared -= 1 << 10 {
		p, err := ScheduleBlocks(g, m, FuseAlways)
		if err != nil {
			t.Fatal(err)
		}
		most := 0
		for i := range p.Regions {
			if r := &p.Regions[i]; len(r.Steps) > 1 {
				most, _ = p.Shared(r)
			}
		}
		if most > m.Blocks.Shared || most > last {
			t.Fatalf("with %d bytes of shared memory a tile takes %d, with more it took %d", m.Blocks.Shared, most, last)
		}
		last = most
	}
	if last != 0 {
		t.Errorf("a block is fused in %d bytes", last)
	}
}

// TestFusedBlocksPay compares what is fused with what is expected to be faster:
// a map of many tiles is, a small one with many channels is not.
func TestFusedBlocksPay(t *testing.T) {
	for _, tc := range []struct {
		side, width int
		want        bool
	}{{40, 64, true}, {10, 256, false}} {
		b := newBuilder("block", Shape{2, tc.side, tc.side, 4 * tc.width})
		b.output("y", b.block("b", 'C', 0, tc.width, 4, 1))
		g, err := RunPasses(b.g, Passes())
		if err != nil {
			t.Fatal(err)
		}
		p, err := ScheduleBlocks(g, blockMachines[0], FuseAuto)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(p.Regions[len(p.Regions)-1].Steps) > 1; got != tc.want {
			t.Errorf("%d channels of %d x %d fused: %t, want %t", tc.width, tc.side, tc.side, got, tc.want)
		}
	}
}

// TestPooledVerify harms the plan of a convolution with its pool once a case; it reads
// pixels that are half an access.
func TestPooledVerify(t *testing.T) {
	g := blockNets(t)["pooled, in twos"].g
	for _, tc := range []struct {
		want string // "" for a plan in order
		harm func(p *Plan, r *Region)
	}{
		{"", func(*Plan, *Region) {}},
		{"has 4 steps, a convolution with a pool behind it has 3", func(p *Plan, r *Region) { r.Steps = append(r.Steps[:1:1], r.Steps...) }},
		{"is no convolution with a pool behind it", func(p *Plan, r *Region) { r.Steps[0] = r.Steps[1] }},
		{"the windows at 2x3x3", func(p *Plan, r *Region) {
			b := &p.Buffers[r.Steps[0].Out]
			b.Cover.H.Kernel--
			b.Shape.H--
		}},
		{"is for tiles of", func(p *Plan, r *Region) { r.Tile.W++ }},
		{"reads pixels in twos", func(p *Plan, r *Region) { p.Kernels[r.Steps[1].Kernel].Block.RowTaps++ }},
		{"places a tap", func(p *Plan, r *Region) { p.Packs[r.Steps[1].Pack].InPitch = 8 }},
		{"it is 2x9x", func(p *Plan, r *Region) { p.Buffers[r.Steps[0].Out].Shape.W -= 2 }},
		{"it is 2x2x", func(p *Plan, r *Region) { p.Buffers[r.Steps[1].Out].Shape.H-- }},
		{"the window is 2x3x3", func(p *Plan, r *Region) { r.Steps[1].Cover.H.Pad = 0 }},
		{"positions of 32 channels, a tile's windows visit", func(p *Plan, r *Region) { p.Kernels[r.Steps[1].Kernel].Cols = 1 }},
		{"bytes of shared memory, a block may have 1000", func(p *Plan, r *Region) { p.Machine.Blocks.Shared = 1000 }},
	} {
		p, err := ScheduleBlocks(g, blockMachines[0], FuseAlways)
		if err != nil {
			t.Fatal(err)
		}
		tc.harm(p, &p.Regions[len(p.Regions)-1])
		switch err := p.Verify(); {
		case tc.want == "" && err != nil:
			t.Errorf("a plan in order: %v", err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}

// TestFusedBlockVerify harms the plan of a fused block once a case.
func TestFusedBlockVerify(t *testing.T) {
	g := blockNets(t)["B"].g
	for _, tc := range []struct {
		want string // "" for a plan in order
		harm func(p *Plan, r *Region)
	}{
		{"", func(*Plan, *Region) {}},
		{"step 0 of a fused block is a conv", func(p *Plan, r *Region) { r.Steps = r.Steps[1:] }},
		{"step 3 of 4 of a fused block reads the scratch and writes the arena", func(p *Plan, r *Region) { r.Steps = append(r.Steps, r.Steps[3]) }},
		{"is for tiles of", func(p *Plan, r *Region) { r.Tile.W++ }},
		{"positions, 5 frames of 1x9x", func(p *Plan, r *Region) {
			r.Tile.H = 9
			for i := range r.Steps {
				p.Kernels[r.Steps[i].Kernel].Block.Tile = r.Tile
				if b := &p.Buffers[r.Steps[i].Out]; b.Space == Scratch {
					b.Shape.H = b.Cover.H.reach(9)
				}
			}
		}},
		{"of the picture, the window is 1x3x3", func(p *Plan, r *Region) { p.Buffers[r.Steps[0].Out].Cover.W.Pad = 0 }},
		{"its weights or panels do not follow those of b.conv2", func(p *Plan, r *Region) { p.Packs[r.Steps[2].Pack].Weights += 8 }},
		{"bytes of shared memory, a block may have 1000", func(p *Plan, r *Region) { p.Machine.Blocks.Shared = 1000 }},
		{"shares memory with", func(p *Plan, r *Region) { p.Buffers[r.Steps[1].Out].Base = p.Buffers[r.Steps[0].Out].Base }},
		// The sum may lie where S lies, since T reads another map; not if it read that.
		{"shares memory with", func(p *Plan, r *Region) { r.Steps[2].In = r.Steps[1].Out }},
	} {
		p, err := ScheduleBlocks(g, blockMachines[0], FuseAlways)
		if err != nil {
			t.Fatal(err)
		}
		tc.harm(p, &p.Regions[len(p.Regions)-1])
		switch err := p.Verify(); {
		case tc.want == "" && err != nil:
			t.Errorf("a plan in order: %v", err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}
