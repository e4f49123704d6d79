package ptx

import "slices"

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

// Counters are what warps did, by class.
type Counters struct {
	Blocks, Warps int
	Instructions  [Classes]int64 // of warps
	Shared        [Classes]Banks
	Global        [Classes]Sectors
}

// Banks are requests of shared memory, which has 32 banks of 4 bytes. Those of wider
// accesses are taken in parts of 128 bytes: 8 lanes of 16 bytes, 16 of 8. The manual says
// so of ldmatrix' rows; of the others it is a model.
type Banks struct {
	Parts  int64
	Cycles int64 // in each part as many as the busiest bank has words to give or take
}

// Conflicts returns the cycles that are more than there had to be.
func (b *Banks) Conflicts() int64 { return b.Cycles - b.Parts }

// Sectors are requests of global memory, by warps, which touch sectors of 32 bytes.
type Sectors struct {
	Requests, Sectors int64
	Bytes             int64 // that were asked for, by one lane or more
}

// Efficiency returns which part of the touched sectors was asked for.
func (s *Sectors) Efficiency() float64 { return float64(s.Bytes) / float64(s.Sectors*sectorBytes) }

// Total returns the number of instructions of all classes.
func (c *Counters) Total() (n int64) {
	for _, i := range c.Instructions {
		n += i
	}
	return n
}

// Add adds what others did.
func (c *Counters) Add(d *Counters) {
	c.Blocks += d.Blocks
	c.Warps += d.Warps
	for i := range Classes {
		c.Instructions[i] += d.Instructions[i]
		c.Shared[i].Parts += d.Shared[i].Parts
		c.Shared[i].Cycles += d.Shared[i].Cycles
		c.Global[i].Requests += d.Global[i].Requests
		c.Global[i].Sectors += d.Global[i].Sectors
		c.Global[i].Bytes += d.Global[i].Bytes
	}
}

const (
	sectorBytes = 32
	banks       = 32
)

// request counts one of a warp.
func (b *Banks) request(at *lanes, mask uint32, bytes int) {
	together := min(warpSize, banks*wordBytes/bytes)
	for first := 0; first < warpSize; first += together {
		var words [banks][]uint64
		busiest := 0
		for lane := first; lane < first+together; lane++ {
			if mask>>lane&1 == 0 {
				continue
			}
			for w := at[lane] / wordBytes; w < (at[lane]+uint64(bytes)+wordBytes-1)/wordBytes; w++ {
				if bank := &words[w%banks]; !slices.Contains(*bank, w) {
					*bank = append(*bank, w)
					busiest = max(busiest, len(*bank))
				}
			}
		}
		if busiest > 0 {
			b.Parts++
			b.Cycles += int64(busiest)
		}
	}
}

// request counts one of a warp.
func (s *Sectors) request(at *lanes, mask uint32, bytes int) {
	if mask == 0 {
		return
	}
	touched, asked := map[uint64]bool{}, map[uint64]bool{}
	for lane := range active(mask) {
		asked[at[lane]] = true
		for sector := at[lane] / sectorBytes; sector <= (at[lane]+uint64(bytes)-1)/sectorBytes; sector++ {
			touched[sector] = true
		}
	}
	s.Requests++
	s.Sectors += int64(len(touched))
	s.Bytes += int64(bytes * len(asked))
}

// count counts an access of a warp, if that is wanted.
func (w *warp) count(in *instruction, shared bool, at *lanes, mask uint32, bytes int) {
	switch c := &w.block.counters; {
	case !w.block.counting:
	case shared:
		c.Shared[in.class].request(at, mask, bytes)
	default:
		c.Global[in.class].request(at, mask, bytes)
	}
}
