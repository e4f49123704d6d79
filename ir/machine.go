package ir

// Machine is what a schedule needs to know of the processor it is made for.
// The values are fixed for a target, never read from the machine that
// compiles, so that the same network gives the same bytes everywhere.
type Machine struct {
	Name      string
	Lanes     int  // float32 values in a vector register
	Registers int  // vector registers
	Broadcast bool // a multiply-add takes a broadcast memory operand

	// Costs are in cycles of one core.
	FMA       float64 // one vector multiply-add
	Load      float64 // one vector of weights, which come from L2
	Splat     float64 // one load of a scalar into all lanes
	Latency   float64 // of a multiply-add
	Tile      float64 // the start and end of a register tile
	Store     float64 // one vector of a tile: its bias, epilogue and store
	Transform float64 // one vector operation of a Winograd transform
	Call      float64 // one kernel call from Go
	Barrier   float64 // the end of a region: all workers meet
	Spill     float64 // one byte of a transform's points or sums, written and read again
	L2, L3    float64 // one byte moved from or to that cache
	Arena     float64 // one byte of a map that another region wrote or will read
	Memory    float64 // one byte read from memory, which all cores share
	CacheL2   int     // bytes a core
	CacheL3   int     // bytes a core, of what all share
	MaxCycles int     // longest kernel call: assembly is not preempted

	// Cores is how many workers a region is cut for. Fewer or more may run it.
	Cores int

	// Blocks describes a machine whose workers are blocks of threads; zero for
	// a CPU. Lanes are then the values of a 16-byte access.
	Blocks BlockMachine
}

// BlockMachine is what [ScheduleBlocks] needs to know of a GPU.
type BlockMachine struct {
	ValueBytes int // of a value of a feature map, and of a weight
	Shared     int // bytes of shared memory that a block may take
	Clips      int // how many clips a launch is cut for; it may have fewer or more
}

// HalfAccess reports whether pixels of so many values are half of an access: those of a
// clip may be, where they are read in twos.
func (m *Machine) HalfAccess(pixel int) bool { return 2*pixel == m.Lanes }

// Fits reports whether a register tile of pixels x vectors fits the
// register file: its accumulators, one row of weights, and the register that
// a pixel is broadcast to unless the multiply-add does that itself.
func (m *Machine) Fits(pixels, vectors int) bool {
	need := pixels*vectors + vectors
	if !m.embeds(vectors) {
		need++
	}
	return need <= m.Registers
}

// embeds reports whether a tile of that many vectors broadcasts its pixels in
// the multiply-add: only one vector wide does the broadcast cost nothing.
func (m *Machine) embeds(vectors int) bool { return m.Broadcast && vectors == 1 }

// loadShare is how much of the cycles that loads take stays visible behind
// multiply-adds that take longer.
const loadShare = 0.08

// TileCycles predicts one register tile with a reduction of so many steps.
func (m *Machine) TileCycles(pixels, vectors, steps int) float64 {
	fma := float64(pixels*vectors) * m.FMA
	loads := float64(vectors)*m.Load + float64(pixels)*m.Splat
	step := max(fma, loads, m.Latency) + loadShare*loads
	return float64(steps)*step + m.Tile + float64(pixels*vectors)*m.Store
}
