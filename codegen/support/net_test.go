package support

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// testNet is a network with hand-made tables and, layer by layer, what it
// means. Layer i writes value i+1; value 0 is the clip.
type testNet struct {
	net    network
	plan   plan
	layers []layer
	values []shape
	params map[string][]float32

	rows, cols int                     // register tile of convolutions; 1x1 is the portable path
	maxTiles   int                     // in one call
	tile       func(space shape) shape // of a region of one layer
	fused      map[int]int             // by value: how many layers, the one that writes it first, share a region
	fusedRows  int                     // of their tiles
}

type layer struct {
	kind     kind
	in, res  int
	every    [3]int // which positions of res are added
	window   [3]axis
	epi      []epi
	param    int // weight; the bias is behind it
	flatRows bool
}

var unit = axis{1, 1, 0}

func newTestNet(clip shape) *testNet {
	n := &testNet{
		net:    network{name: "testnet", clip: clip, scale: 1, mean: make([]float64, clip.c)},
		values: []shape{clip}, params: map[string][]float32{}, fused: map[int]int{},
		rows: 1, cols: 1, maxTiles: 3, fusedRows: 2,
	}
	for range clip.c {
		n.net.std = append(n.net.std, 1)
	}
	n.tile = func(s shape) shape { return shape{1, (s.h + 1) / 2, s.w, s.c} }
	return n
}

func (n *testNet) add(l layer, out shape) int {
	n.layers = append(n.layers, l)
	n.values = append(n.values, out)
	return len(n.values) - 1
}

func (n *testNet) outShape(in int, win [3]axis, c int) shape {
	s := n.values[in]
	up := func(a axis, n int) int { return (n+2*a.pad-a.kernel)/a.stride + 1 }
	return shape{up(win[0], s.t), up(win[1], s.h), up(win[2], s.w), c}
}

// conv adds a convolution; res is a value for epiAdd, or none.
func (n *testNet) conv(in, out int, win [3]axis, res int, steps ...epi) int {
	l := layer{kind: kindConv, in: in, res: res, every: [3]int{1, 1, 1}, window: win, epi: steps, param: len(n.net.params)}
	name := fmt.Sprintf("l%d", len(n.layers))
	n.net.params = append(n.net.params,
		param{name + ".weight", []int{out, n.values[in].c, win[0].kernel, win[1].kernel, win[2].kernel}},
		param{name + ".bias", []int{out}})
	return n.add(l, n.outShape(in, win, out))
}

func (n *testNet) pool(k kind, in int, win [3]axis) int {
	return n.add(layer{kind: k, in: in, res: none, window: win}, n.outShape(in, win, n.values[in].c))
}

func (n *testNet) softmax(in int) int {
	return n.add(layer{kind: kindSoftmax, in: in, res: none, window: [3]axis{unit, unit, unit}}, n.values[in])
}

func (n *testNet) output(name string, v int) {
	n.plan.outputs = append(n.plan.outputs, output{name, v, n.values[v]})
}

// integers fills all parameters with small integers, so that float32 sums are
// exact in any order.
func (n *testNet) integers(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	for _, p := range n.net.params {
		w := make([]float32, elems(p.shape))
		for i := range w {
			w[i] = float32(r.IntN(7) - 3)
		}
		n.params[p.name] = w
	}
}

func elems(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func up(n, to int) int { return (n + to - 1) / to * to }

// build makes the tables: buffers side by side, behind borders as wide as the
// readers' padding, then a region a layer or as fused says.
func (n *testNet) build() {
	p := &n.plan
	p.isa = "generic"
	border := make([][2]int, len(n.values))
	tight := true
	for _, l := range n.layers {
		if l.kind == kindConv {
			border[l.in] = [2]int{max(border[l.in][0], l.window[1].pad), max(border[l.in][1], l.window[2].pad)}
		}
		tight = tight && (l.kind == kindConv || l.in != 0) && l.res != 0
	}
	local := n.local()
	for v, s := range n.values {
		b := buffer{pixel: up(s.c, 16)}
		if v == 0 && tight {
			b.pixel = s.c
		}
		end := &p.arena
		if local[v] {
			b.scratch, s.h, end = true, n.fusedRows, &p.scratch
			b.cover = [2]axis{unit, unit}
		}
		b.row = (s.w + 2*border[v][1]) * b.pixel
		b.frame = (s.h + 2*border[v][0]) * b.row
		b.offset = *end + border[v][0]*b.row + border[v][1]*b.pixel
		*end += s.t * b.frame
		p.buffers = append(p.buffers, b)
	}
	p.kernels = []kernel{{kind: kindIngest}, {kind: kindSoftmax}}
	in := n.net.clip
	p.regions = []region{{name: "input", space: in, tile: shape{1, 2, in.w, in.c}, steps: []step{{
		name: "input", kernel: 0, maxTiles: 1, res: none, pack: none, window: [3]axis{unit, unit, unit}, cover: [3]axis{unit, unit, unit}, from: in, to: in,
	}}}}
	for i := 0; i < len(n.layers); {
		r := region{name: fmt.Sprintf("l%d", i), space: n.values[i+1]}
		count := max(n.fused[i+1], 1)
		if count > 1 {
			r.space.t, r.space.c = 1, 1
			r.tile = shape{1, n.fusedRows, r.space.w, 1}
		} else if r.tile = n.tile(r.space); n.layers[i].kind == kindSoftmax {
			r.tile = r.space
		} else if r.tile.c < r.space.c {
			r.tile.c = up(r.tile.c, genericWidth)
		}
		for ; count > 0; count-- {
			r.steps = append(r.steps, n.step(i, r.tile))
			i++
		}
		p.regions = append(p.regions, r)
	}
}

// local marks the values that only the fused region which writes them reads.
func (n *testNet) local() []bool {
	local := make([]bool, len(n.values))
	region := make([]int, len(n.layers))
	for i := 0; i < len(n.layers); {
		first := i
		for range max(n.fused[i+1], 1) {
			region[i] = first
			i++
		}
	}
	for first, count := range n.fused {
		for v := first; v < first+count; v++ {
			local[v] = true
		}
	}
	for i, l := range n.layers {
		for _, v := range []int{l.in, l.res} {
			if v > 0 && region[v-1] != region[i] {
				local[v] = false
			}
		}
	}
	for _, o := range n.plan.outputs {
		local[o.buffer] = false
	}
	return local
}

func (n *testNet) step(i int, tile shape) step {
	l, p := &n.layers[i], &n.plan
	st := step{
		name: fmt.Sprintf("l%d", i), in: l.in, out: i + 1, res: l.res, every: l.every, pack: none, maxTiles: n.maxTiles,
		window: l.window, cover: [3]axis{unit, unit, unit}, from: n.values[l.in], to: n.values[i+1],
	}
	if l.kind == kindSoftmax {
		st.kernel = 1
		return st
	}
	in, out := p.buffers[l.in], p.buffers[i+1]
	w := l.window
	k := kernel{
		kind: l.kind, rows: n.rows, cols: n.cols, width: genericWidth, k: st.from.c, tapsH: w[1].kernel, tapsW: w[2].kernel,
		stepT: in.frame, stepH: in.row, stepW: in.pixel,
		in: pitch{w[2].stride * in.pixel, w[1].stride * in.row}, out: pitch{out.pixel, out.row}, epi: l.epi,
	}
	if l.res != none {
		k.res = pitch{l.every[2] * p.buffers[l.res].pixel, l.every[1] * p.buffers[l.res].row}
	}
	if l.kind != kindConv {
		k.rows, k.cols = 1, 1
	} else {
		st.pack = len(p.packs)
		pk := pack{
			weight: l.param, conv: l.param + 1, gamma: none, beta: none, mean: none, vari: none,
			out: st.to.c, in: st.from.c, taps: [3]int{w[0].kernel, w[1].kernel, w[2].kernel}, width: genericWidth, weights: p.packed,
		}
		pk.bias = pk.weights + pk.panels()*pk.panelLen()
		p.packed = pk.bias + pk.panels()*pk.width
		p.packs = append(p.packs, pk)
	}
	if n.rows > 1 && l.kind == kindConv {
		st.run = runRows
		k.cols = st.to.w
	}
	if l.flatRows {
		st.run = runFlat
	}
	st.kernel = n.kernel(k)
	for left := range k.units(st.run) {
		tail := k
		if tail.cols = left; st.run == runRows {
			tail.rows, tail.cols = left, k.cols
		}
		st.tails = append(st.tails, n.kernel(tail))
	}
	return st
}

// kernel adds a kernel; one of more than a pixel is run by tileConv.
func (n *testNet) kernel(k kernel) int {
	if k.kind == kindConv && n.rows*n.cols > 1 {
		k.conv = tileConv(k)
	}
	n.plan.kernels = append(n.plan.kernels, k)
	return len(n.plan.kernels) - 1
}

// model packs the parameters and returns the model, without a file.
func (n *testNet) model(t testing.TB) *Model {
	t.Helper()
	w, err := load(&n.net, &n.plan, safetensors(n.tensors()))
	if err != nil {
		t.Fatal(err)
	}
	return newModel(&n.net, &n.plan, w)
}

func (n *testNet) tensors() []fileTensor {
	var list []fileTensor
	for _, p := range n.net.params {
		list = append(list, fileTensor{p.name, "F32", p.shape, n.params[p.name]})
	}
	return list
}

// integerClip returns small integers for the network's clip.
func (n *testNet) integerClip(seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 4))
	clip := make([]float32, n.net.clip.elems())
	for i := range clip {
		clip[i] = float32(r.IntN(9) - 4)
	}
	return clip
}

// smallNet has a layer of every kind and a fused region: S bordered, T and an
// expansion with residual in tiles, pools, linear, softmax.
func smallNet() *testNet {
	n := newTestNet(shape{4, 6, 7, 3})
	s := [3]axis{unit, {3, 1, 1}, {3, 1, 1}}
	x := n.conv(0, 12, [3]axis{unit, {3, 2, 1}, {3, 1, 1}}, none, epiBias, epiReLU)
	first := n.conv(x, 12, s, none, epiBias, epiReLU)
	v := n.conv(first, 12, [3]axis{{3, 1, 1}, unit, unit}, first, epiBias, epiReLU, epiAdd)
	v = n.conv(v, 12, [3]axis{unit, unit, unit}, x, epiBias, epiAdd, epiReLU)
	n.fused[first] = 3
	v = n.pool(kindMaxPool, v, [3]axis{{2, 2, 0}, {3, 2, 1}, {3, 2, 1}})
	last := n.values[v]
	v = n.pool(kindAveragePool, v, [3]axis{{last.t, 1, 0}, {last.h, 1, 0}, {last.w, 1, 0}})
	n.output("features", v)
	v = n.conv(v, 10, [3]axis{unit, unit, unit}, none, epiBias)
	n.output("logits", v)
	n.output("probabilities", n.softmax(v))
	n.integers(1)
	n.build()
	return n
}
