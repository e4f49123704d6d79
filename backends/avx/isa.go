package avx

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// isa is an instruction set as the kernel generator sees it.
type isa struct {
	machine ir.Machine
	prefix  string // of a vector register's name
	zeroing string // the instruction that clears a register by itself
	masks   bool   // instructions take a mask of lanes
}

// reg names the i-th vector register. That AVX2 code has half as many as the
// assembler would take is checked here, for all that is emitted.
func (s *isa) reg(i int) string {
	if i >= s.machine.Registers {
		panic(fmt.Sprintf("BUG: vector register %d of %d that %s has", i, s.machine.Registers, s.machine.Name))
	}
	return fmt.Sprintf("%s%d", s.prefix, i)
}

// bytes is the size of a vector.
func (s *isa) bytes() int { return 4 * s.machine.Lanes }

// Costs in cycles of a Zen 4 core, measured on register tiles of all shapes:
// one 512-bit or two 256-bit multiply-adds a cycle, 32 bytes of weights a cycle
// from L2; a byte of scratch memory from L2 or L3 as far as prefetching leaves
// it visible, and one of the arena, which comes from further away and goes back;
// Winograd's transforms with their scratch memory in L2, through which 16 bytes of
// points or of sums go in a cycle; 10 bytes a cycle from memory.
func avx512() *isa {
	return &isa{prefix: "Z", zeroing: "VPXORD", masks: true, machine: ir.Machine{
		Name: "avx512", Lanes: 16, Registers: 32, Broadcast: true,
		FMA: 1, Load: 2, Splat: 0.5, Latency: 4, Tile: 20, Store: 1.5, Transform: 0.7, Call: 60, Barrier: 4000, Spill: 1.0 / 16,
		L2: 1.0 / 64, L3: 1.0 / 24, Arena: 0.2, Memory: 0.1, CacheL2: 1 << 20, CacheL3: 8 << 20, MaxCycles: 120_000, Cores: 4,
	}}
}

func avx2() *isa {
	return &isa{prefix: "Y", zeroing: "VPXOR", machine: ir.Machine{
		Name: "avx2", Lanes: 8, Registers: 16,
		FMA: 0.5, Load: 1, Splat: 0.57, Latency: 4, Tile: 20, Store: 1, Transform: 0.6, Call: 60, Barrier: 4000, Spill: 1.0 / 16,
		L2: 1.0 / 64, L3: 1.0 / 24, Arena: 0.2, Memory: 0.1, CacheL2: 1 << 20, CacheL3: 8 << 20, MaxCycles: 120_000, Cores: 4,
	}}
}

// generic is the machine of the portable path: one pixel by eight channels,
// in scalar registers. Its cycles need only be in proportion.
func generic() ir.Machine {
	return ir.Machine{
		Name: "generic", Lanes: 8, Registers: 3,
		FMA: 8, Load: 1, Splat: 1, Latency: 1, Tile: 20, Store: 20, Transform: 10, Call: 60, Barrier: 4000, Spill: 1.0 / 16,
		L2: 1.0 / 64, L3: 1.0 / 24, Arena: 0.2, Memory: 0.1, CacheL2: 1 << 20, CacheL3: 8 << 20, MaxCycles: 1 << 24, Cores: 4,
	}
}
