package onnx

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/p3dc/p3dc/ir"
)

// What exported models ask of a runtime: operators that every current one has.
const (
	exportIR    = 8
	exportOpset = 17
)

// Clip is the name of an exported model's input.
const Clip = "clip"

// ExportOptions are what the graph does not say of a model.
type ExportOptions struct {
	Batch   int    // clips at a time; 0 leaves their number open
	Version string // of the tool
}

// Export returns a lowered graph as a model, layer by layer as PyTorch would
// run it: a convolution, its batch norm and its ReLU are nodes of their own,
// and dropout is none. weights are by parameter name, shaped as the graph
// says. The model refers to them.
//
// Its input is N x C x T x H x W, preprocessed; what the preprocessing is, its
// metadata say. The outputs are those of the graph, N x C each, scores before
// features. Parameters keep their names.
//
// A parameter that weights lacks or has with another number of values is an
// error. A graph that passes have changed is a fault of the caller and panics.
func Export(g *ir.Graph, weights map[string][]float32, o ExportOptions) (*Model, error) {
	checkLowered(g)
	e := &exporter{
		g: g, weights: weights, batch: Dim{Size: int64(o.Batch)},
		maps: make([]string, len(g.Values)), vectors: make([]string, len(g.Values)),
		taken: map[string]bool{Clip: true},
		model: &Model{
			IRVersion: exportIR, Opset: exportOpset, Producer: "p3dc", Version: o.Version,
			Graph: Graph{Name: g.Name}, Metadata: inputMetadata(g.Input),
		},
	}
	if o.Batch == 0 {
		e.batch.Name = "N"
	}
	if err := e.params(); err != nil {
		return nil, err
	}
	for _, out := range g.Outputs {
		e.taken[out.Name] = true
	}
	e.maps[0] = Clip
	e.model.Graph.Inputs = []ValueInfo{e.info(Clip, g.Input.Shape)}
	for i := range g.Ops {
		e.op(&g.Ops[i])
	}
	e.outputs()
	return e.model, nil
}

// exporter appends nodes to a model.
type exporter struct {
	g       *ir.Graph
	weights map[string][]float32
	batch   Dim
	model   *Model
	maps    []string // by ValueID, the name of N x C x T x H x W; empty if there is none
	vectors []string // by ValueID, the name of N x C
	taken   map[string]bool
}

// params makes the parameters initializers.
func (e *exporter) params() error {
	for _, p := range usedParams(e.g) {
		values, ok := e.weights[p.Name]
		if !ok {
			return fmt.Errorf("parameter %s is missing from the weights", p.Name)
		}
		if len(values) != p.Elems() {
			return fmt.Errorf("parameter %s has %d values, needs %d (shape %v)", p.Name, len(values), p.Elems(), p.Shape)
		}
		e.taken[p.Name] = true
		e.model.Graph.Initializers = append(e.model.Graph.Initializers, Tensor{
			Name: p.Name, Type: Float, Dims: paramDims(p.Shape), Floats: values,
		})
	}
	return nil
}

// CheckSize is an error where a graph's weights alone are more than a model can
// hold, 2 GiB. It is for before they are made or read: what the nodes add, only
// [Model.Encode] knows.
func CheckSize(g *ir.Graph) error {
	size := int64(0)
	for _, p := range usedParams(g) {
		size += 4 * int64(p.Elems())
	}
	if size > maxModel {
		return fmt.Errorf("the weights take %d bytes; expected less than %d, which is all that an ONNX model can have: use fewer channels or classes", size, maxModel)
	}
	return nil
}

// usedParams returns the parameters that ops read, in the graph's order.
func usedParams(g *ir.Graph) (list []ir.Param) {
	used := make([]bool, len(g.Params))
	for i := range g.Ops {
		for _, id := range ir.Params(g.Ops[i].Attr) {
			used[id] = true
		}
	}
	for i, p := range g.Params {
		if used[i] {
			list = append(list, p)
		}
	}
	return list
}

// paramDims returns a parameter's dimensions, those of a two-dimensional
// convolution with the axis for time that ONNX wants of it.
func paramDims(shape []int) []int64 {
	var dims []int64
	for i, d := range shape {
		if i == 2 && len(shape) == 4 {
			dims = append(dims, 1)
		}
		dims = append(dims, int64(d))
	}
	return dims
}

// info describes a value N x C x T x H x W.
func (e *exporter) info(name string, s ir.Shape) ValueInfo {
	dims := []Dim{e.batch}
	for _, d := range []int{s.C, s.T, s.H, s.W} {
		dims = append(dims, Dim{Size: int64(d)})
	}
	return ValueInfo{Name: name, Type: Float, Dims: dims}
}

// free returns a name for a value: that which is asked for, or one like it.
func (e *exporter) free(name string) string {
	free := name
	for i := 2; e.taken[free]; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	e.taken[free] = true
	return free
}

// add appends a node and returns the name of its result.
func (e *exporter) add(op, name, result string, inputs []string, attrs ...Attr) string {
	e.model.Graph.Nodes = append(e.model.Graph.Nodes, Node{
		Name: name, Op: op, Inputs: inputs, Outputs: []string{result}, Attrs: attrs,
	})
	return result
}

// layer appends a node for an op on maps.
func (e *exporter) layer(kind string, op *ir.Op, inputs []string, attrs ...Attr) {
	e.maps[op.Out] = e.add(kind, op.Name, e.free(op.Name), inputs, attrs...)
}

// head appends a node for an op on vectors. What the network returns has the
// output's name.
func (e *exporter) head(kind string, op *ir.Op, inputs []string, attrs ...Attr) {
	e.vectors[op.Out] = e.add(kind, op.Name, e.vectorName(op.Out, op.Name), inputs, attrs...)
}

// vectorName returns the name for value v as a vector.
func (e *exporter) vectorName(v ir.ValueID, name string) string {
	for _, out := range e.g.Outputs {
		if out.Value == v {
			return out.Name
		}
	}
	return e.free(name)
}

// vector returns the name of value v as N x C.
func (e *exporter) vector(v ir.ValueID) string {
	if e.vectors[v] == "" {
		name := e.g.Values[v].Name + ".flat"
		e.vectors[v] = e.add("Flatten", name, e.vectorName(v, name), []string{e.maps[v]}, intAttr("axis", 1))
	}
	return e.vectors[v]
}

// outputs declares what the network returns, the last layer's result first.
func (e *exporter) outputs() {
	for _, out := range slices.Backward(e.g.Outputs) {
		s := e.g.Values[out.Value].Shape
		if s.Pixels() != 1 {
			panic(fmt.Sprintf("BUG: export of the output %s of shape %v", out.Name, s))
		}
		if name := e.vector(out.Value); name != out.Name { // one value under two names
			e.add("Identity", out.Name, out.Name, []string{name})
		}
		e.model.Graph.Outputs = append(e.model.Graph.Outputs, ValueInfo{
			Name: out.Name, Type: Float, Dims: []Dim{e.batch, {Size: int64(s.C)}},
		})
	}
}

// param returns a parameter's name.
func (e *exporter) param(id ir.ParamID) string { return e.g.Params[id].Name }

func (e *exporter) op(op *ir.Op) {
	in := op.In[0]
	switch a := op.Attr.(type) {
	case ir.Conv:
		inputs := []string{e.maps[in], e.param(a.Weight)}
		if a.Bias != ir.NoParam {
			inputs = append(inputs, e.param(a.Bias))
		}
		e.layer("Conv", op, inputs, windowAttrs(a.Window, [3]int{a.T.Pad, a.H.Pad, a.W.Pad})...)
	case ir.BatchNorm:
		inputs := []string{e.maps[in], e.param(a.Gamma), e.param(a.Beta), e.param(a.Mean), e.param(a.Var)}
		e.layer("BatchNormalization", op, inputs, Attr{Name: "epsilon", Type: AttrFloat, Float: float32(a.Epsilon)})
	case ir.ReLU:
		if e.maps[in] == "" {
			e.head("Relu", op, []string{e.vectors[in]})
		} else {
			e.layer("Relu", op, []string{e.maps[in]})
		}
	case ir.Add:
		e.layer("Add", op, []string{e.maps[in], e.maps[op.In[1]]})
	case ir.Pool:
		kind, attrs := pool(a, e.g.Values[in].Shape)
		e.layer(kind, op, []string{e.maps[in]}, attrs...)
	case ir.Flatten:
		e.head("Flatten", op, []string{e.maps[in]}, intAttr("axis", 1))
	case ir.Dropout:
		e.maps[op.Out], e.vectors[op.Out] = e.maps[in], e.vectors[in]
	case ir.Linear:
		inputs := []string{e.vector(in), e.param(a.Weight)}
		if a.Bias != ir.NoParam {
			inputs = append(inputs, e.param(a.Bias))
		}
		e.head("Gemm", op, inputs, intAttr("transB", 1))
	case ir.Softmax:
		e.head("Softmax", op, []string{e.vector(in)}, intAttr("axis", 1))
	default:
		panic(fmt.Sprintf("BUG: %s: export of %T", op.Name, a))
	}
}

// checkLowered panics where a graph is not as Lower makes it.
func checkLowered(g *ir.Graph) {
	for _, op := range g.Ops {
		conv, ok := op.Attr.(ir.Conv)
		if ok && conv.Norm != nil || slices.ContainsFunc(op.Epi, func(s ir.EpiStep) bool { return s.Kind != ir.EpiBias }) {
			panic("BUG: export of a graph after its passes: " + op.Name)
		}
	}
}
