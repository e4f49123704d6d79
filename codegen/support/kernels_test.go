package support

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// runTaps runs the network and compares every value named as an output.
func runTaps(t *testing.T, what string, n *testNet, clip []float32, threads int) {
	t.Helper()
	s := n.model(t).NewSession(Threads(threads))
	for i := range s.arenas[0] { // what nobody writes must not be read, borders apart
		s.arenas[0][i] = float32(math.NaN())
	}
	n.clearBorders(s.arenas[0])
	for i := range s.workers {
		for j := range s.workers[i].scratch {
			s.workers[i].scratch[j] = float32(math.NaN())
		}
	}
	if err := s.Run(&Output{}, Float32Clip(clip)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	want := n.want(clip)
	for _, o := range n.plan.outputs {
		got := make([]float32, o.shape.elems())
		if err := s.Tap(o.name, got); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		checkExact(t, what+": "+o.name, got, want[o.buffer])
	}
}

// clearBorders zeroes what lies between the pixels of arena buffers' maps.
func (n *testNet) clearBorders(arena []float32) {
	end := 0
	for v, s := range n.values {
		b := n.plan.buffers[v]
		if b.scratch {
			continue
		}
		size := s.t * b.frame
		if b.row != s.w*b.pixel || b.frame != s.h*b.row {
			clear(arena[end : end+size])
		}
		end += size
	}
}

// TestConv compares convolutions of all shapes with the formula: windows,
// strides, padding, odd channels, epilogues in every order, tiles, register
// tiles and their tails.
func TestConv(t *testing.T) {
	epilogues := [][]epi{
		nil, {epiBias}, {epiReLU}, {epiAdd}, {epiBias, epiReLU}, {epiBias, epiAdd, epiReLU},
		{epiBias, epiReLU, epiAdd}, {epiBias, epiReLU, epiAdd, epiReLU},
	}
	windows := [][3]axis{
		{unit, unit, unit}, {unit, {3, 1, 1}, {3, 1, 1}}, {{3, 1, 1}, unit, unit}, {unit, {1, 2, 0}, {1, 2, 0}},
		{unit, {3, 2, 1}, {3, 2, 1}}, {{2, 2, 0}, {2, 1, 0}, {5, 3, 2}}, {{3, 2, 2}, {4, 1, 3}, {1, 1, 0}},
	}
	tiles := []func(shape) shape{
		func(s shape) shape { return s },
		func(s shape) shape { return shape{1, 1, s.w, s.c} },
		func(s shape) shape { return shape{2, 2, 3, 8} },
	}
	registers := [][2]int{{1, 1}, {1, 3}, {2, 0}}
	skips := [][3]int{{1, 1, 1}, {1, 2, 2}, {2, 1, 3}}
	r := rand.New(rand.NewPCG(1, 1))
	for _, win := range windows {
		for _, steps := range epilogues {
			for ti, tile := range tiles {
				for _, reg := range registers {
					if reg[0] > 1 && ti == 2 {
						continue // whole rows need tiles as wide as the map
					}
					in := shape{1 + r.IntN(4), 2 + r.IntN(6), 3 + r.IntN(7), 1 + r.IntN(9)}
					n := newTestNet(in)
					n.tile, n.rows, n.cols, n.maxTiles = tile, reg[0], max(reg[1], 1), 1+r.IntN(4)
					if reg[0] > 1 {
						n.rows = 2
					}
					x, out := n.conv(0, 1+r.IntN(20), win2(in, win), none, epiBias), 0
					res := none
					for _, e := range steps {
						if e == epiAdd {
							res = x
						}
					}
					if res != none { // a second convolution, at some of the first one's positions
						every := skips[r.IntN(len(skips))]
						out = n.conv(0, n.values[x].c, stretched(win2(in, win), every), res, steps...)
						n.layers[len(n.layers)-1].every = every
					} else {
						out = n.conv(0, 1+r.IntN(20), win2(in, win), none, steps...)
					}
					n.output("x", x)
					n.output("y", out)
					n.integers(r.Uint64())
					n.build()
					what := fmt.Sprintf("%v in %v, %v, tiles %d, registers %v", in, win, steps, ti, reg)
					runTaps(t, what, n, n.integerClip(r.Uint64()), 1+r.IntN(3))
				}
			}
		}
	}
}

// win2 cuts a window so that it fits a map and never lies on padding alone.
func win2(in shape, win [3]axis) [3]axis {
	for i, n := range []int{in.t, in.h, in.w} {
		if win[i].kernel > n+2*win[i].pad {
			win[i] = unit
		}
	}
	return win
}

// stretched makes the strides of a window longer.
func stretched(win [3]axis, every [3]int) [3]axis {
	for i := range win {
		win[i].stride *= every[i]
	}
	return win
}

// TestConvFlat runs through all rows of a tile as if they were one.
func TestConvFlat(t *testing.T) {
	for _, cols := range []int{1, 2, 4, 7} {
		n := newTestNet(shape{3, 5, 4, 3})
		n.cols, n.fusedRows = cols, 2
		a := n.conv(0, 9, [3]axis{unit, unit, unit}, none, epiBias, epiReLU)
		b := n.conv(a, 9, [3]axis{{3, 1, 1}, unit, unit}, a, epiBias, epiAdd)
		c := n.conv(b, 5, [3]axis{unit, unit, unit}, none, epiBias)
		for i := range n.layers {
			n.layers[i].flatRows = true
		}
		n.fused[a] = 3
		n.output("y", c)
		n.integers(7)
		n.build()
		runTaps(t, fmt.Sprintf("%d columns", cols), n, n.integerClip(1), 2)
	}
}

// TestMaxTiles checks that no call computes more register tiles than the step
// allows: a call cannot be interrupted.
func TestMaxTiles(t *testing.T) {
	n := newTestNet(shape{1, 4, 23, 2})
	n.cols, n.maxTiles = 2, 3
	n.output("y", n.conv(0, 9, [3]axis{unit, unit, unit}, none, epiBias))
	n.integers(1)
	n.build()
	most := 0
	for i := range n.plan.kernels {
		k := &n.plan.kernels[i]
		if conv := k.conv; conv != nil {
			k.conv = func(in, weights, bias, res, out *float32, tiles, taps int) {
				most = max(most, tiles)
				conv(in, weights, bias, res, out, tiles, taps)
			}
		}
	}
	runTaps(t, "at most 3 tiles", n, n.integerClip(1), 1)
	if most != 3 {
		t.Errorf("%d tiles in one call, want as many as 3 and no more", most)
	}
}

// TestPool compares pools with the formula: windows over the edge, strides,
// odd channels. Powers of two make averages exact.
func TestPool(t *testing.T) {
	for _, k := range []kind{kindMaxPool, kindAveragePool} {
		for _, win := range [][3]axis{
			{{2, 2, 0}, {2, 2, 0}, {2, 2, 0}}, {unit, {2, 1, 1}, {2, 1, 1}}, {{2, 1, 1}, unit, {4, 2, 2}},
			{{4, 1, 0}, {4, 1, 0}, {8, 1, 0}}, {unit, {1, 2, 0}, {1, 3, 0}},
		} {
			for _, c := range []int{1, 3, 8, 17} {
				n := newTestNet(shape{4, 4, 8, c})
				n.tile = func(s shape) shape { return shape{1, 2, 3, 8} }
				n.output("y", n.pool(k, 0, win))
				n.build()
				clip := n.integerClip(uint64(c))
				runTaps(t, fmt.Sprintf("kind %d, %v of %d channels", k, win, c), n, clip, 2)
				for i := 0; i < len(clip); i += 13 {
					clip[i] = float32(math.NaN())
				}
				for i := 5; i < len(clip); i += 17 {
					clip[i] = float32(math.Inf(-1))
				}
				runTaps(t, fmt.Sprintf("kind %d, %v of %d channels with NaN", k, win, c), n, clip, 2)
			}
		}
	}
}

// TestPoolCeil has windows that hang over the end only, as ceil mode makes.
func TestPoolCeil(t *testing.T) {
	n := newTestNet(shape{1, 1, 5, 2})
	v := n.add(layer{kind: kindMaxPool, in: 0, res: none, window: [3]axis{unit, unit, {2, 2, 0}}}, shape{1, 1, 3, 2})
	n.output("y", v)
	n.build()
	runTaps(t, "ceil", n, []float32{-1, -2, -3, -4, -5, 9, 8, 7, 6, 5}, 1)
}

// TestNaNSurvives checks that ReLU and sums keep NaN, as the interpreter does.
func TestNaNSurvives(t *testing.T) {
	n := newTestNet(shape{1, 1, 3, 1})
	v := n.conv(0, 1, [3]axis{unit, unit, unit}, none, epiBias, epiReLU)
	n.output("y", v)
	n.params["l0.weight"], n.params["l0.bias"] = []float32{1}, []float32{0}
	n.build()
	s := n.model(t).NewSession()
	if err := s.Run(&Output{}, Float32Clip([]float32{-1, float32(math.NaN()), 2})); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 3)
	if err := s.Tap("y", got); err != nil {
		t.Fatal(err)
	}
	checkExact(t, "relu", got, []float64{0, math.NaN(), 2})
}

func TestSoftmax(t *testing.T) {
	for _, scores := range [][]float32{{1, 2, 3, 4}, {0, 0, 0, 0}, {1000, 999, -1000, 1000}, {-1e30, 1e30, 0, 0}, {-200, -201.5, -203, -300}, {0.1, 17.3, -33.7, 9.9}} {
		n := newTestNet(shape{1, 1, 1, 4})
		n.output("probabilities", n.softmax(0))
		n.build()
		got := make([]float32, 4)
		if err := n.model(t).NewSession().Run(&Output{Probabilities: got}, Float32Clip(scores)); err != nil {
			t.Fatal(err)
		}
		wide := make([]float64, 4)
		for i, v := range scores {
			wide[i] = float64(v)
		}
		sum := 0.0
		for i, w := range softmax64(wide) {
			sum += float64(got[i])
			if math.Abs(float64(got[i])-w) > 1e-7*w+math.SmallestNonzeroFloat32 {
				t.Errorf("softmax of %v: %v is %g, want %g", scores, i, got[i], w)
			}
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("softmax of %v sums to %g", scores, sum)
		}
	}
}

// TestSmallNet runs layers of all kinds together.
func TestSmallNet(t *testing.T) {
	n := smallNet()
	clip := n.integerClip(3)
	s := n.model(t).NewSession(Threads(3))
	out := Output{Logits: make([]float32, 10), Features: make([]float32, 12), Probabilities: make([]float32, 10)}
	if err := s.Run(&out, Float32Clip(clip)); err != nil {
		t.Fatal(err)
	}
	want := n.want(clip)
	for _, o := range []struct {
		name string
		got  []float32
	}{{"features", out.Features}, {"logits", out.Logits}, {"probabilities", out.Probabilities}} {
		diff, norm := 0.0, 0.0
		for i, w := range want[n.plan.output(o.name).buffer] {
			diff += (float64(o.got[i]) - w) * (float64(o.got[i]) - w)
			norm += w * w
		}
		if !(diff <= 1e-13*norm) {
			t.Errorf("%s differ by %g (relative L2)", o.name, math.Sqrt(diff/norm))
		}
	}
}
