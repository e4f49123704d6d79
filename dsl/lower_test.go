package dsl

import (
	"fmt"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// TestPresetGraphs compares the lowered presets with their dumps, which were
// read line by line against the paper and the port.
func TestPresetGraphs(t *testing.T) {
	for _, name := range Presets() {
		if strings.Contains(name, "caffe-") {
			continue // as p3d199-caffe but for its input and classifier
		}
		t.Run(name, func(t *testing.T) {
			golden(t, "testdata/"+name+".graph", []byte(lower(t, preset(t, name)).String()))
		})
	}
	t.Run("p3d63-flow", func(t *testing.T) {
		n := preset(t, "p3d63", "input", "2x32x112x112", "stem-pool", "caffe", "mix", "C,B", "depths", "1,2,1,2")
		golden(t, "testdata/p3d63-flow.graph", []byte(lower(t, n).String()))
	})
}

// portParams writes down the port's state dict a second time, independently
// of the lowering: names and shapes in the order of its modules.
func portParams(depths []int, channels, classes int) (params []ir.Param) {
	role := ir.RoleWeight
	add := func(name string, shape ...int) {
		params = append(params, ir.Param{Name: name, Shape: shape, Role: role})
	}
	bn := func(name string, c int) {
		for i, s := range []string{"weight", "bias", "running_mean", "running_var"} {
			role = []ir.Role{ir.RoleGamma, ir.RoleBeta, ir.RoleMean, ir.RoleVariance}[i]
			add(name+"."+s, c)
		}
		role = ir.RoleWeight
	}
	add("conv1_custom.weight", 64, channels, 1, 7, 7)
	bn("bn1", 64)
	in := 64
	for stage, depth := range depths {
		width := 64 << stage
		for i := 0; i < depth; i++ {
			p := fmt.Sprintf("layer%d.%d.", stage+1, i)
			conv := func(name string, out, in int, k ...int) { add(p+name+".weight", append([]int{out, in}, k...)...) }
			one := []int{1, 1, 1}
			if stage == 3 {
				one = []int{1, 1}
			}
			conv("conv1", width, in, one...)
			bn(p+"bn1", width)
			if stage == 3 {
				conv("conv_normal", width, width, 3, 3)
				bn(p+"bn_normal", width)
			} else {
				conv("conv2", width, width, 1, 3, 3)
				bn(p+"bn2", width)
				conv("conv3", width, width, 3, 1, 1)
				bn(p+"bn3", width)
			}
			conv("conv4", 4*width, width, one...)
			bn(p+"bn4", 4*width)
			if i == 0 {
				conv("downsample.0", 4*width, in, one...)
				bn(p+"downsample.1", 4*width)
			}
			in = 4 * width
		}
	}
	add("fc.weight", classes, 2048)
	role = ir.RoleBias
	add("fc.bias", classes)
	return params
}

func TestPresetParams(t *testing.T) {
	tests := []struct {
		preset   string
		sets     []string
		depths   []int
		channels int
		classes  int
	}{
		{"p3d63", nil, []int{3, 4, 6, 3}, 3, 400},
		{"p3d131", nil, []int{3, 4, 23, 3}, 3, 400},
		{"p3d199", nil, []int{3, 8, 36, 3}, 3, 400},
		{"p3d63", []string{"input", "2x16x160x160", "classes", "101"}, []int{3, 4, 6, 3}, 2, 101},
		{"p3d199", []string{"depths", "1,1,1,1", "classes", "487"}, []int{1, 1, 1, 1}, 3, 487},
	}
	for _, tt := range tests {
		t.Run(tt.preset+strings.Join(tt.sets, "-"), func(t *testing.T) {
			g := lower(t, preset(t, tt.preset, tt.sets...))
			want := portParams(tt.depths, tt.channels, tt.classes)
			if len(g.Params) != len(want) {
				t.Fatalf("%d parameters, want %d", len(g.Params), len(want))
			}
			for i, p := range g.Params {
				if fmt.Sprint(p) != fmt.Sprint(want[i]) {
					t.Errorf("parameter %d is %v, want %v", i, p, want[i])
				}
			}
		})
	}
}

// small is a network of every kind of statement.
const small = `network small {
    input rgb 3x8x16x16
    block bottleneck expansion 2 mix A B C
    conv 4 kernel 1x3x3
    stage one width 2 blocks 2
    stage two width 2 blocks 2
    pool average
    linear 5
    softmax
}
`

// middles returns, for each block, the ops between its 1x1x1 convolutions.
func middles(g *ir.Graph) (all []string) {
	cur := ""
	for _, op := range g.Ops {
		part := op.Name[strings.LastIndexByte(op.Name, '.')+1:]
		switch part {
		case "relu1":
			cur = ""
		case "conv2", "conv3":
			cur += part[4:] + "(" + g.Producer(op.In[0]).Name[strings.LastIndexByte(g.Producer(op.In[0]).Name, '.')+1:] + ")"
		case "sum":
			cur += "+"
		case "conv4":
			all = append(all, cur)
		}
	}
	return all
}

func TestMix(t *testing.T) {
	const a, b, c = "2(relu1)3(relu2)", "2(relu1)3(relu1)+", "2(relu1)3(relu2)+"
	tests := []struct {
		mix  string
		want []string
	}{
		{"mix A B C", []string{a, b, c, a}},
		{"mix A B C through network", []string{a, b, c, a}},
		{"mix A B C within stage", []string{a, b, a, b}},
		{"mix B", []string{b, b, b, b}},
		{"mix C B within stage", []string{c, b, c, b}},
		{"within stage mix C C A", []string{c, c, c, c}},
	}
	for _, tt := range tests {
		src := strings.Replace(small, "mix A B C", tt.mix, 1)
		if got := middles(lower(t, parse(t, src))); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", tt.mix, got, tt.want)
		}
	}
	// Flat blocks take no kind and are not counted.
	src := strings.Replace(small, "stage two", "stage flat width 2 blocks 1 flat\n stage two", 1)
	if got, want := middles(lower(t, parse(t, src))), []string{a, b, "", c, a}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with a flat stage: %v, want %v", got, want)
	}
}

func TestOutputs(t *testing.T) {
	tests := []struct{ name, head, want string }{
		{"all", "pool average\nlinear 5\nsoftmax", "features=pool1 logits=fc probabilities=softmax"},
		{"scores", "pool average then dropout 0.5 then linear 5", "features=pool1 logits=fc"},
		{"features", "pool average", "features=pool1"},
		{"max", "pool max", "features=pool1"},
		{"dropout only", "pool average\ndropout 0", "features=pool1"},
		{"two pools", "pool average 8x1x1 then pool average", "features=pool2"},
		{"one layer's", "pool average\nlinear 7 relu features\nlinear 5\nnames { linear \"fc{n}\" }", "features=fc1.relu logits=fc2"},
		{"flattened", "flatten\ndropout 0.5\nlinear 5", "features=flatten1 logits=fc"},
		{"rectified scores", "pool average then linear 5 relu as scores", "features=pool1 logits=fc.relu"},
		{"two layers", "pool average\nlinear 7\nlinear 5\nnames { linear \"fc{n}\" }", "features=pool1 logits=fc2"},
		{"dropout before the pool", "dropout 0.1\npool average\nlinear 5", "features=pool1 logits=fc"},
	}
	for _, tt := range tests {
		src := strings.Replace(small, "pool average\n    linear 5\n    softmax", tt.head, 1)
		g := lower(t, parse(t, src))
		var got []string
		for _, o := range g.Outputs {
			got = append(got, o.Name+"="+g.Values[o.Value].Name)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestShortcuts(t *testing.T) {
	src := `network x {
    input rgb 3x2x8x8
    block bottleneck expansion 2 mix A
    conv 4 kernel 1x1x1
    stage same width 2 blocks 2
    stage wide width 3 blocks 2
    stage strided width 3 blocks 2 stride 2x2x2
    pool average
}`
	g := lower(t, parse(t, src))
	var got []string
	for i, op := range g.Ops {
		if strings.HasSuffix(op.Name, "downsample.0") {
			got = append(got, fmt.Sprintf("%s %v", op.Name, op.Attr.(ir.Conv).Window))
			if next := g.Ops[i+2]; !strings.HasSuffix(next.Name, ".conv1") || next.In[0] != op.In[0] {
				t.Errorf("%s is followed by %s, want the block's conv1 on the same value", op.Name, next.Name)
			}
		}
	}
	want := []string{"layer2.0.downsample.0 1x1x1/1x1x1/0x0x0", "layer3.0.downsample.0 1x1x1/2x2x2/0x0x0"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("projections %q, want %q", got, want)
	}
}

func TestFlatStageRunsOnEveryFrame(t *testing.T) {
	g := lower(t, preset(t, "p3d63", "input", "3x64x160x160"))
	var got []string
	for _, o := range g.Taps {
		got = append(got, fmt.Sprintf("%s %v", o.Name, g.Values[o.Value].Shape))
	}
	want := "pool1 32x40x40x64, res2 32x40x40x256, res3 16x20x20x512, res4 8x10x10x1024, res5 4x5x5x2048"
	if strings.Join(got, ", ") != want {
		t.Errorf("taps %v, want %s", got, want)
	}
	for _, op := range g.Ops {
		if p, ok := op.Attr.(ir.Pool); ok && p.Kind == ir.PoolAverage && p.Taps() != 4*5*5 {
			t.Errorf("the head averages over %d positions, want 100", p.Taps())
		}
	}
}

func TestInputLowering(t *testing.T) {
	tests := []struct{ name, input, want string }{
		{"port", "input rgb 3x8x16x16 {\nresize 256/160\nrange 0..1\nmean 0.1 0.2 0.3\nstd 1 2 3\n}",
			"{8x16x16x3 rgb 0.00392156862745098 [0.1 0.2 0.3] [1 2 3] 25}"},
		{"caffe", "input bgr 3x8x16x16 {\nresize 20\nrange 0..255\nmean 104 117 123\n}",
			"{8x16x16x3 bgr 1 [104 117 123] [1 1 1] 20}"},
		{"defaults", "input rgb 3x8x16x16", "{8x16x16x3 rgb 0.00392156862745098 [0 0 0] [1 1 1] 0}"},
		{"flow", "input flow 2x8x16x24 { mean 0.5 0.5 }", "{8x16x24x2 flow 0.00392156862745098 [0.5 0.5] [1 1] 0}"},
		{"oblong", "input rgb 3x8x24x16 { resize 3/2 }", "{8x24x16x3 rgb 0.00392156862745098 [0 0 0] [1 1 1] 24}"},
	}
	for _, tt := range tests {
		src := strings.Replace(small, "input rgb 3x8x16x16", tt.input, 1)
		if got := fmt.Sprint(lower(t, parse(t, src)).Input); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := lower(t, preset(t, "p3d63", "input", "3x16x112x112")).Input.ResizeShort; got != 179 {
		t.Errorf("a crop of 112 is cut from a short side of %d, want 179", got)
	}
}

func TestWindowDefaults(t *testing.T) {
	src := `network x {
    input rgb 3x8x16x16
    conv 4 kernel 3x3x3
    conv 4 kernel 3x5x1 stride 2x1x1
    conv 4 kernel 1x3x3 pad 0x0x0
    pool max 2x2x2
    pool average 1x3x3 stride 1x2x2 pad 0x1x1 ceil
    pool average
    names { conv "c{n}" conv-norm "b{n}" }
}`
	src = strings.Replace(src, `" conv-norm`, "\"\nconv-norm", 1)
	var got []string
	g := lower(t, parse(t, src))
	for _, op := range g.Ops {
		switch a := op.Attr.(type) {
		case ir.Conv:
			got = append(got, a.Window.String())
		case ir.Pool:
			got = append(got, fmt.Sprint(a.Window, a.Ceil, g.Values[op.Out].Shape))
		}
	}
	want := []string{"3x3x3/1x1x1/1x1x1", "3x5x1/2x1x1/1x2x0", "1x3x3/1x1x1/0x0x0",
		"2x2x2/2x2x2/0x0x0 false 2x7x7x4", "1x3x3/1x2x2/0x1x1 true 2x4x4x4", "2x4x4/2x4x4/0x0x0 false 1x1x1x4"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("windows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestNames(t *testing.T) {
	src := strings.Replace(small, "softmax", `names port {
        block "{name}/{stage}/{index}"
        spatial "{block}/S"
        variance "{module}:var"
        linear "classifier{n}"
    }`, 1)
	g := lower(t, parse(t, src))
	have := map[string]bool{}
	for _, p := range g.Params {
		have[p.Name] = true
	}
	for _, want := range []string{"one/1/0/S.weight", "two/2/1.bn4:var", "two/2/1.bn4.running_mean", "classifier1.bias", "conv1_custom.weight"} {
		if !have[want] {
			t.Errorf("no parameter %s", want)
		}
	}
	if have["fc.bias"] {
		t.Errorf("fc.bias is still there")
	}
}

func TestPositions(t *testing.T) {
	g := lower(t, parse(t, small))
	for _, op := range g.Ops {
		if op.Pos.File != "test.p3d" || op.Pos.Line < 4 || op.Pos.Col != 5 {
			t.Errorf("%s stands at %v", op.Name, op.Pos)
		}
	}
}

// TestSchemesAreComplete holds every embedded scheme to naming everything.
func TestSchemesAreComplete(t *testing.T) {
	for _, name := range schemes() {
		templates := scheme(name)
		for _, key := range nameKeys() {
			if fault := templateFault(key, templates[key]); fault != "" {
				t.Errorf("scheme %s: %s: %s", name, key, fault)
			}
		}
		if len(templates) != len(nameKeys()) {
			t.Errorf("scheme %s has %d names, want %d", name, len(templates), len(nameKeys()))
		}
	}
}
