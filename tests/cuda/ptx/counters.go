package ptx

import "math/bits"

// Class is a kind of instructions that are counted together.
type Class int

// The classes.
const (
	MMA Class = iota
	LoadMatrix
	CopyAsync
	LoadGlobal
	StoreGlobal
	LoadShared
	StoreShared
	Other
	Classes // how many there are
)

// String returns a class' name.
func (c Class) String() string {
	return [...]string{"mma", "ldmatrix", "cp.async", "ld.global", "st.global", "ld.shared", "st.shared", "other"}[c]
}

// Counters are what warps did. Shared memory has 32 banks of 4 bytes; a request of wider
// accesses is taken in parts of 128 bytes: 8 lanes of 16 bytes, 16 of 8. That is how
// ldmatrix is documented; of copies it is a model.
type Counters struct {
	Blocks, Warps int
	Instructions  [Classes]int64 // of warps
	SharedCycles  int64          // of parts: how often the busiest bank was asked
	SharedParts   int64          // cycles without a conflict
	Requests      int64          // of global memory, by warps
	Sectors       int64          // of 32 bytes that those touch
	Bytes         int64          // that those ask for
}

// Total returns the number of instructions of all classes.
func (c *Counters) Total() (n int64) {
	for _, i := range c.Instructions {
		n += i
	}
	return n
}

// Conflicts returns the cycles that bank conflicts cost.
func (c *Counters) Conflicts() int64 { return c.SharedCycles - c.SharedParts }

// Efficiency returns which part of the touched sectors was asked for.
func (c *Counters) Efficiency() float64 { return float64(c.Bytes) / float64(c.Sectors*sectorBytes) }

func (c *Counters) add(d *Counters) {
	c.Blocks += d.Blocks
	c.Warps += d.Warps
	for i, n := range d.Instructions {
		c.Instructions[i] += n
	}
	c.SharedCycles += d.SharedCycles
	c.SharedParts += d.SharedParts
	c.Requests += d.Requests
	c.Sectors += d.Sectors
	c.Bytes += d.Bytes
}

const (
	sectorBytes = 32
	banks       = 32
)

// bank counts a request of shared memory.
func (c *Counters) bank(at *lanes, mask uint32, bytes int) {
	together := min(warpSize, banks*wordBytes/bytes)
	for first := 0; first < warpSize; first += together {
		var words [banks][]uint64
		busiest := 0
		for lane := first; lane < first+together; lane++ {
			if mask>>lane&1 == 0 {
				continue
			}
			for w := at[lane] / wordBytes; w < (at[lane]+uint64(bytes)+wordBytes-1)/wordBytes; w++ {
				b := &words[w%banks]
				known := false
				for _, other := range *b {
					known = known || other == w
				}
				if !known {
					*b = append(*b, w)
					busiest = max(busiest, len(*b))
				}
			}
		}
		if busiest > 0 {
			c.SharedParts++
			c.SharedCycles += int64(busiest)
		}
	}
}

// sectors counts a request of global memory.
func (c *Counters) sectors(at *lanes, mask uint32, bytes int) {
	if mask == 0 {
		return
	}
	touched := map[uint64]bool{}
	for lane := range active(mask) {
		for s := at[lane] / sectorBytes; s <= (at[lane]+uint64(bytes)-1)/sectorBytes; s++ {
			touched[s] = true
		}
	}
	c.Requests++
	c.Sectors += int64(len(touched))
	c.Bytes += int64(bytes * bits.OnesCount32(mask))
}

// count counts an access of a warp, if that is wanted.
func (w *warp) count(shared bool, at *lanes, mask uint32, bytes int) {
	switch {
	case !w.block.counting:
	case shared:
		w.block.counters.bank(at, mask, bytes)
	default:
		w.block.counters.sectors(at, mask, bytes)
	}
}
