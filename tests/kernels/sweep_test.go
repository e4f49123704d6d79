package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// What the sweep draws from: extents around and below the vectors and
// register tiles, kernels of every family.
var (
	sweepSizes = []ir.Shape{
		{T: 4, H: 5, W: 7}, {T: 1, H: 1, W: 1}, {T: 3, H: 1, W: 23}, {T: 2, H: 23, W: 1},
		{T: 9, H: 3, W: 4}, {T: 1, H: 13, W: 19}, {T: 8, H: 6, W: 5}, {T: 5, H: 9, W: 2},
		{T: 2, H: 16, W: 16}, {T: 7, H: 2, W: 11}, {T: 6, H: 7, W: 3}, {T: 3, H: 11, W: 14},
	}
	sweepInputs   = []int{3, 1, 2, 4}
	sweepChannels = []int{16, 1, 3, 5, 17, 32, 33, 40, 48, 8}
	sweepOutputs  = []int{1, 16, 5, 33, 64, 3, 80, 17, 40, 96}
	sweepKernels  = [][3]int{
		{1, 1, 1}, {1, 3, 3}, {3, 1, 1}, {3, 3, 3}, {1, 7, 7}, {5, 1, 1}, {2, 2, 2},
		{1, 1, 3}, {1, 5, 1}, {4, 3, 2}, {1, 2, 5},
	}
	sweepStrides = []int{1, 1, 2, 1, 3}
)

// sweepBranches is the number of convolutions, and of pools, in a network of
// the sweep.
const sweepBranches = 24

// TestSweep runs convolutions and pools of all windows, strides, paddings,
// channels and epilogues, each read back by itself.
func TestSweep(t *testing.T) {
	nets, want := sweepNets(t)
	check(t, nets, want, nil)
}

func sweepNets(t *testing.T) ([]*suite.Net, wanted) {
	t.Helper()
	var nets []*suite.Net
	want := wanted{}
	for i, size := range sweepSizes {
		for j, channels := range []int{sweepChannels[i%len(sweepChannels)], sweepChannels[(i*3+7)%len(sweepChannels)]} {
			if testing.Short() && (i+j)%3 != 0 {
				continue
			}
			size.C = sweepInputs[(i+j)%len(sweepInputs)]
			g := sweepGraph(size, channels, uint64(2*i+j))
			if err := g.Verify(); err != nil {
				t.Fatal(err)
			}
			mode := fusions[(i+j)%len(fusions)]
			name := fmt.Sprintf("s%dc%d%s", i, channels, mode.name)
			n, w, err := suite.Exact(name, suite.TapAll(g), ir.ScheduleOptions{Fusion: mode.mode, Winograd: ir.WinogradNever}, uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			nets, want[n] = append(nets, n), w
		}
	}
	long := longGraph()
	n, w, err := suite.Exact("long", long, ir.ScheduleOptions{Winograd: ir.WinogradNever}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want[n] = w
	return append(nets, n), want
}

// longGraph has rows and reductions so long that a run takes several calls of
// its kernel, each of which must be short.
func longGraph() *ir.Graph {
	b := newGrapher("long", ir.Shape{T: 1, H: 4, W: 397, C: 3})
	v := b.conv(0, 260, ir.Window{T: ir.Unit, H: ir.Unit, W: ir.Unit}, true, bias, relu)
	w := ir.Window{T: ir.Unit, H: axis(3, 1, 1), W: axis(3, 1, 1)}
	other := b.conv(v, 64, w, true, bias)
	v = b.conv(v, 64, w, true, bias, ir.EpiStep{Kind: ir.EpiAdd, Arg: other, Every: ir.NoSkip}, relu)
	return b.done(v, 7)
}

// sweepGraph has one value of the given channels, computed from the input,
// and many operations on it and on the input, whose parameters come from
// seed's random numbers.
func sweepGraph(in ir.Shape, channels int, seed uint64) *ir.Graph {
	r := rand.New(rand.NewPCG(seed, 1))
	b := newGrapher("sweep", in)
	base := b.conv(0, channels, ir.Window{T: ir.Unit, H: ir.Unit, W: ir.Unit}, true, bias, relu)
	for i := range sweepBranches {
		from := base
		if i%6 == 5 {
			from = 0
		}
		k := sweepKernels[(i+int(seed)*5)%len(sweepKernels)]
		w := window(r, b.shape(from), k)
		out := sweepOutputs[(i*7+int(seed))%len(sweepOutputs)]
		b.branch(r, from, out, w, i)
	}
	for i := range sweepBranches {
		from := base
		if i%12 == 11 {
			from = 0
		}
		k := [3]int{1 + r.IntN(3), 1 + r.IntN(3), 1 + r.IntN(3)}
		p := ir.Pool{Window: window(r, b.shape(from), k), Ceil: i%2 == 0}
		if i%3 == 0 {
			p.Kind = ir.PoolAverage
		}
		if p.Kind == ir.PoolAverage && suite.AverageUnit(p, b.shape(from)) == 0 {
			p.Kind = ir.PoolMax
		}
		b.pool(from, p)
	}
	return b.done(base, 7)
}

// The steps of an epilogue.
var (
	bias = ir.EpiStep{Kind: ir.EpiBias}
	relu = ir.EpiStep{Kind: ir.EpiReLU}
)

// branch adds a convolution with the i-th epilogue. One that adds gets the
// value from a convolution of its own.
func (b *grapher) branch(r *rand.Rand, from ir.ValueID, out int, w ir.Window, i int) {
	norm := r.IntN(2) == 0
	if i%8 < 5 {
		b.conv(from, out, w, norm, [][]ir.EpiStep{{}, {bias}, {bias, relu}, {relu}, {bias, relu}}[i%8]...)
		return
	}
	other := b.conv(from, out, w, norm, bias)
	add := ir.EpiStep{Kind: ir.EpiAdd, Arg: other, Every: ir.NoSkip}
	b.conv(from, out, w, norm, [][]ir.EpiStep{{bias, add, relu}, {bias, relu, add}, {add}}[i%8-5]...)
}

// window returns a window with the given kernel, shrunk where the padded input
// has no room for it, with random stride and padding.
func window(r *rand.Rand, in ir.Shape, kernel [3]int) ir.Window {
	one := func(n, kernel int) ir.Axis {
		pad := r.IntN(kernel)
		if r.IntN(2) == 0 {
			pad = (kernel - 1) / 2
		}
		return axis(min(kernel, n+pad), sweepStrides[r.IntN(len(sweepStrides))], min(pad, n+pad-1))
	}
	return ir.Window{T: one(in.T, kernel[0]), H: one(in.H, kernel[1]), W: one(in.W, kernel[2])}
}
