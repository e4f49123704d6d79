package ir

import "testing"

// verifiedPlan is a plan in order: a convolution that adds what it then
// writes over, with a tail, and a pool whose result takes the place, and the
// border, of the convolution's input.
func verifiedPlan() *Plan {
	place := func(b Buffer, space Space, base, first, last int) Buffer {
		b.Space, b.Base, b.First, b.Last = space, base, first, last
		b.Offset = b.Base + b.corner()
		return b
	}
	in, wide := Shape{2, 4, 7, 32}, Shape{2, 4, 7, 64}
	conv := Kernel{Name: "conv", Rows: 1, Cols: 3, Vectors: 2, K: 32, TapsT: 1, TapsH: 3, TapsW: 3, Epi: "add"}
	tail := conv
	tail.Name, tail.Cols = "tail", 1
	return &Plan{
		Graph: &Graph{Name: "t"}, Machine: wideMachine, PackedLen: 2*9*32*32 + 64,
		Buffers: []Buffer{
			place(newBuffer("x", in, Border{1, 1, 1, 1}, 32), Arena, 0, 0, 1),
			place(newBuffer("y", wide, Border{}, 64), Arena, 3456, 0, 2),
			place(newBuffer("z", in, Border{1, 1, 1, 1}, 32), Arena, 0, 2, 3),
			place(newBuffer("s", Shape{2, 1, 7, 16}, Border{}, 16), Scratch, 0, 1, 1),
		},
		Packs:   []Pack{{Op: "conv", In: 32, Channels: 32, Conv: Conv{Window: cube(1, 3, 3), Out: 64}, Bias: 2 * 9 * 32 * 32}},
		Kernels: []Kernel{conv, tail, {Name: "pool", Kind: KernelPool, Rows: 1, Cols: 1, Vectors: 2, TapsT: 1, TapsH: 1, TapsW: 1}},
		Regions: []Region{
			{Name: "input"},
			{Name: "conv", Space: wide, Tile: Shape{1, 2, 7, 32}, Steps: []Step{{
				Op: "conv", Kernel: 0, Tails: []KernelID{NoKernel, 1, NoKernel}, MaxTiles: 9,
				In: 0, Out: 1, Res: 1, Pack: 0, Window: cube(1, 3, 3).pad(0, 1, 1), Cover: UnitWindow, InShape: in, OutShape: wide,
			}}},
			{Name: "pool", Space: in, Tile: in, Steps: []Step{{
				Op: "pool", Kernel: 2, MaxTiles: 9, In: 1, Out: 2, Res: NoBuffer, Pack: NoPack,
				Window: cube(1, 1, 1), Cover: UnitWindow, InShape: wide, OutShape: in,
			}}},
		},
		ArenaLen: 3456 + 3584, ScratchLen: 224,
	}
}

// TestPlanVerify harms a plan once a case; what is wrong must be said, and
// nothing else.
func TestPlanVerify(t *testing.T) {
	for _, tc := range []struct {
		want string // "" for a plan in order
		harm func(p *Plan, conv *Step)
	}{
		{"", func(*Plan, *Step) {}},
		{"", func(p *Plan, _ *Step) { p.Buffers[2].Last = -1; p.Buffers[2].Base = 1 << 40 }}, // never used
		{"", func(p *Plan, _ *Step) { // what does not run as kernels has no panels
			p.Kernels[2].Kind, p.Kernels[2].Vectors = KernelSoftmax, 0
		}},

		{"conv: a register tile of 32 pixels x 2 vectors does not fit 32 registers\n" +
			"conv: no kernel for the last 7 of a run of 7", func(p *Plan, _ *Step) { p.Kernels[0].Cols = 32 }},
		{"tail: an empty register tile, 0x1 pixels x 2 vectors", func(p *Plan, _ *Step) { p.Kernels[1].Rows = 0 }},
		{"conv: an empty register tile, 1x0 pixels x 2 vectors", func(p *Plan, _ *Step) { p.Kernels[0].Cols = 0 }},
		{"conv: an empty reduction", func(p *Plan, _ *Step) { p.Kernels[0].K = 0 }},
		{"conv: an empty reduction", func(p *Plan, _ *Step) { p.Kernels[0].TapsT = 0 }},
		{"conv: an empty reduction", func(p *Plan, _ *Step) { p.Kernels[0].TapsH = 0 }},
		{"conv: an empty reduction", func(p *Plan, _ *Step) { p.Kernels[0].TapsW = 0 }},
		{"pool: 0 vectors, not 1 to 8", func(p *Plan, _ *Step) {
			p.Kernels = append(p.Kernels, Kernel{Name: "pool", Kind: KernelPool})
		}},
		{"pool: 9 vectors, not 1 to 8", func(p *Plan, _ *Step) {
			p.Kernels = append(p.Kernels, Kernel{Name: "pool", Kind: KernelPool, Vectors: 9})
		}},

		{"conv: operand -1 does not exist", func(_ *Plan, s *Step) { s.In = NoBuffer }},
		{"conv: operand 4 does not exist", func(_ *Plan, s *Step) { s.Out = 4 }},
		{"conv: operand 4 does not exist", func(_ *Plan, s *Step) { s.Res = 4 }},
		{"conv: operand -2 does not exist", func(_ *Plan, s *Step) { s.Res = -2 }},
		{"conv: kernel -1, 9 tiles a call", func(_ *Plan, s *Step) { s.Kernel = NoKernel }},
		{"conv: kernel 3, 9 tiles a call", func(_ *Plan, s *Step) { s.Kernel = 3 }},
		{"conv: kernel 0, 0 tiles a call", func(_ *Plan, s *Step) { s.MaxTiles = 0 }},
		{"conv: panels of 32 channels store 96, a pixel has room for 64", func(_ *Plan, s *Step) { s.OutShape.C = 65 }},
		{"conv: a tile of 48 channels cuts a panel of 32", func(p *Plan, _ *Step) { p.Regions[1].Tile.C = 48 }},
		{"", func(p *Plan, _ *Step) { p.Regions[1].Tile.C = 64 }},
		{"conv: no kernel for the last 1 of a run of 7", func(_ *Plan, s *Step) { s.Tails = nil }},
		{"conv: no kernel for the last 1 of a run of 7", func(_ *Plan, s *Step) { s.Tails[1] = NoKernel }},
		{"conv: no kernel for the last 1 of a run of 7", func(_ *Plan, s *Step) { s.Tails[1] = 3 }},
		{"conv: tail conv covers 3 units, not 1", func(_ *Plan, s *Step) { s.Tails[1] = 0 }},
		{"conv: no kernel for the last 2 of a run of 5", func(p *Plan, s *Step) {
			p.Regions[1].Tile.W, p.Regions[1].Space.W, s.OutShape.W = 6, 11, 11
		}},
		{"", func(p *Plan, s *Step) { s.Run, s.Tails = RunRows, nil }},
		{"conv: no kernel for the last 2 of a run of 14", func(_ *Plan, s *Step) { s.Run = RunFlat }},
		{"conv: panels of 32 channels, pack -1", func(_ *Plan, s *Step) { s.Pack = NoPack }},
		{"conv: panels of 32 channels, pack 1", func(_ *Plan, s *Step) { s.Pack = 1 }},
		{"conv: panels of 32 channels, pack 0", func(p *Plan, _ *Step) { p.Packs[0].Channels = 16 }},

		{"y: lies at 3456..7040 of 7039 in the arena", func(p *Plan, _ *Step) { p.ArenaLen-- }},
		{"s: lies at 1..225 of 224 in the scratch", func(p *Plan, _ *Step) { p.Buffers[3].Base++ }},
		{"s: lies at -1..223 of 224 in the scratch", func(p *Plan, _ *Step) { p.Buffers[3].Base-- }},
		{"y: shares memory with x, which is alive at the same time", func(p *Plan, _ *Step) { p.Buffers[1].Base--; p.Buffers[2].Last = -1 }},
		{"z: shares memory with x, which is alive at the same time", func(p *Plan, _ *Step) { p.Buffers[2].First = 1 }},
		{"", func(p *Plan, _ *Step) { p.Buffers[2].Border.Top, p.Buffers[2].Row = 0, 16 }}, // z comes when x has gone
		// All faults are said, in the plan's order.
		{"conv: kernel 0, 0 tiles a call\nx: lies at 0..3456 of 0 in the arena\n" +
			"y: lies at 3456..7040 of 0 in the arena\nz: lies at 0..3456 of 0 in the arena", func(p *Plan, s *Step) {
			s.MaxTiles, p.ArenaLen = 0, 0
		}},
	} {
		p := verifiedPlan()
		tc.harm(p, &p.Regions[1].Steps[0])
		got := ""
		if err := p.Verify(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("got:\n%s\nwant:\n%s", indent(got), indent(tc.want))
		}
	}
}
