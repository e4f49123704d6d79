package ptx

import "testing"

// TestSums adds what fits and what does not.
func TestSums(t *testing.T) {
	const tiny = 0x1p-24 // half of 1's last bit
	for _, tc := range []struct {
		name  string
		add   sum
		start float32
		a     []float64
		want  float32
	}{
		{"rounded up", rounded, 1, []float64{tiny, tiny / 2, 0, 0}, 1 + 0x1p-23},
		{"cut off", truncated(4, 3), 1, []float64{tiny, tiny / 2, 0, 0}, 1},
		{"cut off below zero", truncated(4, 3), -1, []float64{-tiny, -tiny / 2, 0, 0}, -1},
		{"bits more add up", truncated(4, 1), 1, []float64{tiny, tiny, 0, 0}, 1 + 0x1p-23},
		{"no bits more", truncated(4, 0), 1, []float64{tiny, tiny, 0, 0}, 1},
		{"two at a time", truncated(2, 1), 1, []float64{tiny, 0, tiny, 0}, 1},
		{"the largest product counts", truncated(4, 0), tiny, []float64{1, -1, 0, 0}, 0},
		{"nothing", truncated(4, 0), 0, []float64{0, 0, 0, 0}, 0},
	} {
		if got := tc.add(tc.start, tc.a, []float64{1, 1, 1, 1}); got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}
