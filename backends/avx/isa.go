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

// reg names the i-th vector register.
func (s *isa) reg(i int) string { return fmt.Sprintf("%s%d", s.prefix, i) }

// bytes is the size of a vector.
func (s *isa) bytes() int { return 4 * s.machine.Lanes }

// Costs in cycles of a Zen 4 core, measured or from its documentation: one
// 512-bit or two 256-bit multiply-adds a cycle, one 512-bit or two smaller
// loads; a byte from L2 or L3 as far as prefetching leaves it visible.
func avx512() *isa {
	return &isa{prefix: "Z", zeroing: "VPXORD", masks: true, machine: ir.Machine{
		Name: "avx512", Lanes: 16, Registers: 32, Broadcast: true,
		FMA: 1, Load: 1, Splat: 0.5, Latency: 4, Call: 40, Barrier: 4000,
		L2: 1.0 / 64, L3: 1.0 / 24, CacheL2: 1 << 20, MaxCycles: 120_000, Cores: 4,
	}}
}

func avx2() *isa {
	return &isa{prefix: "Y", zeroing: "VPXOR", machine: ir.Machine{
		Name: "avx2", Lanes: 8, Registers: 16,
		FMA: 0.5, Load: 0.5, Splat: 0.5, Latency: 4, Call: 40, Barrier: 4000,
		L2: 1.0 / 64, L3: 1.0 / 24, CacheL2: 1 << 20, MaxCycles: 120_000, Cores: 4,
	}}
}

// generic is the machine of the portable path: one pixel by eight channels,
// in scalar registers. Its cycles need only be in proportion.
func generic() ir.Machine {
	return ir.Machine{
		Name: "generic", Lanes: 8, Registers: 3,
		FMA: 8, Load: 1, Splat: 1, Latency: 1, Call: 40, Barrier: 4000,
		L2: 1.0 / 64, L3: 1.0 / 24, CacheL2: 1 << 20, MaxCycles: 1 << 24, Cores: 4,
	}
}
