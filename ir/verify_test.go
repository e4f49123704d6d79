package ir

import (
	"math"
	"strings"
	"testing"
)

// verifyText has one op of most kinds; each case of TestVerify harms it once.
const verifyText = `graph t: input 2x4x4x3 rgb
%1 conv 2x4x4x8 = conv 1x3x3/1x1x1/0x1x1 w=conv.weight b=conv.bias norm=bn1.weight %0 | bias relu
%2 bn 2x4x4x8 = batchnorm gamma=bn2.weight eps=1e-05 %1
%3 relu 2x4x4x8 = relu %2
%4 add 2x4x4x8 = add %3 %1
%5 flat 2x4x4x8 = conv 1x1x1/1x1x1/0x0x0 w=flat.weight %4 | add %3 relu
%6 pool 1x2x2x8 = pool max 2x2x2/2x2x2/0x0x0 %5
%7 avg 1x1x1x8 = pool average 1x2x2/1x1x1/0x0x0 %6
%8 drop 1x1x1x8 = dropout 0.5 %7
%9 fc 1x1x1x5 = linear w=fc.weight b=fc.bias %8 | bias
%10 softmax 1x1x1x5 = softmax %9
output y = %10
tap features = %7
`

func TestVerify(t *testing.T) {
	conv := func(g *Graph, f func(*Conv)) {
		c := g.Ops[0].Attr.(Conv)
		f(&c)
		g.Ops[0].Attr = c
	}
	for _, tc := range []struct {
		want string // "" for a graph in order
		harm func(g *Graph)
	}{
		{"", func(*Graph) {}},
		{"", func(g *Graph) { g.AddValue("spare", Shape{1, 1, 1, 1}) }},
		{"", func(g *Graph) { g.Outputs = append(g.Outputs, Output{"features", 7}) }},
		{"", func(g *Graph) { param(g, "conv.weight").Shape = []int{8, 3, 3, 3} }},

		{"input: value 0 must be the input, of shape 2x4x4x3", func(g *Graph) { g.Values = nil }},
		{"input: value 0 must be the input, of shape 1x4x4x3", func(g *Graph) { g.Input.Shape.T = 1 }},
		{"input: 2 means and 3 standard deviations for 3 channels", func(g *Graph) { g.Input.Mean = g.Input.Mean[1:] }},
		{"spare: value 11 has the empty shape 1x0x1x1", func(g *Graph) { g.AddValue("spare", Shape{1, 0, 1, 1}) }},
		{
			"spare: value 11 of shape 65536x65536x65536x65536 has more than 2147483648 elements",
			func(g *Graph) { g.AddValue("spare", Shape{1 << 16, 1 << 16, 1 << 16, 1 << 16}) },
		},
		{`z: output "z" is never computed`, func(g *Graph) { g.Outputs = append(g.Outputs, Output{"z", 99}) }},
		{`z: output "z" is never computed`, func(g *Graph) {
			g.Taps = append(g.Taps, Output{"z", g.AddValue("spare", Shape{1, 1, 1, 1})})
		}},
		{`y: values 10 and 3 are both returned as "y"`, func(g *Graph) { g.Taps = append(g.Taps, Output{"y", 3}) }},
		{"t: the graph has no output", func(g *Graph) { g.Outputs = nil }},

		{"bn: uses value 4 before it is computed", func(g *Graph) { g.Ops[1].In[0] = 4 }},
		{"bn: uses value -1 before it is computed", func(g *Graph) { g.Ops[1].In[0] = -1 }},
		{"bn: uses value 11 before it is computed", func(g *Graph) { g.Ops[1].In[0] = 11 }},
		{"softmax: writes value 99, which does not exist\ny: output \"y\" is never computed", func(g *Graph) { g.Ops[9].Out = 99 }},
		{"bn: writes value 1 a second time", func(g *Graph) { g.Ops[1].Out, g.Ops[2].In[0] = 1, 1 }},
		{"relu: writes value 0, which does not exist", func(g *Graph) {
			g.Ops[2].Out, g.Ops[3].In[0], g.Ops[4].Epi[0].Arg = 0, 2, 2
		}},
		{"relu: ir.ReLU takes 1 inputs, found 0", func(g *Graph) { g.Ops[2].In = nil }},
		{"relu: ir.ReLU takes 1 inputs, found 2", func(g *Graph) { g.Ops[2].In = []ValueID{1, 2} }},
		{"add: ir.Add takes 2 inputs, found 1", func(g *Graph) { g.Ops[3].In = g.Ops[3].In[1:] }},
		{"fc: ir.Linear of 1x1x1x8 gives 1x1x1x5, but its value has shape 1x2x1x5\nsoftmax: softmax needs one position, found 1x2x1x5", func(g *Graph) {
			g.Values[9].Shape.H = 2
		}},
		{"relu: unknown op <nil>", func(g *Graph) { g.Ops[2].Attr = nil }},

		{"conv: illegal window 1x3x3/1x0x1/0x1x1", func(g *Graph) { conv(g, func(c *Conv) { c.H.Stride = 0 }) }},
		{"conv: illegal window 0x3x3/1x1x1/0x1x1", func(g *Graph) { conv(g, func(c *Conv) { c.T.Kernel = 0 }) }},
		{"conv: illegal window 1x3x3/1x1x1/0x1x-1", func(g *Graph) { conv(g, func(c *Conv) { c.W.Pad = -1 }) }},
		{"pool: illegal window 2x2x2/0x2x2/0x0x0", func(g *Graph) {
			g.Ops[5].Attr = Pool{Window: cube(2, 2, 2).stride(0, 2, 2)}
		}},
		{"pool: padding must be smaller than the window 2x2x2/2x2x2/0x2x0", func(g *Graph) {
			g.Ops[5].Attr = Pool{Window: cube(2, 2, 2).stride(2, 2, 2).pad(0, 2, 0)}
		}},
		{"conv: weight: parameter -1 does not exist", func(g *Graph) { conv(g, func(c *Conv) { c.Weight = NoParam }) }},
		{"conv: bias: parameter 99 does not exist", func(g *Graph) { conv(g, func(c *Conv) { c.Bias = 99 }) }},
		{"conv: weight conv.weight has shape [8 3 1 3 2], needs [8 3 1 3 3]", func(g *Graph) { param(g, "conv.weight").Shape[4] = 2 }},
		{"conv: weight conv.weight has shape [8 27], needs [8 3 1 3 3]", func(g *Graph) { param(g, "conv.weight").Shape = []int{8, 27} }},
		{"conv: bias conv.bias has shape [7], needs [8]", func(g *Graph) { param(g, "conv.bias").Shape[0] = 7 }},
		{"conv: gamma bn1.weight has shape [1 8], needs [8]", func(g *Graph) { param(g, "bn1.weight").Shape = []int{1, 8} }},
		{"conv: beta bn1.bias has shape [9], needs [8]", func(g *Graph) { param(g, "bn1.bias").Shape[0] = 9 }},
		{"conv: mean bn1.running_mean has shape [9], needs [8]", func(g *Graph) { param(g, "bn1.running_mean").Shape[0] = 9 }},
		{"bn: variance bn2.running_var has shape [9], needs [8]", func(g *Graph) { param(g, "bn2.running_var").Shape[0] = 9 }},
		{"conv: batch norm epsilon must be positive, found 0", func(g *Graph) { conv(g, func(c *Conv) { c.Norm.Epsilon = 0 }) }},
		{"conv: batch norm epsilon must be positive, found NaN", func(g *Graph) { conv(g, func(c *Conv) { c.Norm.Epsilon = math.NaN() }) }},
		{"add: adds values of shapes 2x4x4x8 and 2x4x4x3", func(g *Graph) { g.Ops[3].In[1] = 0 }},
		{"fc: a linear layer needs one position, found 1x2x2x8", func(g *Graph) { g.Ops[8].In[0] = 6 }},
		{"fc: weight fc.weight has shape [5 9], needs [5 8]", func(g *Graph) { param(g, "fc.weight").Shape[1] = 9 }},
		{"fc: bias fc.bias has shape [6], needs [5]", func(g *Graph) { param(g, "fc.bias").Shape[0] = 6 }},
		{"softmax: softmax needs one position, found 1x2x2x8", func(g *Graph) { g.Ops[9].In[0] = 6 }},

		{"conv: has a bias, but its epilogue adds it 0 times", func(g *Graph) { g.Ops[0].Epi = g.Ops[0].Epi[1:] }},
		{"conv: epilogue step 1 adds a bias that is not there or not first", func(g *Graph) {
			g.Ops[0].Epi = []EpiStep{{Kind: EpiReLU}, {Kind: EpiBias}}
		}},
		{"relu: epilogue step 0 adds a bias that is not there or not first", func(g *Graph) {
			g.Ops[2].Epi = []EpiStep{{Kind: EpiBias}}
		}},
		{"flat: epilogue adds value 6 before it is computed", func(g *Graph) { g.Ops[4].Epi[0].Arg = 6 }},
		{"flat: epilogue adds value 5 before it is computed", func(g *Graph) { g.Ops[4].Epi[0].Arg = 5 }},
		{"flat: epilogue adds a value of shape 2x4x4x3 to 2x4x4x8", func(g *Graph) { g.Ops[4].Epi[0].Arg = 0 }},
		{"flat: unknown epilogue step 9", func(g *Graph) { g.Ops[4].Epi[1].Kind = 9 }},

		{"input: 2 means and 2 standard deviations for 3 channels\nt: the graph has no output", func(g *Graph) {
			g.Input.Mean, g.Input.Std, g.Outputs = g.Input.Mean[1:], g.Input.Std[1:], nil
		}},
	} {
		g := parseGraph(t, verifyText)
		tc.harm(g)
		got := ""
		if err := g.Verify(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("got:\n%s\nwant:\n%s", indent(got), indent(tc.want))
		}
	}
}

// param returns the parameter of that name.
func param(g *Graph, name string) *Param {
	for i := range g.Params {
		if g.Params[i].Name == name {
			return &g.Params[i]
		}
	}
	panic("no parameter " + name)
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
