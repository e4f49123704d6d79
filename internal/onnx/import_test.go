package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// TestImportErrors wants each fault of a model to be named, with its node.
func TestImportErrors(t *testing.T) {
	node := func(i int) func(*Model) *Node { return func(m *Model) *Node { return &m.Graph.Nodes[i] } }
	conv, pool, shape, flat, fc := node(0), node(1), node(2), node(3), node(4)
	input := func(m *Model) *ValueInfo { return &m.Graph.Inputs[0] }
	weight := func(m *Model) *Tensor { return &m.Graph.Initializers[0] }
	for _, tt := range []struct {
		name  string
		spoil func(*Model)
		want  string
	}{
		{"operator", func(m *Model) { pool(m).Op = "Gelu" }, `node "pool" (Gelu): the operator is not supported; networks can be made of Add, AveragePool,`},
		{"domain", func(m *Model) { pool(m).Domain = "com.microsoft" }, `node "pool" (com.microsoft.GlobalAveragePool): the operator is not supported`},
		{"unnamed", func(m *Model) { n := pool(m); n.Op, n.Name = "Gelu", "" }, `the Gelu node that computes "z": the operator is not supported`},
		{"attribute", func(m *Model) { pool(m).Attrs = []Attr{intAttr("p", 2)} }, `node "pool" (GlobalAveragePool): the attribute "p" is not supported`},
		{"type", func(m *Model) { conv(m).Attrs[1] = Attr{Name: "group", Type: AttrFloat} }, `node "conv" (Conv): the attribute "group" is of type 1; expected 2`},
		{"group", func(m *Model) { conv(m).Attrs[1].Int = 3 }, "group is 3; only 1 is supported"},
		{"auto_pad", func(m *Model) { conv(m).Attrs[2].Text = "SAME_UPPER" }, "auto_pad is not supported"},
		{"dilations", func(m *Model) { conv(m).Attrs[2] = intsAttr("dilations", 1, 2, 2) }, "dilations are [1 2 2]; only 1 is supported"},
		{"kernel", func(m *Model) { conv(m).Attrs[0] = intsAttr("kernel_shape", 1, 1) }, "kernel_shape has 2 numbers; expected 3"},
		{"huge", func(m *Model) { conv(m).Attrs[2] = intsAttr("strides", 1, 1, 1<<40) }, "strides is [1 1 1099511627776]; expected numbers from 0 to"},
		{"stride", func(m *Model) { conv(m).Attrs[2] = intsAttr("strides", 1, 0, 1) }, "is illegal"},
		{"one-sided", func(m *Model) {
			weight(m).Dims = []int64{2, 3, 1, 1, 1}
			p := pool(m)
			p.Op, p.Attrs = "MaxPool", []Attr{intsAttr("kernel_shape", 2, 2, 2), intsAttr("pads", 1, 0, 0, 0, 1, 1), intsAttr("strides", 1, 1, 1)}
		}, `node "pool" (MaxPool): it is padded by more on one side than on the other`},
		{"computed weight", func(m *Model) { conv(m).Inputs[1] = "clip" }, "expected its weight to be a constant of 5 dimensions"},
		{"channels", func(m *Model) { input(m).Dims[1].Size = 2 }, `node "conv" (Conv): weight w has shape [2 3 1 1 1], needs [2 2 1 1 1]`},
		{"elements", func(m *Model) { weight(m).Floats = nil }, `its weight: tensor "w" has 0 elements; expected 6`},
		{"weight's type", func(m *Model) { weight(m).Type = 10 }, `tensor "w" holds FLOAT16, expected FLOAT`},
		{"not finite", func(m *Model) { weight(m).Floats[4] = float32(math.NaN()) }, `node "conv" (Conv): its weight "w": element 4 is NaN; expected a finite number`},
		{"infinite", func(m *Model) { weight(m).Floats[0] = float32(math.Inf(-1)) }, `element 0 is -Inf`},
		{"negative", func(m *Model) { weight(m).Dims[0] = -2 }, `node "conv" (Conv): its weight: the dimensions [-2 3 1 1 1]`},
		{"missing input", func(m *Model) { conv(m).Inputs[0] = "x" }, `node "conv" (Conv): its input "x" is not there`},
		{"order", func(m *Model) { m.Graph.Nodes[0], m.Graph.Nodes[1] = m.Graph.Nodes[1], m.Graph.Nodes[0] }, `its input "y" is not there: no node before it computes it`},
		{"left out", func(m *Model) { conv(m).Inputs[1] = "" }, "its input 1 is left out"},
		{"too few", func(m *Model) { fc(m).Inputs = fc(m).Inputs[:1] }, "it has 1 inputs; expected 2 to 3"},
		{"twice", func(m *Model) { pool(m).Outputs[0] = "y" }, `node "pool" (GlobalAveragePool): "y" is computed a second time`},
		{"no outputs", func(m *Model) { m.Graph.Outputs = nil }, "the model has no outputs"},
		{"unknown output", func(m *Model) { m.Graph.Outputs[0].Name = "x" }, `output "x": no node computes it`},
		{"constant output", func(m *Model) { m.Graph.Outputs[0].Name = "w" }, `output "w": no node computes it`},
		{"inputs", func(m *Model) { m.Graph.Inputs = append(m.Graph.Inputs, ValueInfo{Name: "b"}) }, "the model has 2 inputs; expected one, the clip"},
		{"input's type", func(m *Model) { input(m).Type = 2 }, `input "clip" holds UINT8; expected FLOAT`},
		{"open size", func(m *Model) { input(m).Dims[2] = Dim{Name: "T"} }, `input "clip" has the size N x 3 x T x 4 x 4; expected all sizes but the first to be fixed`},
		{"rank", func(m *Model) { input(m).Dims = input(m).Dims[:3] }, `input "clip" has 3 dimensions`},
		{"large input", func(m *Model) { input(m).Dims[3].Size = 1 << 40 }, "are empty or too large"},
		{"reshape", func(m *Model) { shape(m).Attrs[0].Tensor.Ints[0] = 3 }, `node "flat" (Reshape): it cannot make [3 -1] of [1 2 1 1 1]`},
		{"two open", func(m *Model) { shape(m).Attrs[0].Tensor.Ints[0] = -1 }, "its dimensions are"},
		{"computed shape", func(m *Model) { flat(m).Inputs[1] = "y" }, "its dimensions are computed of the clip"},
		{"transA", func(m *Model) { fc(m).Attrs = append(fc(m).Attrs, intAttr("transA", 1)) }, "transA is 1; only 0 is supported"},
		{"alpha", func(m *Model) { fc(m).Attrs[0].Float = 2 }, "alpha is 2; only 1 is supported"},
		{"linear's size, turned", func(m *Model) { fc(m).Attrs[1].Int = 0 }, `node "fc" (Gemm): its weight has the dimensions [1 2]; expected the first to be 2, the values that it reads`},
		{"linear's size as it is", func(m *Model) { m.Graph.Initializers[1].Dims = []int64{2, 1} }, `node "fc" (Gemm): its weight has the dimensions [2 1]; expected the second to be 2, the values that it reads`},
		{"attribute twice", func(m *Model) { fc(m).Attrs = append(fc(m).Attrs, intAttr("transB", 0)) }, `node "fc" (Gemm): the attribute "transB" is given twice`},
		{"epsilon 0", normed(0), `node "norm" (BatchNormalization): its epsilon is 0; expected more than 0 and less than 1`},
		{"epsilon 1", normed(1), `node "norm" (BatchNormalization): its epsilon is 1; expected`},
		{"epsilon infinite", normed(math.Inf(1)), `node "norm" (BatchNormalization): its epsilon is +Inf; expected`},
		{"epsilon NaN", normed(math.NaN()), `node "norm" (BatchNormalization): its epsilon is NaN; expected`},
		{"linear on map", func(m *Model) { fc(m).Inputs[0] = "z" }, `node "fc" (Gemm): its input has the dimensions [1 2 1 1 1]; expected N x C`},
		{"added constant", func(m *Model) {
			p := pool(m)
			p.Op, p.Inputs = "Add", []string{"y", "fc.b"}
		}, `node "pool" (Add): it adds a constant to something else than a linear layer`},
		{"added behind another reader", func(m *Model) {
			n := fc(m)
			n.Op, n.Inputs, n.Attrs, n.Outputs = "MatMul", []string{"v", "fc.w"}, nil, []string{"product"}
			m.Graph.Initializers[1].Dims = []int64{2, 1}
			m.Graph.Nodes = append(m.Graph.Nodes,
				Node{Op: "Identity", Inputs: []string{"product"}, Outputs: []string{"same"}},
				Node{Op: "Add", Inputs: []string{"same", "fc.b"}, Outputs: []string{"logits"}})
			m.Graph.Outputs = append(m.Graph.Outputs, ValueInfo{Name: "product"})
		}, "it adds a constant to something else than a linear layer without bias"},
		{"training", func(m *Model) {
			m.Opset = 13
			p := pool(m)
			p.Op, p.Inputs, p.Outputs = "BatchNormalization", []string{"y", "w", "w", "w", "w"}, []string{"z", "mean", "var", "m", "v2"}
		}, `node "pool" (BatchNormalization): it is in training mode`},
		{"opset", func(m *Model) { m.Opset = 7 }, "the model has operators of opset 7; expected 9 or newer"},
		{"metadata", func(m *Model) { m.Metadata[metaMean] = "1 2" }, "p3dc.mean has 2 numbers for 3 channels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := small()
			tt.spoil(m)
			if _, _, err := Import(m); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// normed puts a batch norm with the given epsilon in the pool's place.
func normed(epsilon float64) func(*Model) {
	return func(m *Model) {
		m.Graph.Initializers = append(m.Graph.Initializers, Tensor{Name: "ones", Type: Float, Dims: []int64{2}, Floats: []float32{1, 1}})
		n := &m.Graph.Nodes[1]
		n.Name, n.Op, n.Inputs = "norm", "BatchNormalization", []string{"y", "ones", "ones", "ones", "ones"}
		n.Attrs = []Attr{{Name: "epsilon", Type: AttrFloat, Float: float32(epsilon)}}
	}
}

// TestImportForms wants the same graph of what exporters write in different
// ways.
func TestImportForms(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Model)
	}{
		{"as it is", func(*Model) {}},
		{"reduce", func(m *Model) {
			n := &m.Graph.Nodes[1]
			n.Op, n.Attrs = "ReduceMean", []Attr{intsAttr("axes", -1, -2, -3), intAttr("keepdims", 1)}
		}},
		{"reduce to vectors", func(m *Model) {
			n := &m.Graph.Nodes[1]
			n.Op, n.Attrs = "ReduceMean", []Attr{intsAttr("axes", 2, 3, 4), intAttr("keepdims", 0)}
		}},
		{"window", func(m *Model) {
			n := &m.Graph.Nodes[1]
			n.Op, n.Attrs = "AveragePool", []Attr{intsAttr("kernel_shape", 2, 4, 4), intAttr("count_include_pad", 1)}
		}},
		{"windows of one value", func(m *Model) {
			m.Graph.Nodes[1].Inputs[0] = "same"
			same := Node{Op: "MaxPool", Inputs: []string{"y"}, Outputs: []string{"same"}, Attrs: []Attr{intsAttr("kernel_shape", 1, 1, 1)}}
			m.Graph.Nodes = slices.Insert(m.Graph.Nodes, 1, same)
		}},
		{"flatten", func(m *Model) {
			n := &m.Graph.Nodes[3]
			n.Op, n.Inputs = "Flatten", []string{"z"}
		}},
		{"squeeze", func(m *Model) {
			n := &m.Graph.Nodes[3]
			n.Op, n.Inputs, n.Attrs = "Squeeze", []string{"z"}, []Attr{intsAttr("axes", 2, 3, 4)}
		}},
		{"matrix product", func(m *Model) {
			n := &m.Graph.Nodes[4]
			n.Op, n.Inputs, n.Attrs, n.Outputs = "MatMul", []string{"v", "fc.w"}, nil, []string{"p"}
			m.Graph.Initializers[1].Dims = []int64{2, 1}
			m.Graph.Nodes = append(m.Graph.Nodes, Node{Op: "Add", Inputs: []string{"fc.b", "p"}, Outputs: []string{"logits"}})
		}},
		{"zeros as bias", func(m *Model) {
			m.Graph.Initializers = append(m.Graph.Initializers, Tensor{Name: "zeros", Type: Float, Dims: []int64{2}, Floats: []float32{0, 0}})
			m.Graph.Nodes[0].Inputs = append(m.Graph.Nodes[0].Inputs, "zeros")
		}},
		{"dead nodes", func(m *Model) {
			m.Graph.Nodes = append(m.Graph.Nodes, Node{Op: "Gelu", Inputs: []string{"z"}, Outputs: []string{"dead"}})
		}},
		{"weights as inputs", func(m *Model) { m.Graph.Inputs = append(m.Graph.Inputs, ValueInfo{Name: "w", Type: Float}) }},
		{"shape of the clip", func(m *Model) {
			shape := []Node{
				{Op: "Shape", Inputs: []string{"z"}, Outputs: []string{"dims"}},
				{Op: "Constant", Outputs: []string{"zero"}, Attrs: []Attr{intAttr("value_int", 0)}},
				{Op: "Gather", Inputs: []string{"dims", "zero"}, Outputs: []string{"n"}},
				{Op: "Unsqueeze", Inputs: []string{"n"}, Outputs: []string{"n1"}, Attrs: []Attr{intsAttr("axes", 0)}},
				{Op: "Constant", Outputs: []string{"rest"}, Attrs: []Attr{intsAttr("value_ints", -1)}},
				{Op: "Concat", Inputs: []string{"n1", "rest"}, Outputs: []string{"s"}, Attrs: []Attr{intAttr("axis", 0)}},
			}
			m.Graph.Nodes = slices.Replace(m.Graph.Nodes, 2, 3, shape...)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := small()
			tt.change(m)
			g, values, err := Import(m)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, op := range g.Ops {
				kinds = append(kinds, strings.TrimPrefix(fmt.Sprintf("%T", op.Attr), "ir."))
			}
			if got, want := strings.Join(kinds, " "), "Conv Pool Linear"; got != want {
				t.Errorf("imported %s, want %s", got, want)
			}
			if got := values["fc.w"]; len(got) != 2 || got[0] != 7 || got[1] != 8 {
				t.Errorf("the linear layer's weight is %v", got)
			}
		})
	}
}

// TestTensorReadInTwoWays wants one copy of a tensor for each way in which nodes
// read it, however many there are.
func TestTensorReadInTwoWays(t *testing.T) {
	m := small()
	m.Graph.Outputs = nil
	var nodes []Node
	for i := range 20 {
		product := fmt.Sprint("product", i)
		nodes = append(nodes, Node{Op: "Gemm", Inputs: []string{"v", "fc.w"}, Outputs: []string{product}, Attrs: []Attr{intAttr("transB", 1)}})
		m.Graph.Outputs = append(m.Graph.Outputs, ValueInfo{Name: product})
		normed := fmt.Sprint("normed", i)
		nodes = append(nodes, Node{Op: "BatchNormalization", Inputs: []string{"z", "fc.w", "fc.w", "fc.w", "fc.w"}, Outputs: []string{normed}})
		m.Graph.Outputs = append(m.Graph.Outputs, ValueInfo{Name: normed})
	}
	m.Graph.Nodes = slices.Replace(m.Graph.Nodes, 4, 5, nodes...)
	g, values, err := Import(m)
	if err != nil {
		t.Fatal(err)
	}
	copies := 0
	for name := range values {
		if name == "fc.w" || strings.HasPrefix(name, "fc.w#") {
			copies++
		}
	}
	if copies != 2 {
		t.Errorf("%d parameters of %d hold the tensor, want 2", copies, len(g.Params))
	}
}
