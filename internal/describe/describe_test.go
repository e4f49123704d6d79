package describe

import (
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// graph lowers a network of some layers, with its ops called after what they do.
func graph(t *testing.T, body string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("test", []byte("network test {\ninput rgb 3x8x16x16\n"+body+"\n}"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	return g
}

// op returns the op of a name.
func op(t *testing.T, g *ir.Graph, name string) *ir.Op {
	t.Helper()
	i := slices.IndexFunc(g.Ops, func(op ir.Op) bool { return op.Name == name })
	if i < 0 {
		t.Fatalf("no op %s in\n%v", name, g)
	}
	return &g.Ops[i]
}

const blocks = `block bottleneck expansion 2 mix A B C
	conv 4 kernel 3x3x3
	stage res2 width 4 blocks 4
	stage res3 width 6 blocks 2 stride 2x2x2
	pool average
	linear 3`

// TestSums wants the same of sums whose operands come in the other order.
func TestSums(t *testing.T) {
	want, err := Describe(graph(t, blocks), "test")
	if err != nil {
		t.Fatal(err)
	}
	g := graph(t, blocks)
	for i := range g.Ops {
		slices.Reverse(g.Ops[i].In)
	}
	got, err := Describe(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Text) != string(want.Text) || !slices.Equal(got.Params, want.Params) {
		t.Errorf("got %s with %v\nwant %s with %v", got.Text, got.Params, want.Text, want.Params)
	}
}

// TestDescribeErrors wants what cannot be described to be named.
func TestDescribeErrors(t *testing.T) {
	const head = "\npool average\nlinear 3"
	const basic = "block basic mix full\nconv 8 kernel 3x3x3\nstage res2 width 8 blocks 2\nstage res3 width 16 blocks 1 stride 1x2x2" + head + "\nnames torchvision"
	for _, tt := range []struct {
		name, body string
		spoil      func(*testing.T, *ir.Graph)
		want       string
	}{
		{"read within", blocks, func(t *testing.T, g *ir.Graph) {
			op(t, g, "layer1.0.bn1").In[0] = op(t, g, "bn1").Out
		}, "conv1_custom: its result is read 2 times; no block of a description does so"},
		{"third reader", blocks, func(t *testing.T, g *ir.Graph) {
			op(t, g, "layer1.1.bn1").In[0] = op(t, g, "layer1.0.relu").Out
		}, "layer1.1.add: it is the third to read what layer1.1.conv1 reads"},
		{"no ReLU", blocks, func(t *testing.T, g *ir.Graph) {
			op(t, g, "layer1.0.conv2").In[0] = op(t, g, "layer1.0.bn1").Out
		}, "layer1.0.conv1: its result is read 2 times"},
		{"batch norm alone", blocks, func(t *testing.T, g *ir.Graph) {
			op(t, g, "pool1").Attr = op(t, g, "bn1").Attr
		}, "pool1: a batch norm without a convolution before it"},
		{"ReLU alone", blocks, func(t *testing.T, g *ir.Graph) { op(t, g, "pool1").Attr = ir.ReLU{} },
			"pool1: a ReLU where a description has none"},
		{"padding", blocks, func(t *testing.T, g *ir.Graph) {
			o := op(t, g, "layer1.0.conv2")
			c := o.Attr.(ir.Conv)
			c.H.Pad = 0
			o.Attr = c
		}, "layer1.0.conv2: found a convolution to 4 channels, kernel/stride/pad 1x3x3/1x1x1/0x0x1, without bias where the description, as far as it can say it, has a convolution to 4 channels, kernel/stride/pad 1x3x3/1x1x1/0x1x1, without bias"},
		{"epsilon", blocks, func(t *testing.T, g *ir.Graph) {
			o := op(t, g, "layer1.1.bn2")
			b := o.Attr.(ir.BatchNorm)
			b.Epsilon = 1e-3
			o.Attr = b
		}, "layer1.1.bn2: its epsilon is 0.001, and that of those before it 1e-05; a description has one"},
		{"bias and batch norm", blocks, func(t *testing.T, g *ir.Graph) {
			o := op(t, g, "layer1.0.conv1")
			c := o.Attr.(ir.Conv)
			c.Bias = 0
			o.Attr = c
		}, "layer1.0.conv1: it has both a bias and a batch norm"},
		{"kernel", basic, func(t *testing.T, g *ir.Graph) {
			o := op(t, g, "layer1.1.conv2")
			c := o.Attr.(ir.Conv)
			c.T.Kernel, c.T.Pad = 5, 2
			o.Attr = c
		}, "layer1.1.conv2: found a convolution to 8 channels, kernel/stride/pad 5x3x3"},
		{"two mids", "block basic mix split mid 5\nconv 8 kernel 3x3x3\nstage res2 width 8 blocks 1" + head + "\nnames torchvision-video", func(t *testing.T, g *ir.Graph) {
			o := op(t, g, "layer1.0.conv2.0.0")
			c := o.Attr.(ir.Conv)
			c.Out = 6
			o.Attr = c
		}, "layer1.0.conv1.0.0: the block that begins with it has 5 channels between its convolutions in space and time, and then 6"},
		{"channels", "conv 4 kernel 3x3x3" + head, func(_ *testing.T, g *ir.Graph) { g.Input.Shape.C = 4 },
			"the input has 4 channels; expected 3, of pictures, or 2, of optical flow"},
		{"output", blocks, func(t *testing.T, g *ir.Graph) {
			g.Outputs = append(g.Outputs, ir.Output{Name: "middle", Value: op(t, g, "layer1.3.relu").Out})
		}, `the output "middle" is the result of layer1.3.relu; a description returns features, logits and probabilities`},
		{"no position", "conv 4 kernel 3x3x3 then pool average", func(_ *testing.T, g *ir.Graph) { g.Ops = g.Ops[:3] },
			"the description would be wrong: description:9:1: the network ends with"},
		{"nothing", "conv 4 kernel 3x3x3 then pool average", func(_ *testing.T, g *ir.Graph) { g.Ops = nil }, "the graph computes nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := graph(t, tt.body)
			tt.spoil(t, g)
			d, err := Describe(g, "test")
			if err == nil {
				t.Fatalf("described as\n%s", d.Text)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestMixedForms wants networks that no one block statement describes to be
// named where they change. They are made of two networks, one behind the other.
func TestMixedForms(t *testing.T) {
	const first = "block bottleneck expansion 2 mix full\nconv 4 kernel 3x3x3\nstage res2 width 4 blocks 1\npool average\nlinear 3"
	for _, tt := range []struct{ name, second, want string }{
		{"form", "block basic mix full\nconv 8 kernel 3x3x3\nstage res2 width 8 blocks 1\npool average\nlinear 3\nnames torchvision", "is made in another way than those before it"},
		{"expansion", "block bottleneck expansion 4 mix full\nconv 8 kernel 3x3x3\nstage res2 width 4 blocks 1\npool average\nlinear 3", "is made in another way than those before it"},
		{"bias", "block bottleneck expansion 2 mix full bias\nconv 8 kernel 3x3x3\nstage res2 width 4 blocks 1\npool average\nlinear 3", "is made in another way than those before it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := graph(t, first), graph(t, tt.second)
			d, err := Describe(joined(a, b), "test")
			if err == nil {
				t.Fatalf("described as\n%s", d.Text)
			}
			if !strings.HasPrefix(err.Error(), "second layer1.0.conv1: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// joined returns a graph whose blocks are those of a, then those of b, without
// a's head and b's first convolution.
func joined(a, b *ir.Graph) *ir.Graph {
	g := a.Clone()
	g.Ops = g.Ops[:len(g.Ops)-2]
	end := g.Ops[len(g.Ops)-1].Out
	offset := ir.ValueID(len(g.Values))
	params := ir.ParamID(len(g.Params))
	g.Values = append(g.Values, b.Values...)
	g.Params = append(g.Params, b.Params...)
	start := b.Ops[2].Out // of the first ReLU
	for _, op := range b.Clone().Ops[3:] {
		op.Name = "second " + op.Name
		for i, v := range op.In {
			if op.In[i] = v + offset; v == start {
				op.In[i] = end
			}
		}
		op.Out += offset
		switch c := op.Attr.(type) {
		case ir.Conv:
			c.Weight += params
			if c.Bias != ir.NoParam {
				c.Bias += params
			}
			op.Attr = c
		}
		g.Ops = append(g.Ops, op)
	}
	g.Outputs = []ir.Output{{Name: "logits", Value: g.Ops[len(g.Ops)-1].Out}}
	return g
}
