package support

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// strassenPack is a pointwise layer by Strassen's algorithm, of integers whose
// sums are exact, with a batch norm that multiplies by powers of two.
func strassenPack(in, out int) (pack, [][]float32) {
	r := rand.New(rand.NewPCG(1, 2))
	integers := func(n, most int) []float32 {
		y := make([]float32, n)
		for i := range y {
			y[i] = float32(r.IntN(2*most+1) - most)
		}
		return y
	}
	norm := func(x ...float32) []float32 {
		y := make([]float32, out)
		for i := range y {
			y[i] = x[i%len(x)]
		}
		return y
	}
	raw := [][]float32{integers(out*in, 5), norm(2, 4, 8), norm(3), integers(out, 9)}
	f := transformOf(ir.Transform{T: ir.Line{Results: 2, Taps: 1, Stride: 1, Strassen: true}})
	p := pack{
		weight: 0, conv: none, gamma: 1, beta: 3, mean: none, vari: 2, epsilon: 1,
		out: out, in: in, taps: [3]int{1, 1, 1}, width: genericWidth, lanes: genericWidth, transform: f, weights: 5,
	}
	raw = append(raw, norm(0))
	p.mean = 4
	p.bias = p.weights + p.panels()*p.panelLen()
	return p, raw
}

// TestStrassenGeneric packs a layer, makes points, products and results with the
// portable kernels, and expects every bit of the sums.
func TestStrassenGeneric(t *testing.T) {
	const in, out, tiles, lanes = 4 * genericWidth, 6 * genericWidth, 3, genericWidth
	p, raw := strassenPack(in, out)
	w, err := packAll(&network{}, &plan{packed: p.bias + out, packs: []pack{p}}, raw)
	if err != nil {
		t.Fatal(err)
	}
	if p.panels() != out/2/lanes || p.panelLen() != 7*in/2*lanes {
		t.Fatalf("%d panels of %d", p.panels(), p.panelLen())
	}
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 2*tiles*in) // frame by frame
	for i := range x {
		x[i] = float32(r.IntN(9) - 4)
	}
	points, sums := make([]float32, 7*tiles*in/2), make([]float32, 7*tiles*lanes)
	got, res := make([]float32, 2*tiles*out), make([]float32, 2*tiles*out)
	for i := range res {
		res[i] = float32(i % 11)
	}
	spread := kernel{
		kind: kindSpread, width: lanes, rows: 1, cols: 1, k: in / 2, stepT: tiles * in / 2,
		in: pitch{in, tiles * in}, out: pitch{pixel: in / 2}, to: 2,
	}
	product := kernel{
		kind: kindConv, points: 7, rows: 1, cols: 1, width: lanes, k: in / 2, tapsH: 1, tapsW: 1,
		stepT: tiles * in / 2, in: pitch{pixel: in / 2}, out: pitch{lanes, tiles * lanes},
	}
	gather := kernel{
		kind: kindGather, width: lanes, rows: 1, cols: 1, stepT: tiles * lanes, in: pitch{pixel: lanes},
		out: pitch{out, tiles * out}, res: pitch{out, tiles * out}, epi: []epi{epiBias, epiAdd, epiReLU}, to: 2,
	}
	spread.spreadGeneric(p.transform, in, x, points, tiles)
	for c := 0; c < out; c += p.panelWidth() {
		weights := w.values[p.weights+c/p.panelWidth()*p.panelLen():]
		product.convolve(points, weights, w.values[p.bias+c:], nil, sums, tiles, 7)
		gather.gatherGeneric(p.transform, sums, w.values[p.bias+c:], res[c:], got[c:], tiles, 1, 1, 1)
	}
	for i := range got {
		o, want := i%out, res[i]
		scale, bias := p.fold(raw, o)
		want += float32(bias)
		for c := range in {
			want += x[i/out*in+c] * raw[p.weight][o*in+c] * float32(scale)
		}
		if want = max(0, want); got[i] != want {
			t.Fatalf("pixel %d, channel %d is %g, want %g", i/out, o, got[i], want)
		}
	}
}

// TestStrassenPackFaults reports which weight is not finite, or becomes so.
func TestStrassenPackFaults(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), math.MaxFloat32 / 3} {
		p, raw := strassenPack(2*genericWidth, 2*genericWidth)
		raw[0][3*p.in+5] = bad
		if finite(bad) { // whose difference to another is too large
			raw[1][3] = 4
			raw[0][3*p.in+5+p.in/2] = -bad
		}
		_, err := packAll(&network{params: []param{{name: "w"}}}, &plan{packed: p.bias + p.out, packs: []pack{p}}, raw)
		if want := "weight of output channel 3, input channel 5 is not finite"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%g: found %v, want %q", bad, err, want)
		}
	}
}
