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
	Load      float64 // one vector load
	Splat     float64 // one load of a scalar into all lanes
	Latency   float64 // of a multiply-add
	Call      float64 // one kernel call from Go
	Barrier   float64 // the end of a region: all workers meet
	L2, L3    float64 // one byte moved from or to that cache
	CacheL2   int     // bytes a core
	MaxCycles int     // longest kernel call: assembly is not preempted

	// Cores is how many workers a region is cut for. Fewer or more may run it.
	Cores int
}

// Accumulators returns whether a register tile of pixels x vectors fits the
// register file: its accumulators, one row of weights, and the register that
// a pixel is broadcast to unless the multiply-add does that itself.
func (m *Machine) Accumulators(pixels, vectors int) bool {
	need := pixels*vectors + vectors
	if !m.embeds(vectors) {
		need++
	}
	return need <= m.Registers
}

// embeds reports whether a tile of that many vectors broadcasts its pixels in
// the multiply-add: only one vector wide does the broadcast cost nothing.
func (m *Machine) embeds(vectors int) bool { return m.Broadcast && vectors == 1 }

// TileCycles predicts one step of the reduction, on one register tile.
func (m *Machine) TileCycles(pixels, vectors int) float64 {
	fma := float64(pixels*vectors) * m.FMA
	loads := float64(vectors)*m.Load + float64(pixels)*m.Splat
	return max(fma, loads, m.Latency)
}
