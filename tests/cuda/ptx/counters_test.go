package ptx

import "testing"

// TestCounted has requests whose costs are plain.
func TestCounted(t *testing.T) {
	all := ^uint32(0)
	at := func(distance uint64) *lanes {
		var l lanes
		for i := range l {
			l[i] = 1<<20 + uint64(i)*distance
		}
		return &l
	}
	for _, tc := range []struct {
		distance      uint64
		mask          uint32
		bytes         int
		parts, cycles int64
		sectors, used int64
	}{
		{4, all, 4, 1, 1, 4, 128},
		{8, all, 4, 1, 2, 8, 128},
		{128, all, 4, 1, 32, 32, 128},
		{0, all, 4, 1, 1, 1, 4},
		{132, all, 4, 1, 1, 32, 128},
		{8, all, 8, 2, 2, 8, 256},
		{16, all, 16, 4, 4, 16, 512},
		{48, all, 16, 4, 4, 32, 512},  // an odd number of accesses apart
		{64, all, 16, 4, 16, 32, 512}, // a step's rows, if their parts did not change places
		{4, 0xf, 4, 1, 1, 1, 16},
		{4, 0, 4, 0, 0, 0, 0},
	} {
		var b Banks
		var s Sectors
		b.request(at(tc.distance), tc.mask, tc.bytes)
		s.request(at(tc.distance), tc.mask, tc.bytes)
		if b.Parts != tc.parts || b.Cycles != tc.cycles || s.Sectors != tc.sectors || s.Bytes != tc.used {
			t.Errorf("%d bytes, %d apart, lanes %#x: %d of %d cycles, %d sectors for %d bytes; want %d, %d, %d, %d",
				tc.bytes, tc.distance, tc.mask, b.Cycles, b.Parts, s.Sectors, s.Bytes, tc.cycles, tc.parts, tc.sectors, tc.used)
		}
	}
}
