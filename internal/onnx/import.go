package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Import returns the graph that a model computes for one clip, and the values
// of its parameters by name. Each op is called by its node, as messages name
// it; convolutions, batch norms and ReLUs are ops of their own, as the model
// has them. What only moves or drops axes of extent 1, and what does nothing
// at inference, leaves no op.
//
// The model must have one input besides its weights, of clips N x C x T x H x W
// or pictures N x C x H x W in float32, with all sizes but N fixed. An operator
// or attribute that no network of this module has is an error that names the
// node; so is whatever does not fit together. Nodes on which no output depends
// are left alone.
func Import(m *Model) (*ir.Graph, map[string][]float32, error) {
	if m.Opset < minOpset {
		return nil, nil, fmt.Errorf("the model has operators of opset %d; expected %d or newer: export it again", m.Opset, minOpset)
	}
	in := &importer{
		model: m, g: &ir.Graph{Name: m.Graph.Name},
		operands: map[string]operand{}, reads: map[string]int{},
		params: map[paramKey]ir.ParamID{}, weights: map[string][]float32{},
	}
	if err := in.run(); err != nil {
		return nil, nil, err
	}
	if err := in.g.Verify(); err != nil {
		return nil, nil, err
	}
	return in.g, in.weights, nil
}

// minOpset is the oldest version of the operators that mean what they mean
// here.
const minOpset = 9

// importer makes the graph node by node.
type importer struct {
	model    *Model
	g        *ir.Graph
	operands map[string]operand
	reads    map[string]int // of a name, by live nodes and outputs
	params   map[paramKey]ir.ParamID
	weights  map[string][]float32
	unbiased string // the result of the last linear layer, while it lacks a bias
}

// operand is what a name in the model stands for: a constant, or a value of
// the graph with the dimensions that it has in the model.
type operand struct {
	constant *Tensor
	value    ir.ValueID
	dims     []int64 // N x C x T x H x W, N x C x H x W of one frame, or N x C of one position
}

func (in *importer) run() error {
	for i := range in.model.Graph.Initializers {
		t := &in.model.Graph.Initializers[i]
		if _, taken := in.operands[t.Name]; taken {
			return fmt.Errorf("two initializers are named %q", t.Name)
		}
		in.operands[t.Name] = operand{constant: t}
	}
	if err := in.input(); err != nil {
		return err
	}
	live, err := in.live()
	if err != nil {
		return err
	}
	for i := range in.model.Graph.Nodes {
		if !live[i] {
			continue
		}
		n := &in.model.Graph.Nodes[i]
		if err := in.node(n); err != nil {
			return fmt.Errorf("%v: %w", n, err)
		}
	}
	for _, out := range in.model.Graph.Outputs {
		o, ok := in.operands[out.Name]
		if !ok || o.constant != nil {
			return fmt.Errorf("output %q: no node computes it", out.Name)
		}
		in.g.Outputs = append(in.g.Outputs, ir.Output{Name: out.Name, Value: o.value})
	}
	in.biases()
	return nil
}

// input makes the model's input the graph's.
func (in *importer) input() error {
	var inputs []ValueInfo
	for _, i := range in.model.Graph.Inputs {
		if _, isWeight := in.operands[i.Name]; !isWeight {
			inputs = append(inputs, i)
		}
	}
	if len(inputs) != 1 {
		return fmt.Errorf("the model has %d inputs; expected one, the clip", len(inputs))
	}
	i := inputs[0]
	if i.Type != Float {
		return fmt.Errorf("input %q holds %v; expected %v", i.Name, i.Type, Float)
	}
	if len(i.Dims) != 4 && len(i.Dims) != 5 {
		return fmt.Errorf("input %q has %d dimensions; expected N x C x T x H x W, or N x C x H x W", i.Name, len(i.Dims))
	}
	dims := []int64{1} // clips at a time, where the model leaves their number open
	if n := i.Dims[0].Size; n > 0 {
		dims[0] = n
	}
	for _, d := range i.Dims[1:] {
		if d.Size < 1 {
			return fmt.Errorf("input %q has the size %s; expected all sizes but the first to be fixed: export the model for one size of clips", i.Name, dimsText(i.Dims))
		}
		dims = append(dims, d.Size)
	}
	if err := checkExtents(dims); err != nil {
		return fmt.Errorf("input %q: %w", i.Name, err)
	}
	s := shapeOf(dims)
	meta, err := inputOf(in.model.Metadata, s)
	if err != nil {
		return fmt.Errorf("the model's metadata: %w", err)
	}
	in.g.Input = meta
	in.operands[i.Name] = operand{value: in.g.AddValue(i.Name, s), dims: dims}
	return nil
}

// dimsText writes an input's size, open dimensions by name.
func dimsText(dims []Dim) string {
	var words []string
	for _, d := range dims {
		switch {
		case d.Size > 0:
			words = append(words, fmt.Sprint(d.Size))
		case d.Name != "":
			words = append(words, d.Name)
		default:
			words = append(words, "?")
		}
	}
	return strings.Join(words, " x ")
}

// shapeOf returns the extents of N x C x T x H x W, N x C x H x W or N x C for
// one clip.
func shapeOf(dims []int64) ir.Shape {
	s := ir.Shape{T: 1, H: 1, W: 1, C: int(dims[1])}
	switch len(dims) {
	case 5:
		s.T, s.H, s.W = int(dims[2]), int(dims[3]), int(dims[4])
	case 4:
		s.H, s.W = int(dims[2]), int(dims[3])
	}
	return s
}

// maxExtent bounds every extent, stride and padding, and maxElements the
// values of a map, so that nothing computed from them overflows.
const (
	maxExtent   = 1 << 20
	maxElements = 1 << 31
)

func checkExtents(dims []int64) error {
	total := int64(1)
	for _, d := range dims {
		if d < 1 || d > maxExtent || total*d > maxElements {
			return fmt.Errorf("the dimensions %v are empty or too large", dims)
		}
		total *= d
	}
	return nil
}

// live reports which nodes the outputs depend on, and counts the reads of
// values by those.
func (in *importer) live() ([]bool, error) {
	nodes := in.model.Graph.Nodes
	producer := map[string]int{}
	for i := range nodes {
		for _, out := range nodes[i].Outputs {
			if out == "" {
				continue
			}
			_, twice := producer[out]
			if _, constant := in.operands[out]; twice || constant {
				return nil, fmt.Errorf("%v: %q is computed a second time", &nodes[i], out)
			}
			producer[out] = i
		}
	}
	live := make([]bool, len(nodes))
	var wanted []string
	for _, out := range in.model.Graph.Outputs {
		wanted = append(wanted, out.Name)
	}
	for len(wanted) > 0 {
		name := wanted[len(wanted)-1]
		wanted = wanted[:len(wanted)-1]
		in.reads[name]++
		if i, ok := producer[name]; ok && !live[i] {
			live[i] = true
			wanted = append(wanted, nodes[i].Inputs...)
		}
	}
	if len(in.model.Graph.Outputs) == 0 {
		return nil, errors.New("the model has no outputs")
	}
	return live, nil
}

// node imports one node.
func (in *importer) node(n *Node) error {
	op, ok := operators[n.Op]
	if !ok || !n.standard() {
		names := slices.Sorted(maps.Keys(operators))
		return fmt.Errorf("the operator is not supported; networks can be made of %s", strings.Join(names, ", "))
	}
	known := strings.Fields(op.attrs)
	for i, a := range n.Attrs {
		if !slices.Contains(known, a.Name) {
			return fmt.Errorf("the attribute %q is not supported", a.Name)
		}
		if n.attr(a.Name) != &n.Attrs[i] {
			return fmt.Errorf("the attribute %q is given twice", a.Name)
		}
	}
	inputs := make([]operand, len(n.Inputs))
	for i, name := range n.Inputs {
		o, ok := in.operands[name]
		if name != "" && !ok {
			return fmt.Errorf("its input %q is not there: no node before it computes it", name)
		}
		inputs[i] = o
	}
	if len(inputs) < op.min || len(inputs) > op.max {
		return fmt.Errorf("it has %d inputs; expected %d to %d", len(inputs), op.min, op.max)
	}
	for i := range op.min {
		if n.Inputs[i] == "" {
			return fmt.Errorf("its input %d is left out", i)
		}
	}
	if len(n.Outputs) == 0 || n.Outputs[0] == "" || slices.ContainsFunc(n.Outputs[1:], func(s string) bool { return in.reads[s] > 0 && s != "" }) {
		return errors.New("expected it to have one output that is read, the first")
	}
	result, err := op.run(in, n, inputs)
	if err != nil {
		return err
	}
	in.operands[n.Outputs[0]] = result
	return nil
}

// emit appends an op and returns its result. dims are those of the result in
// the model.
func (in *importer) emit(n *Node, a ir.Attr, dims []int64, values ...ir.ValueID) (operand, error) {
	if err := checkExtents(dims); err != nil {
		return operand{}, err
	}
	v := in.g.AddValue(n.String(), shapeOf(dims))
	in.g.Ops = append(in.g.Ops, ir.Op{Name: n.String(), Attr: a, In: values, Out: v})
	return operand{value: v, dims: dims}, nil
}
