package support

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// smallPack is a layer of 3 channels from 2, of 2 taps, whose input's pixels are 4
// values apart: a reduction of 8 places, then 4 of a projected shortcut of 1 channel,
// in steps of 4.
func smallPack() (*network, *cudaPlan) {
	net := &network{params: []param{{"w", nil}, {"b", nil}, {"project", nil}}}
	pk := cudaPack{
		pack: pack{
			weight: 0, conv: 1, gamma: none, beta: none, mean: none, vari: none, out: 3, in: 2, width: 2, taps: [3]int{2, 1, 1},
			weights: 0, bias: 192,
			project: &pack{weight: 2, conv: none, gamma: none, beta: none, mean: none, vari: none, out: 3, in: 1, taps: [3]int{1, 1, 1}},
		},
		depth: 4, pitch: 4, projectPitch: 4, rowTaps: 1,
	}
	return net, &cudaPlan{precision: single, packed: 192 + 16, packs: []cudaPack{pk}}
}

func smallWeights() [][]float32 {
	return [][]float32{
		{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, // by output, input, tap
		{100, 200, 300},
		{-1, -2, -3},
	}
}

func TestPackCUDA(t *testing.T) {
	net, p := smallPack()
	packed, err := packCUDA(net, p, smallWeights())
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{
		// Two channels: tap 0, tap 1, projected; each [channel][place].
		1, 3, 0, 0, 5, 7, 0, 0,
		2, 4, 0, 0, 6, 8, 0, 0,
		-1, 0, 0, 0, -2, 0, 0, 0,
		// The third, and one that is not there.
		9, 11, 0, 0, 0, 0, 0, 0,
		10, 12, 0, 0, 0, 0, 0, 0,
		-3, 0, 0, 0, 0, 0, 0, 0,
		// Biases.
		100, 200, 300, 0,
	}
	got := floats(packed)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("value %d is %g, want %g\n%v", i, got[i], want[i], got)
		}
	}
}

// TestPackCUDARows lays out rows of two taps as rows of four, the first one a zero.
func TestPackCUDARows(t *testing.T) {
	pk := cudaPack{pack: pack{conv: none, gamma: none, beta: none, mean: none, vari: none, out: 1, in: 1, width: 1, taps: [3]int{1, 2, 2}, bias: 64}, depth: 4, pitch: 2, rowTaps: 4, leadTaps: 1}
	packed := make([]byte, 64+4)
	if fault := pk.fill(packed, [][]float32{{1, 2, 3, 4}}, single); fault != nil {
		t.Fatal(fault)
	}
	if got, want := floats(packed[:64]), []float32{0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPackCUDAErrors(t *testing.T) {
	nan := float32(math.NaN())
	for _, tc := range []struct {
		values precision
		harm   func(raw [][]float32)
		want   string
	}{
		{single, func(raw [][]float32) { raw[0][6] = nan }, "w: the weight of output channel 1, input channel 1 is not finite, or too large for the precision: NaN"},
		{half, func(raw [][]float32) { raw[0][3] = 1e5 }, "w: the weight of output channel 0, input channel 1 is not finite, or too large for the precision: 100000"},
		{single, func(raw [][]float32) { raw[1][2] = nan }, "b: the value of output channel 2 is not finite: NaN"},
		{bfloat16, func(raw [][]float32) { raw[2][1] = nan }, "project: the weight of output channel 1, input channel 0 is not finite"},
	} {
		net, p := smallPack()
		p.precision = tc.values
		raw := smallWeights()
		tc.harm(raw)
		if _, err := packCUDA(net, p, raw); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}
