package dsl

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/ir"
)

// TestBiasBlocks wants a bias of each convolution of a block, the shortcut's
// too, where the block statement says so, and no batch norm.
func TestBiasBlocks(t *testing.T) {
	g := lower(t, parse(t, `network n {
		input rgb 3x4x16x16
		block bottleneck expansion 2 mix B bias
		conv 4 kernel 3x3
		stage res2 width 4 blocks 1
		stage res3 width 4 blocks 1 flat
		pool average
	}`))
	var names []string
	for _, p := range g.Params {
		names = append(names, p.Name)
	}
	want := strings.Fields(`conv1_custom.weight bn1.weight bn1.bias bn1.running_mean bn1.running_var
		layer1.0.conv1.weight layer1.0.conv1.bias layer1.0.conv2.weight layer1.0.conv2.bias
		layer1.0.conv3.weight layer1.0.conv3.bias layer1.0.conv4.weight layer1.0.conv4.bias
		layer1.0.downsample.0.weight layer1.0.downsample.0.bias
		layer2.0.conv1.weight layer2.0.conv1.bias layer2.0.conv_normal.weight layer2.0.conv_normal.bias
		layer2.0.conv4.weight layer2.0.conv4.bias`)
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("parameters (-want +got)\n%s", d)
	}
	for _, op := range g.Ops[2:] {
		switch a := op.Attr.(type) {
		case ir.BatchNorm:
			t.Errorf("%s is a batch norm", op.Name)
		case ir.Conv:
			if len(op.Epi) != 1 || op.Epi[0].Kind != ir.EpiBias || g.Params[a.Bias].Shape[0] != a.Out {
				t.Errorf("%s adds no bias: %v", op.Name, op.Epi)
			}
		}
	}
}
