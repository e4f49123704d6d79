package support

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// transformOf is a transform as the tables have it.
func transformOf(f ir.Transform) *transform {
	var t transform
	for i, l := range f.Lines() {
		m := l.Matrices()
		t[i] = &line{
			results: l.Size(), inputs: l.Inputs(), points: l.Points(), phases: l.Phases(), parts: l.Parts(),
			in: m.In, weights: m.Weights, out: m.Out,
		}
	}
	return &t
}

// The lines of the transforms that are tested.
var (
	two    = ir.Line{Results: 2, Taps: 3, Stride: 1}
	four   = ir.Line{Results: 4, Taps: 3, Stride: 1}
	closed = ir.Line{Results: 2, Taps: 3, Stride: 1, Closed: true}
	stem   = ir.Line{Results: 4, Taps: 7, Stride: 2}
)

// TestWinogradGeneric computes neighbouring tiles, cut at the map's edge, with
// the portable kernels and compares them with the sums in float64.
func TestWinogradGeneric(t *testing.T) {
	for _, tc := range []struct {
		name       string
		f          ir.Transform
		rows, cols int // of results on the map
		from, to   int // inputs along time that are on the map
		frames     int // results along time that are
	}{
		{name: "F2", f: ir.Transform{H: two, W: two}, rows: 2, cols: 2},
		{name: "F2, one column", f: ir.Transform{H: two, W: two}, rows: 2, cols: 1},
		{name: "F4", f: ir.Transform{H: four, W: four}, rows: 4, cols: 4},
		{name: "F4, three rows", f: ir.Transform{H: four, W: four}, rows: 3, cols: 4},
		{name: "stem", f: ir.Transform{H: stem, W: stem}, rows: 4, cols: 4},
		{name: "stem, cut", f: ir.Transform{H: stem, W: stem}, rows: 1, cols: 3},
		{name: "time", f: ir.Transform{T: four}, rows: 1, cols: 1, from: 0, to: 6, frames: 4},
		{name: "first of time", f: ir.Transform{T: four}, rows: 1, cols: 1, from: 1, to: 6, frames: 4},
		{name: "last of time", f: ir.Transform{T: four}, rows: 1, cols: 1, from: 0, to: 3, frames: 2},
		{name: "all of time", f: ir.Transform{T: closed}, rows: 1, cols: 1, from: 1, to: 3, frames: 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := newTransformTest(tc.f)
			x.rows, x.cols, x.from, x.to, x.frames = tc.rows, tc.cols, tc.from, tc.to, max(1, tc.frames)
			x.check(t)
		})
	}
}

// transformTest runs the transforms of three neighbouring tiles on a patch of
// the input of the size that they need. Each input channel goes to one output
// channel.
type transformTest struct {
	f                    *transform
	channels             int
	taps, stride, extent [3]int // by axis; the extent of the input
	rows, cols           int
	from, to, frames     int
	in, weights, bias    []float32
}

const testTiles = 3

func newTransformTest(f ir.Transform) *transformTest {
	x := &transformTest{f: transformOf(f), channels: 2 * genericWidth}
	if f.Strided() {
		x.channels = 3
	}
	for i, l := range f.Lines() {
		x.taps[i], x.stride[i] = max(1, l.Taps), max(1, l.Stride)
		x.extent[i] = l.Inputs() * x.stride[i]
	}
	x.extent[2] += (testTiles - 1) * x.f[2].results * x.stride[2]
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		y := make([]float32, n)
		for i := range y {
			y[i] = float32(r.NormFloat64())
		}
		return y
	}
	x.in = random(x.extent[0]*x.extent[1]*x.extent[2]*x.channels + genericWidth)
	x.weights = random(x.taps[0] * x.taps[1] * x.taps[2] * x.channels)
	x.bias = random(2 * genericWidth)
	return x
}

// input returns the value at a position; outside the map it is 0.
func (x *transformTest) input(t, h, w, c int) float64 {
	if x.extent[0] > 1 && (t < x.from || t >= x.to) {
		return 0
	}
	return float64(x.in[((t*x.extent[1]+h)*x.extent[2]+w)*x.channels+c])
}

func (x *transformTest) check(t *testing.T) {
	const width = 2 * genericWidth
	points, phases := x.f.points(), x.f.phases()
	stride := phases * x.channels // of a tile's values at a point
	row := x.extent[2] * x.channels
	spread := kernel{
		kind: kindSpread, rows: x.f[1].results, cols: x.f[2].results, width: genericWidth, stepT: testTiles * stride,
		in: pitch{x.channels, row}, out: pitch{pixel: stride}, from: x.from, to: x.to,
	}
	if x.extent[0] > 1 {
		spread.in.row = x.extent[1] * row
	}
	at := make([]float32, points*spread.stepT+genericWidth)
	allocs := testing.AllocsPerRun(1, func() {
		spread.spreadGeneric(x.f, x.channels, x.in[x.from*x.extent[1]*row:], at, testTiles)
	})

	sums := make([]float32, points*testTiles*width)
	u, g := make([]float64, points*phases), make([]float32, x.taps[0]*x.taps[1]*x.taps[2])
	for c := range x.channels {
		for i := range g {
			g[i] = x.weights[i*x.channels+c]
		}
		x.f.weights(u, g, x.taps)
		for p := range points {
			for i := range testTiles {
				for ph := range phases {
					sums[(p*testTiles+i)*width+c] += at[p*spread.stepT+i*stride+ph*x.channels+c] * float32(u[p*phases+ph])
				}
			}
		}
	}

	outRow := testTiles * x.f[2].results * width
	gather := kernel{
		kind: kindGather, rows: x.f[1].results, cols: x.f[2].results, width: genericWidth, stepT: testTiles * width,
		in: pitch{pixel: width}, out: pitch{width, outRow}, res: pitch{width, outRow},
		epi: []epi{epiBias, epiAdd, epiReLU}, to: x.frames,
	}
	const untouched = 12345
	down := x.f[0].results * x.f[1].results // rows, or frames, of results
	out, res := make([]float32, down*outRow), make([]float32, down*outRow)
	for i := range out {
		out[i], res[i] = untouched, float32(i%7)
	}
	allocs += testing.AllocsPerRun(1, func() {
		gather.gatherGeneric(x.f, sums, x.bias, res, out, testTiles, width/genericWidth, x.rows, x.cols)
	})
	if allocs > 0 {
		t.Errorf("%g allocations", allocs)
	}
	for i := range out {
		y, q, c := i/outRow, i%outRow/width, i%width
		if c >= x.channels {
			continue
		}
		want := float64(untouched)
		if y < max(x.rows, x.frames) && q%x.f[2].results < x.cols {
			want = max(0, x.result(y, q, c)+float64(x.bias[c])+float64(res[i]))
		}
		if math.Abs(float64(out[i])-want) > 4e-5 {
			t.Errorf("row %d, column %d, channel %d is %g, want %g", y, q, c, out[i], want)
		}
	}
}

// result is the convolution at row or frame y, column q.
func (x *transformTest) result(y, q, c int) float64 {
	sum := 0.0
	for i := range x.taps[0] * x.taps[1] * x.taps[2] {
		t, h, w := i/(x.taps[1]*x.taps[2]), i/x.taps[2]%x.taps[1], i%x.taps[2]
		if x.extent[0] > 1 {
			t += y
		} else {
			h += y * x.stride[1]
		}
		sum += float64(x.weights[i*x.channels+c]) * x.input(t, h, w+q*x.stride[2], c)
	}
	return sum
}

// TestWinogradPack checks where the transformed weights of a layer go, with
// the factor of its batch norm.
func TestWinogradPack(t *testing.T) {
	const out, in = 3, 2
	weights := make([]float32, out*in*9)
	for i := range weights {
		weights[i] = float32(i%7) - 3
	}
	raw := [][]float32{weights, {2, 4, 8}, {3, 3, 3}, {1, 2, 3}}
	f := transformOf(ir.Transform{H: four, W: four})
	p := pack{
		weight: 0, conv: none, gamma: 1, beta: 3, mean: 3, vari: 2, epsilon: 1,
		out: out, in: in, taps: [3]int{1, 3, 3}, width: 2, transform: f, weights: 5,
	}
	p.bias = p.weights + p.panels()*p.panelLen()
	w, err := packAll(&network{}, &plan{packed: p.bias + p.panels()*p.width, packs: []pack{p}}, raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := 36 * in * 2; p.panelLen() != want || p.pointLen() != in*2 {
		t.Errorf("a panel of %d, a point of %d; want %d and %d", p.panelLen(), p.pointLen(), want, in*2)
	}
	points, g := make([]float64, 36), make([]float32, 9)
	for o := range out {
		scale := float64(int(1) << o) // gamma / sqrt(3 + 1)
		for c := range in {
			for i := range g {
				g[i] = float32(scale) * weights[(o*in+c)*9+i]
			}
			f.weights(points, g, p.taps)
			for i, want := range points {
				got := w.values[p.weights+o/2*p.panelLen()+i*p.pointLen()+c*2+o%2]
				if math.Abs(float64(got)-want) > 1e-6*math.Abs(want) {
					t.Errorf("output %d, input %d, point %d: %g, want %g", o, c, i, got, want)
				}
			}
		}
	}
}
