package ir

import (
	"fmt"
	"math/rand/v2"
)

// builder makes graphs for tests, in the form in which a description is
// lowered: convolutions, batch norms, ReLUs and sums each as ops.
type builder struct{ g *Graph }

func newBuilder(name string, in Shape) *builder {
	g := &Graph{Name: name, Input: Input{Shape: in, Scale: 1, Mean: make([]float64, in.C), Std: make([]float64, in.C)}}
	for i := range in.C {
		g.Input.Std[i] = 1
	}
	g.AddValue("input", in)
	return &builder{g}
}

func cube(t, h, w int) Window {
	return Window{Axis{Kernel: t, Stride: 1}, Axis{Kernel: h, Stride: 1}, Axis{Kernel: w, Stride: 1}}
}

func (w Window) stride(t, h, wd int) Window {
	w.T.Stride, w.H.Stride, w.W.Stride = t, h, wd
	return w
}

func (w Window) pad(t, h, wd int) Window {
	w.T.Pad, w.H.Pad, w.W.Pad = t, h, wd
	return w
}

func (b *builder) shape(v ValueID) Shape { return b.g.Values[v].Shape }

func (b *builder) op(name string, a Attr, out Shape, in ...ValueID) ValueID {
	v := b.g.AddValue(name, out)
	b.g.Ops = append(b.g.Ops, Op{Name: name, Attr: a, In: in, Out: v})
	return v
}

func (b *builder) conv(name string, in ValueID, out int, w Window, bias bool) ValueID {
	s := b.shape(in)
	c := Conv{Window: w, Out: out, Bias: NoParam,
		Weight: b.g.AddParam(name+".weight", out, s.C, w.T.Kernel, w.H.Kernel, w.W.Kernel)}
	v := b.op(name, c, w.Out(s, out), in)
	if bias {
		c.Bias = b.g.AddParam(name+".bias", out)
		op := &b.g.Ops[len(b.g.Ops)-1]
		op.Attr, op.Epi = c, []EpiStep{{Kind: EpiBias}}
	}
	return v
}

func (b *builder) norm(name string, in ValueID) ValueID {
	s := b.shape(in)
	return b.op(name, BatchNorm{
		Gamma: b.g.AddParam(name+".weight", s.C), Beta: b.g.AddParam(name+".bias", s.C),
		Mean: b.g.AddParam(name+".running_mean", s.C), Var: b.g.AddParam(name+".running_var", s.C),
		Epsilon: 1e-5,
	}, s, in)
}

func (b *builder) relu(name string, in ValueID) ValueID {
	return b.op(name, ReLU{}, b.shape(in), in)
}

func (b *builder) add(name string, x, y ValueID) ValueID {
	return b.op(name, Add{}, b.shape(x), x, y)
}

func (b *builder) pool(name string, in ValueID, p Pool) ValueID {
	return b.op(name, p, p.OutShape(b.shape(in)), in)
}

// cbr is a convolution with batch norm and ReLU.
func (b *builder) cbr(name string, in ValueID, out int, w Window) ValueID {
	return b.relu(name+".relu", b.norm(name+".bn", b.conv(name, in, out, w, false)))
}

func (b *builder) linear(name string, in ValueID, out int) ValueID {
	l := Linear{Out: out, Weight: b.g.AddParam(name+".weight", out, b.shape(in).C), Bias: b.g.AddParam(name+".bias", out)}
	v := b.op(name, l, Shape{1, 1, 1, out}, in)
	b.g.Ops[len(b.g.Ops)-1].Epi = []EpiStep{{Kind: EpiBias}}
	return v
}

// block is a bottleneck of kind 'A', 'B', 'C', or '2' for the two-dimensional
// one, with the public port's parameter names. The shortcut is a projection
// where the shapes differ.
func (b *builder) block(name string, kind byte, in ValueID, width, expansion, stride int) ValueID {
	spatial, temporal := cube(1, 3, 3).pad(0, 1, 1), cube(3, 1, 1).pad(1, 0, 0)
	first := cube(1, 1, 1).stride(1, stride, stride)
	step := func(suffix string, in ValueID, w Window) ValueID {
		v := b.norm(name+".bn"+suffix, b.conv(name+".conv"+suffix, in, width, w, false))
		return b.relu(name+".relu"+suffix, v)
	}
	x := step("1", in, first)
	switch kind {
	case 'A':
		x = step("3", step("2", x, spatial), temporal)
	case 'B':
		x = b.add(name+".sum", step("2", x, spatial), step("3", x, temporal))
	case 'C':
		s := step("2", x, spatial)
		x = b.add(name+".sum", s, step("3", s, temporal))
	case '2':
		x = step("_normal", x, spatial)
	}
	x = b.norm(name+".bn4", b.conv(name+".conv4", x, width*expansion, cube(1, 1, 1), false))
	shortcut := in
	if b.shape(in) != b.shape(x) {
		shortcut = b.norm(name+".downsample.1", b.conv(name+".downsample.0", in, width*expansion, first, false))
	}
	return b.relu(name+".relu", b.add(name+".residual", x, shortcut))
}

func (b *builder) output(name string, v ValueID) {
	b.g.Outputs = append(b.g.Outputs, Output{name, v})
}

func (b *builder) tap(name string, v ValueID) {
	b.g.Taps = append(b.g.Taps, Output{name, v})
}

// p3dNet is a published network and its variations.
type p3dNet struct {
	depths    [4]int
	mix       string // kinds of blocks, in turn
	input     Shape
	classes   int
	caffePool bool // the stem's pool in ceil mode instead of padded
}

// p3d63 and p3d199 are the networks of the paper.
var (
	p3d63  = p3dNet{depths: [4]int{3, 4, 6, 3}, mix: "ABC", input: Shape{T: 16, H: 160, W: 160, C: 3}, classes: 400}
	p3d199 = p3dNet{depths: [4]int{3, 8, 36, 3}, mix: "ABC", input: Shape{T: 16, H: 160, W: 160, C: 3}, classes: 400}
)

func (n p3dNet) build() *Graph {
	b := newBuilder("p3d", n.input)
	x := b.relu("relu1", b.norm("bn1", b.conv("conv1_custom", 0, 64, cube(1, 7, 7).stride(1, 2, 2).pad(0, 3, 3), false)))
	stemPool := Pool{Window: cube(2, 3, 3).stride(2, 2, 2), Ceil: true}
	if !n.caffePool {
		stemPool = Pool{Window: stemPool.Window.pad(0, 1, 1)}
	}
	x = b.pool("maxpool", x, stemPool)
	b.tap("pool1", x)
	blocks := 0
	for stage, depth := range n.depths {
		for i := range depth {
			stride, kind := 1, n.mix[blocks%len(n.mix)]
			if i == 0 && stage > 0 {
				stride = 2
			}
			if stage == 3 {
				kind = '2'
			}
			x = b.block(fmt.Sprintf("layer%d.%d", stage+1, i), kind, x, 64<<stage, 4, stride)
			blocks++
		}
		b.tap(fmt.Sprintf("res%d", stage+2), x)
		if stage < 3 {
			x = b.pool(fmt.Sprintf("pool%d", stage+2), x, Pool{Window: cube(2, 1, 1).stride(2, 1, 1)})
		}
	}
	s := b.shape(x)
	x = b.pool("avgpool", x, Pool{Window: cube(s.T, s.H, s.W), Kind: PoolAverage})
	b.output("features", x)
	x = b.op("dropout", Dropout{0.5}, b.shape(x), x)
	b.output("logits", b.linear("fc", x, n.classes))
	return b.g
}

// randomWeights fills every parameter of g; variances are positive, and
// weights small enough that deep nets stay finite.
func randomWeights(g *Graph, seed uint64) map[string][]float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	weights := map[string][]float32{}
	fill := func(p ParamID, f func() float32) {
		w := make([]float32, g.Params[p].Elems())
		for i := range w {
			w[i] = f()
		}
		weights[g.Params[p].Name] = w
	}
	signed := func() float32 { return r.Float32()*2 - 1 }
	for i := range g.Params {
		per := float32(1)
		if s := g.Params[i].Shape; len(s) > 1 {
			per = 2 / float32(g.Params[i].Elems()/s[0])
		}
		fill(ParamID(i), func() float32 { return signed() * per })
	}
	for _, op := range g.Ops {
		for _, e := range op.Epi {
			if e.Conv != nil && e.Conv.Norm != nil {
				fill(e.Conv.Norm.Var, func() float32 { return 0.5 + r.Float32() })
			}
		}
		switch a := op.Attr.(type) {
		case BatchNorm:
			fill(a.Var, func() float32 { return 0.5 + r.Float32() })
		case Conv:
			if a.Norm != nil {
				fill(a.Norm.Var, func() float32 { return 0.5 + r.Float32() })
			}
		}
	}
	return weights
}

// randomClip returns a clip of values in -1..1.
func randomClip(g *Graph, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	clip := make([]float32, g.Input.Shape.Elems())
	for i := range clip {
		clip[i] = r.Float32()*2 - 1
	}
	return clip
}
