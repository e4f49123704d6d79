package support

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
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
			w, err := packAll(&network{}, &plan{packed: len(want), packs: []pack{p}}, params)
			if err != nil {
				t.Fatal(err)
			}
			got := w.values
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("width %d, bias %v, norm %v: value %d is %v, want %v", width, has[0], has[1], i, got[i], want[i])
				}
			}
		}
	}
}

// referencePack packs a layer value by value, without blocks and workers.
func referencePack(p *pack, packed []float32, raw [][]float32) {
	places, taps := p.places(), p.tapCount()
	for o := range p.out {
		scale, bias := 1.0, 0.0
		if p.conv != none {
			bias = float64(raw[p.conv][o])
		}
		if p.gamma != none {
			scale = float64(raw[p.gamma][o]) / math.Sqrt(float64(raw[p.vari][o])+p.epsilon)
			bias = float64(raw[p.beta][o]) + float64((bias-float64(raw[p.mean][o]))*scale)
		}
		packed[p.bias+o] = float32(bias)
		for c := range p.in {
			w := raw[p.weight][(o*p.in+c)*taps:][:taps]
			for i := range places {
				x := 0.0
				if p.transform != nil {
					x = referencePoint(p, i/p.transform.phases(), i%p.transform.phases(), w)
				} else {
					x = float64(w[i])
				}
				packed[p.weights+(((o/p.width)*places+i)*p.in+c)*p.width+o%p.width] = float32(x * scale)
			}
		}
	}
}

// referencePoint is what a pair of channels' weights are at one point and phase
// of Winograd's algorithm.
func referencePoint(p *pack, point, phase int, w []float32) float64 {
	f := p.transform
	row := [3][]float64{
		f[0].weights[0][point/(f[1].points*f[2].points)],
		f[1].weights[phase/f[2].phases][point/f[2].points%f[1].points],
		f[2].weights[phase%f[2].phases][point%f[2].points],
	}
	z := 0.0
	for t, ct := range row[0] {
		y := 0.0
		for r, cr := range row[1] {
			x := 0.0
			for q, cq := range row[2] {
				tap := (t*p.taps[1]+r*f[1].phases+phase/f[2].phases)*p.taps[2] + q*f[2].phases + phase%f[2].phases
				x += float64(cq * float64(w[tap]))
			}
			y += float64(cr * x)
		}
		z += float64(ct * y)
	}
	return z
}

// TestPackReference compares the bits of layers of many sizes with a packing
// value by value: whole panels and cut ones, fewer and more channels than are
// gathered at a time, every kind of taps.
func TestPackReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	var pl plan
	var raw [][]float32
	one, f2, f4 := [3]int{1, 1, 1}, ir.Transform{H: two, W: two}, ir.Transform{H: four, W: four}
	spatial := [3]int{1, 3, 3}
	for _, size := range []struct {
		out, in int
		taps    [3]int
		width   int
		f       ir.Transform
	}{
		{1, 1, one, 1, ir.Transform{}}, {8, 3, [3]int{3, 7, 7}, 8, ir.Transform{}}, {70, 200, one, 32, ir.Transform{}},
		{33, 65, [3]int{3, 1, 1}, 16, ir.Transform{}}, {80, 40, spatial, 80, ir.Transform{}}, {5, 700, [3]int{3, 3, 3}, 64, ir.Transform{}},
		{64, 33, spatial, 32, f2}, {13, 40, spatial, 16, f2}, {32, 20, spatial, 32, f4}, {7, 5, spatial, 8, f4}, {1, 1, spatial, 16, f4},
		{40, 30, [3]int{3, 1, 1}, 16, ir.Transform{T: four}}, {9, 17, [3]int{3, 1, 1}, 8, ir.Transform{T: closed}},
		{64, 3, [3]int{1, 7, 7}, 32, ir.Transform{H: stem, W: stem}},
	} {
		for _, norm := range []bool{false, true} {
			p := pack{
				weight: len(raw), conv: len(raw) + 1, gamma: none, beta: none, mean: none, vari: none,
				out: size.out, in: size.in, taps: size.taps, width: size.width,
			}
			if size.f != (ir.Transform{}) {
				p.transform = transformOf(size.f)
			}
			raw = append(raw, random(size.out*size.in*p.tapCount()), random(size.out))
			if norm {
				p.gamma, p.beta, p.mean, p.vari, p.epsilon = len(raw), len(raw)+1, len(raw)+2, len(raw)+3, 1e-5
				raw = append(raw, random(size.out), random(size.out), random(size.out), random(size.out))
				for i, v := range raw[p.vari] {
					raw[p.vari][i] = v * v
				}
			}
			p.weights = pl.packed
			p.bias = p.weights + p.panels()*p.panelLen()
			pl.packed = p.bias + p.panels()*p.width
			pl.packs = append(pl.packs, p)
		}
	}
	want := make([]float32, pl.packed)
	for i := range pl.packs {
		referencePack(&pl.packs[i], want, raw)
	}
	got, err := packAll(&network{}, &pl, raw)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Float32bits(got.values[i]) != math.Float32bits(want[i]) {
			k := slices.IndexFunc(pl.packs, func(p pack) bool { return i < p.bias+p.panels()*p.width })
			t.Fatalf("layer %d, %+v: value %d is %g, want %g", k, pl.packs[k], i-pl.packs[k].weights, got.values[i], want[i])
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
		_, err := packAll(net, pl, params)
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
			at := "conv.weight: " // where values overflow together
			if !finite(float32(bad)) || bad < 0 {
				at = net.params[tc.param].name + ": "
			}
			if err == nil || strings.Count(err.Error(), at) != 2 || !strings.Contains(err.Error(), "channel 4") {
				t.Errorf("%s of %g: %v", net.params[tc.param].name, bad, err)
			}
		}
		if tc.param == 5 {
			want := "bn.running_var: the variance of output channel 4 is -1, expected 0 or more"
			if err := fill(tc.param, -1); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("a negative variance: %v, want %s", err, want)
			}
		}
		if err := fill(tc.param, 1e30); err != nil { // large is not infinite
			t.Errorf("%s of 1e30: %v", net.params[tc.param].name, err)
		}
	}
}
