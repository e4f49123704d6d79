package dsl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// convs lists the convolutions of a network's first block, each with its window
// and its input and output channels.
func convs(g *ir.Graph) string {
	var all []string
	for _, op := range g.Ops {
		c, ok := op.Attr.(ir.Conv)
		if !ok || !strings.HasPrefix(op.Name, "layer1.0.") {
			continue
		}
		all = append(all, fmt.Sprintf("%s %v %d-%d", strings.TrimPrefix(op.Name, "layer1.0."), c.Window, g.Values[op.In[0]].Shape.C, c.Out))
	}
	return strings.Join(all, ", ")
}

// TestBlockForms compares the convolutions of blocks that stride in all axes,
// and the state dict's names, with what torchvision and the papers say.
func TestBlockForms(t *testing.T) {
	tests := []struct{ block, stage, names, want string }{
		{"basic mix full", "", "torchvision-video",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-8, conv1.0 3x3x3/2x2x2/1x1x1 6-8, conv2.0 3x3x3/1x1x1/1x1x1 8-8"},
		{"basic mix spatial", "", "torchvision-video",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-8, conv1.0 1x3x3/2x2x2/0x1x1 6-8, conv2.0 1x3x3/1x1x1/0x1x1 8-8"},
		// 27·6·8 / (9·6 + 3·8) = 16.6
		{"basic mix split mid matched", "", "torchvision-video",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-8, conv1.0.0 1x3x3/1x2x2/0x1x1 6-16, conv1.0.3 3x1x1/2x1x1/1x0x0 16-8, " +
				"conv2.0.0 1x3x3/1x1x1/0x1x1 8-16, conv2.0.3 3x1x1/1x1x1/1x0x0 16-8"},
		{"basic mix full", " mix split mid 5", "torchvision-video",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-8, conv1.0.0 1x3x3/1x2x2/0x1x1 6-5, conv1.0.3 3x1x1/2x1x1/1x0x0 5-8, " +
				"conv2.0.0 1x3x3/1x1x1/0x1x1 8-5, conv2.0.3 3x1x1/1x1x1/1x0x0 5-8"},
		{"bottleneck expansion 2 mix full stride middle", "", "torchvision-video",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-16, conv1.0 1x1x1/1x1x1/0x0x0 6-8, conv2.0 3x3x3/2x2x2/1x1x1 8-8, conv3.0 1x1x1/1x1x1/0x0x0 8-16"},
		{"bottleneck expansion 2 mix A stride middle", "", "port",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-16, conv1 1x1x1/1x1x1/0x0x0 6-8, conv2 1x3x3/1x2x2/0x1x1 8-8, conv3 3x1x1/2x1x1/1x0x0 8-8, conv4 1x1x1/1x1x1/0x0x0 8-16"},
		{"bottleneck expansion 2 mix B stride middle", "", "port",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-16, conv1 1x1x1/1x1x1/0x0x0 6-8, conv2 1x3x3/2x2x2/0x1x1 8-8, conv3 3x1x1/2x2x2/1x0x0 8-8, conv4 1x1x1/1x1x1/0x0x0 8-16"},
		{"bottleneck expansion 2 mix C stride middle", "", "port",
			"downsample.0 1x1x1/2x2x2/0x0x0 6-16, conv1 1x1x1/1x1x1/0x0x0 6-8, conv2 1x3x3/2x2x2/0x1x1 8-8, conv3 3x1x1/1x1x1/1x0x0 8-8, conv4 1x1x1/1x1x1/0x0x0 8-16"},
	}
	for _, tt := range tests {
		src := fmt.Sprintf("network x {\n input rgb 3x8x16x16\n block %s\n conv 6 kernel 1x1x1\n stage s width 8 blocks 1 stride 2x2x2%s\n pool average\n names %s\n}",
			tt.block, tt.stage, tt.names)
		if got := convs(lower(t, parse(t, src))); got != tt.want {
			t.Errorf("block %s%s:\ngot  %s\nwant %s", tt.block, tt.stage, got, tt.want)
		}
	}
}

// TestStageMix checks that a stage with a mix of its own is not counted in that
// of the network.
func TestStageMix(t *testing.T) {
	g := lower(t, parse(t, strings.Replace(small, "stage one width 2 blocks 2", "stage one width 2 blocks 2\n    stage own width 2 blocks 3 mix full C", 1)))
	if got, want := strings.Join(middles(g), " "), "2(relu1)3(relu2) 2(relu1)3(relu1)+ 2(relu1) 2(relu1)3(relu2)+ 2(relu1) 2(relu1)3(relu2)+ 2(relu1)3(relu2)"; got != want {
		t.Errorf("middles %s, want %s", got, want)
	}
}

// TestFlatKernel checks that sizes without frames say what those with one frame
// do, and that a kernel's weight then has none.
func TestFlatKernel(t *testing.T) {
	const src = "network x {\n input rgb 3x4x16x16\n conv 4 kernel KERNEL\n pool max WINDOW\n pool average\n}"
	lowered := func(kernel, window string) *ir.Graph {
		return lower(t, parse(t, strings.NewReplacer("KERNEL", kernel, "WINDOW", window).Replace(src)))
	}
	flat := lowered("7x7 stride 2x2 pad 3x3", "3x3 stride 2x2 pad 1x1")
	deep := lowered("1x7x7 stride 1x2x2 pad 0x3x3", "1x3x3 stride 1x2x2 pad 0x1x1")
	if flat.String() != deep.String() {
		t.Errorf("got\n%v\nwant\n%v", flat, deep)
	}
	if got := fmt.Sprint(flat.Params[0].Shape, deep.Params[0].Shape); got != "[4 3 7 7] [4 3 1 7 7]" {
		t.Errorf("weights of shapes %s", got)
	}
}

// TestSlots counts the places of an nn.Sequential.
func TestSlots(t *testing.T) {
	g := lower(t, parse(t, `network x {
    input rgb 3x4x16x16
    conv 4 kernel 1x1x1
    pool max 1x2x2
    conv 4 kernel 1x1x1 bias
    conv 4 kernel 1x1x1
    pool average
    linear 3
    names {
        conv      "features.{slot}"
        conv-norm "features.{slot}"
    }
}`))
	var got []string
	for _, op := range g.Ops {
		if strings.HasPrefix(op.Name, "features.") && !strings.HasSuffix(op.Name, "relu") {
			got = append(got, strings.TrimPrefix(op.Name, "features."))
		}
	}
	if want := "0 1 4 6 7"; strings.Join(got, " ") != want {
		t.Errorf("places %v, want %s", got, want)
	}
}

// caffeNames writes down the parameters of the authors' network a second time,
// from its prototxt.
func caffeNames() (names []string) {
	conv := func(layer, norm string) {
		names = append(names, layer+".0")
		for i := range 4 {
			names = append(names, fmt.Sprintf("%s.%d", norm, i))
		}
	}
	conv("conv1", "bn_conv1")
	blocks := map[int][]string{2: {"a", "b", "c"}, 3: {"a"}, 4: {"a"}, 5: {"a", "b", "c"}}
	for i := 1; i <= 35; i++ {
		if i <= 7 {
			blocks[3] = append(blocks[3], fmt.Sprintf("b%d", i))
		}
		blocks[4] = append(blocks[4], fmt.Sprintf("b%d", i))
	}
	for stage := 2; stage <= 5; stage++ {
		for _, block := range blocks[stage] {
			branches := []string{"2a", "2b", "2b_t", "2c", "1"}
			if stage == 5 {
				branches = []string{"2a", "2b", "2c", "1"}
			}
			if block != "a" {
				branches = branches[:len(branches)-1]
			}
			for _, branch := range branches {
				conv(fmt.Sprintf("res%d%s_branch%s", stage, block, branch), fmt.Sprintf("bn%d%s_branch%s", stage, block, branch))
			}
		}
	}
	return names
}

// TestCaffeNames compares the names of the authors' networks, and what they
// compute with P3D-199.
func TestCaffeNames(t *testing.T) {
	for name, fc := range map[string]string{
		"p3d199-caffe": "fc_kinetics", "p3d199-caffe-flow": "fc_kinetics", "p3d199-caffe-sports1m": "fc_sports1m",
	} {
		g := lower(t, preset(t, name))
		var got []string
		for _, p := range g.Params {
			got = append(got, p.Name)
		}
		want := append(caffeNames(), fc+".0", fc+".1")
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: parameters\n%v\nwant\n%v", name, got, want)
		}
	}
	shapes := func(g *ir.Graph) string {
		var b strings.Builder
		for _, op := range g.Ops {
			in := make([]int, len(op.In))
			for i, v := range op.In {
				in[i] = int(v)
			}
			fmt.Fprintln(&b, in, fmt.Sprintf("%T", op.Attr), windowText(op.Attr), g.Values[op.Out].Shape)
		}
		for _, p := range g.Params {
			fmt.Fprintln(&b, p.Shape, p.Role)
		}
		return b.String()
	}
	if got, want := shapes(lower(t, preset(t, "p3d199-caffe"))), shapes(lower(t, preset(t, "p3d199", "stem-pool", "caffe"))); got != want {
		t.Error("p3d199-caffe is not p3d199 with the stem pool of Caffe")
	}
}

// windowText returns an op's window; that of the stem's pool alone depends on how
// it rounds.
func windowText(a ir.Attr) string {
	switch a := a.(type) {
	case ir.Conv:
		return a.Window.String()
	case ir.Pool:
		return a.Window.String() + a.Kind.String()
	}
	return ""
}
