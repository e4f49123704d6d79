package support

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// packedParams are the parameters of a layer of 5 output and 3 input channels
// with 4 taps: weight, bias, gamma, beta, mean, variance.
func packedParams() [][]float32 {
	params := [][]float32{make([]float32, 5*3*4), {1, -2, 3, -4, 5}, {2, 1, 0.5, -1, 3}, {10, 20, 30, 40, 50}, {1, 2, 3, 4, 5}, {3.75, 0.75, 15.75, 8.75, 0}}
	for i := range params[0] {
		params[0][i] = float32(i) - 30.5
	}
	return params
}

func rawParams(params [][]float32) [][]byte {
	var raw [][]byte
	for _, p := range params {
		var b []byte
		for _, v := range p {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		raw = append(raw, b)
	}
	return raw
}

// TestPack compares the place and value of every weight with the formula,
// with and without batch norm and bias, in panels of several widths.
func TestPack(t *testing.T) {
	params := packedParams()
	for _, width := range []int{1, 4, 8} {
		for _, has := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
			p := pack{weight: 0, conv: none, gamma: none, beta: none, mean: none, vari: none, out: 5, in: 3, taps: [3]int{1, 2, 2}, width: width, weights: 7}
			if has[0] {
				p.conv = 1
			}
			if has[1] {
				p.gamma, p.beta, p.mean, p.vari, p.epsilon = 2, 3, 4, 5, 0.25
			}
			panels := (5 + width - 1) / width
			p.bias = 7 + panels*12*width
			want := make([]float32, p.bias+panels*width)
			for o := range 5 {
				scale, bias := 1.0, 0.0
				if has[0] {
					bias = float64(params[1][o])
				}
				if has[1] {
					scale = float64(params[2][o]) / math.Sqrt(float64(params[5][o])+0.25)
					bias = (bias-float64(params[4][o]))*scale + float64(params[3][o])
				}
				want[p.bias+o] = float32(bias)
				for c := range 3 {
					for tap := range 4 {
						at := 7 + o/width*(4*3*width) + tap*3*width + c*width + o%width
						want[at] = float32(float64(params[0][(o*3+c)*4+tap]) * scale)
					}
				}
			}
			got, err := packAll(&network{}, &plan{packed: len(want), packs: []pack{p}}, rawParams(params))
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("width %d, bias %v, norm %v: value %d is %v, want %v", width, has[0], has[1], i, got[i], want[i])
				}
			}
		}
	}
}

// TestPackNotFinite puts one bad value into each parameter. Every layer that
// has one is named.
func TestPackNotFinite(t *testing.T) {
	net := &network{params: []param{{name: "conv.weight"}, {name: "conv.bias"}, {name: "bn.weight"}, {name: "bn.bias"}, {name: "bn.running_mean"}, {name: "bn.running_var"}}}
	p := pack{weight: 0, conv: 1, gamma: 2, beta: 3, mean: 4, vari: 5, epsilon: 0.25, out: 5, in: 3, taps: [3]int{1, 2, 2}, width: 8, bias: 12 * 8}
	behind := p
	behind.weights, behind.bias = 13*8, 25*8
	pl := &plan{packed: 26 * 8, packs: []pack{p, behind}}
	fill := func(param int, value float64) error {
		params := packedParams()
		params[param][len(params[param])-1] = float32(value)
		_, err := packAll(net, pl, rawParams(params))
		return err
	}
	for _, tc := range []struct {
		param  int
		values []float64
	}{
		{0, []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32}}, // times 6
		{1, []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32}},
		{2, []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32}},
		{3, []float64{math.NaN(), math.Inf(1), math.Inf(-1)}},
		{4, []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat32}},
		{5, []float64{math.NaN(), math.Inf(1), math.Inf(-1), -0.25, -1}},
	} {
		for _, bad := range tc.values {
			err := fill(tc.param, bad)
			if err == nil || strings.Count(err.Error(), "conv.weight: ") != 2 || !strings.Contains(err.Error(), "channel 4") {
				t.Errorf("%s of %g: %v", net.params[tc.param].name, bad, err)
			}
		}
		if err := fill(tc.param, 1e30); err != nil { // large is not infinite
			t.Errorf("%s of 1e30: %v", net.params[tc.param].name, err)
		}
	}
}
