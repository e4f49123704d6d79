package support

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestWinogradGeneric computes one tile of results, cut at the edge, with the
// portable kernels and compares it with the sums in float64.
func TestWinogradGeneric(t *testing.T) {
	const channels, tiles = genericWidth, 3
	for _, side := range []int{2, 4} {
		for _, rows := range []int{side, 1} {
			for _, cols := range []int{side, 1} {
				t.Run(fmt.Sprintf("%dx%d of %d", rows, cols, side), func(t *testing.T) {
					testWinogradGeneric(t, side, rows, cols, tiles, channels)
				})
			}
		}
	}
}

func testWinogradGeneric(t *testing.T, side, rows, cols, tiles, channels int) {
	r := rand.New(rand.NewPCG(uint64(side), uint64(rows*8+cols)))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	n, width := side+2, tiles*side+2
	points := n * n
	in, weights, bias := random(n*width*channels), random(9*channels), random(channels)
	res := random(side * tiles * side * channels)

	spread := kernel{
		kind: kindWinogradIn, rows: side, cols: side, width: genericWidth, stepT: tiles * channels,
		in: pitch{channels, width * channels}, out: pitch{pixel: channels},
	}
	sums := make([]float32, points*tiles*channels)
	if n := testing.AllocsPerRun(1, func() { spread.winogradInGeneric(in, sums, tiles, channels/genericWidth) }); n > 0 {
		t.Errorf("%g allocations", n)
	}

	// One input channel to each output channel: the product of a point.
	m := winogradWeights(side)
	u := make([]float64, points)
	for c := range channels {
		var g [9]float64
		for i := range g {
			g[i] = float64(weights[i*channels+c])
		}
		transformWeights(u, m, &g)
		for p := range points {
			for i := range tiles {
				sums[(p*tiles+i)*channels+c] *= float32(u[p])
			}
		}
	}

	row := tiles * side * channels
	gather := kernel{
		kind: kindWinogradOut, rows: side, cols: side, width: genericWidth, stepT: tiles * channels,
		in: pitch{pixel: channels}, out: pitch{channels, row}, res: pitch{channels, row},
		epi: []epi{epiBias, epiAdd, epiReLU},
	}
	const untouched = 12345
	out := make([]float32, side*row)
	for i := range out {
		out[i] = untouched
	}
	if n := testing.AllocsPerRun(1, func() {
		gather.winogradOutGeneric(sums, bias, res, out, tiles, channels/genericWidth, rows, cols)
	}); n > 0 {
		t.Errorf("%g allocations", n)
	}

	for i := range out {
		y, x, c := i/row, i%row/channels, i%channels
		want := float64(untouched)
		if y < rows && x%side < cols {
			want = float64(bias[c]) + float64(res[i])
			for k := range 9 {
				want += float64(weights[k*channels+c]) * float64(in[((y+k/3)*width+x+k%3)*channels+c])
			}
			want = max(want, 0)
		}
		if math.Abs(float64(out[i])-want) > 2e-5 {
			t.Errorf("row %d, column %d, channel %d is %g, want %g", y, x, c, out[i], want)
		}
	}
}

// TestWinogradPack checks where the transformed weights of a layer go, with
// the factor of its batch norm.
func TestWinogradPack(t *testing.T) {
	const out, in = 3, 2
	weights := make([]float32, out*in*9)
	for i := range weights {
		weights[i] = float32(i%7) - 3
	}
	raw := [][]byte{bytesOf(weights), bytesOf([]float32{2, 4, 8}), bytesOf([]float32{3, 3, 3}), bytesOf([]float32{1, 2, 3})}
	p := pack{
		weight: 0, conv: none, gamma: 1, beta: 3, mean: 3, vari: 2, epsilon: 1,
		out: out, in: in, taps: 9, width: 2, winograd: 4, weights: 5,
	}
	p.bias = p.weights + p.panels()*p.panelLen()
	packed := make([]float32, p.bias+p.panels()*p.width)
	if err := p.fill(packed, raw); err != nil {
		t.Fatal(err)
	}
	if want := 36 * in * 2; p.panelLen() != want || p.pointLen() != in*2 {
		t.Errorf("a panel of %d, a point of %d; want %d and %d", p.panelLen(), p.pointLen(), want, in*2)
	}
	m, points := winogradWeights(4), make([]float64, 36)
	for o := range out {
		scale := float64(int(1) << o) // gamma / sqrt(3 + 1)
		for c := range in {
			var g [9]float64
			for i := range g {
				g[i] = scale * float64(weights[(o*in+c)*9+i])
			}
			transformWeights(points, m, &g)
			for i, want := range points {
				got := packed[p.weights+o/2*p.panelLen()+i*p.pointLen()+c*2+o%2]
				if math.Abs(float64(got)-want) > 1e-6*math.Abs(want) {
					t.Errorf("output %d, input %d, point %d: %g, want %g", o, c, i, got, want)
				}
			}
		}
	}
}

// bytesOf returns values as a file holds them.
func bytesOf(values []float32) []byte {
	var raw []byte
	for _, v := range values {
		b := math.Float32bits(v)
		raw = append(raw, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	return raw
}
