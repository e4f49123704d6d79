package dsl

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// Lower builds the graph that a network describes: convolution, batch norm,
// ReLU, addition, pool, flatten, dropout, linear and softmax each an op of its
// own.
//
// Parameters stand in the order of the modules, a block's projection last, as
// in a state dict. The outputs are features (of the layer that says so, or what
// the head's first layer reads), logits (with a linear layer) and probabilities
// (with softmax); the taps are the named layers. The error is an [ErrorList].
func Lower(n *Network) (*ir.Graph, error) {
	if errs := check(n); len(errs) > 0 {
		return nil, errs.err()
	}
	l := newLowerer(n)
	for _, layer := range list[Layer](n) {
		l.layer(layer)
	}
	if l.g.Outputs == nil {
		l.output(outFeatures)
	}
	if len(l.errs) > 0 {
		return nil, l.errs.err()
	}
	if err := l.g.Verify(); err != nil {
		panic(fmt.Sprintf("BUG: %s lowers to a graph that is not well formed: %v", n.Name, err))
	}
	return l.g, nil
}

// lowerer appends to the graph. Each method for a layer reads the current
// value and leaves its result as the current value.
type lowerer struct {
	n    *Network
	g    *ir.Graph
	cur  ir.ValueID
	pos  ir.Pos // of the statement being lowered
	errs ErrorList

	names   namer
	epsilon float64
	blocks  *Blocks
	mixing  mixing
	scores  *Linear // the last linear layer, if there is one
	marked  bool    // whether a layer says that its results are the features

	convs   int // layers so far, by what numbers their names
	slots   int
	pools   int
	flats   int
	drops   int
	linears int
	stages  int

	paramAt map[string]ir.Pos
	opAt    map[string]ir.Pos
}

func newLowerer(n *Network) *lowerer {
	in := only[*Input](n)
	l := &lowerer{
		n:       n,
		g:       &ir.Graph{Name: n.Name, Input: in.lower()},
		names:   newNamer(only[*Names](n)),
		epsilon: DefaultEpsilon,
		blocks:  only[*Blocks](n),
		mixing:  mixing{blocks: only[*Blocks](n)},
		paramAt: map[string]ir.Pos{},
		opAt:    map[string]ir.Pos{},
	}
	if b := only[*BatchNorm](n); b != nil {
		l.epsilon = b.Epsilon
	}
	for _, linear := range list[*Linear](n) {
		l.scores = linear
		l.marked = l.marked || linear.Features
	}
	l.cur = l.g.AddValue("input", l.g.Input.Shape)
	return l
}

// lower fills in the preprocessing's defaults.
func (in *Input) lower() ir.Input {
	out := ir.Input{
		Shape:       ir.Shape{T: in.T, H: in.H, W: in.W, C: in.C},
		Order:       in.Order,
		Scale:       1.0 / 255,
		Mean:        make([]float64, in.C),
		Std:         make([]float64, in.C),
		ResizeShort: in.resizeShort(),
	}
	for i := range out.Std {
		out.Std[i] = 1
	}
	if s := in.setting("range"); s != nil {
		out.Scale = s.Values[1] / 255
	}
	if s := in.setting("mean"); s != nil {
		copy(out.Mean, s.Values)
	}
	if s := in.setting("std"); s != nil {
		copy(out.Std, s.Values)
	}
	return out
}

// resizeShort returns the short side to which frames are resized, in pixels,
// rounded down; 0 if they are not.
func (in *Input) resizeShort() int {
	s := in.setting("resize")
	switch {
	case s == nil:
		return 0
	case len(s.Values) == 2:
		return min(in.H, in.W) * int(s.Values[0]) / int(s.Values[1])
	}
	return int(s.Values[0])
}

func (l *lowerer) layer(layer Layer) {
	l.pos = layer.node().Pos
	switch layer := layer.(type) {
	case *Conv:
		l.convs++
		l.convLayer(layer)
	case *Pool:
		l.pools++
		l.slots++
		p := layer.pool(l.shape(l.cur))
		l.cur = l.emit(fmt.Sprintf("pool%d", l.pools), p, p.OutShape(l.shape(l.cur)), l.cur)
	case *Stage:
		l.stages++
		l.stage(layer)
	case *Flatten:
		l.flats++
		s := l.shape(l.cur)
		l.cur = l.emit(fmt.Sprintf("flatten%d", l.flats), ir.Flatten{}, ir.Shape{T: 1, H: 1, W: 1, C: s.Elems()}, l.cur)
	case *Dropout:
		l.features()
		l.drops++
		l.cur = l.emit(fmt.Sprintf("dropout%d", l.drops), ir.Dropout{Rate: layer.Rate}, l.shape(l.cur), l.cur)
	case *Linear:
		l.features()
		l.linear(layer)
	case *Softmax:
		l.cur = l.emit("softmax", ir.Softmax{}, l.shape(l.cur), l.cur)
		l.output(outProbabilities)
	}
	if name, _ := tap(layer); name != "" {
		l.g.Taps = append(l.g.Taps, ir.Output{Name: name, Value: l.cur})
	}
}

// features makes the current value the features, if it is the first one that
// a layer of the head reads, and none is marked as such.
func (l *lowerer) features() {
	if !l.marked && l.g.Outputs == nil && l.shape(l.cur).Pixels() == 1 {
		l.output(outFeatures)
	}
}

// output names the current value as an output.
func (l *lowerer) output(name string) {
	l.g.Outputs = append(l.g.Outputs, ir.Output{Name: name, Value: l.cur})
}

// convLayer lowers a convolution outside of the stages.
func (l *lowerer) convLayer(c *Conv) {
	path := l.layerName("conv", l.convs, c.As, l.slots)
	l.slots++
	in, flat := l.shape(l.cur).C, c.Kernel.plane
	if c.Bias {
		l.cur = l.biased(path, c.Out, in, c.window(), flat)(l.cur)
	} else {
		norm := l.layerName("conv-norm", l.convs, c.As, l.slots)
		l.slots++
		l.cur = l.conv(l.module(path, norm, c.Out, in, c.window(), flat), l.cur)
	}
	l.cur = l.relu(path+".relu", l.cur)
	l.slots++
}

func (l *lowerer) linear(layer *Linear) {
	l.linears++
	path := l.layerName("linear", l.linears, layer.As, l.slots)
	in := l.shape(l.cur).C
	a := ir.Linear{
		Out:    layer.Out,
		Weight: l.param(ir.RoleWeight, path, layer.Out, in),
		Bias:   l.param(ir.RoleBias, path, layer.Out),
	}
	l.cur = l.emit(path, a, ir.Shape{T: 1, H: 1, W: 1, C: layer.Out}, l.cur)
	l.addBias()
	if layer.ReLU {
		l.cur = l.relu(path+".relu", l.cur)
	}
	if layer.Features {
		l.output(outFeatures)
	}
	if layer == l.scores {
		l.output(outLogits)
	}
}

// addBias makes the last op add its bias.
func (l *lowerer) addBias() { l.g.Ops[len(l.g.Ops)-1].Epi = []ir.EpiStep{{Kind: ir.EpiBias}} }

// layerName returns the name of the module of a layer outside of stages: the
// n-th of its like, called so by its text, in a place among all modules.
func (l *lowerer) layerName(key string, n int, as string, slot int) string {
	if as == "" && l.names.uses(key, "name") {
		l.fault("the names clause calls %s layers by their own names, and this one has none; add `as` and a name", key)
	}
	return l.names.name(key, n, as, slot)
}

// blockName returns the name of a stage's block by its index from 0.
func (l *lowerer) blockName(s *Stage, index int) string {
	number := s.number()
	if number == "" && l.names.uses("block", "number") {
		l.fault("the names clause calls blocks by the number at the end of their stage's name, and %s has none; expected a name such as res2", s.Name)
	}
	return l.names.name("block", s.Name, l.stages, index, number, letter(index, s.Blocks))
}

// fault reports what is wrong with a name, at the statement being lowered, once.
func (l *lowerer) fault(format string, args ...any) {
	if len(l.errs) == 0 {
		l.errs = append(l.errs, l.n.src.error(l.pos, format, args...))
	}
}

// emit appends an op and returns its value.
func (l *lowerer) emit(name string, a ir.Attr, out ir.Shape, in ...ir.ValueID) ir.ValueID {
	l.unique(l.opAt, "operation", name)
	v := l.g.AddValue(name, out)
	l.g.Ops = append(l.g.Ops, ir.Op{Name: name, Attr: a, In: in, Out: v, Pos: l.pos})
	return v
}

func (l *lowerer) relu(name string, x ir.ValueID) ir.ValueID {
	return l.emit(name, ir.ReLU{}, l.shape(x), x)
}

func (l *lowerer) add(name string, x, y ir.ValueID) ir.ValueID {
	return l.emit(name, ir.Add{}, l.shape(x), x, y)
}

func (l *lowerer) shape(v ir.ValueID) ir.Shape { return l.g.Values[v].Shape }

// param appends a parameter of a module. Its key in the names clause is its
// role's name.
func (l *lowerer) param(role ir.Role, module string, shape ...int) ir.ParamID {
	name := l.names.name(role.String(), module)
	l.unique(l.paramAt, "parameter", name)
	id := l.g.AddParam(name, shape...)
	l.g.Params[id].Role = role
	return id
}

// unique reports a name that is taken, with the statement that took it.
func (l *lowerer) unique(taken map[string]ir.Pos, what, name string) {
	if first, ok := taken[name]; ok {
		advice := "change the templates of the names clause"
		names := only[*Names](l.n)
		if first == l.pos && l.blocks != nil && l.blocks.Form == Basic && (names == nil || names.Scheme == "" || names.Scheme == DefaultNames) {
			advice = "for basic blocks write `names torchvision-video`"
		}
		l.fault("two %ss are called %s, the first in the statement at %v; expected names of their own: %s", what, shorten(name), first, advice)
	}
	taken[name] = l.pos
}

// module is a convolution with batch norm and its parameters.
type module struct {
	path, normPath string
	conv           ir.Conv
	norm           ir.BatchNorm
}

// bareConv appends the weight of a convolution. A flat one's has no axis for
// time.
func (l *lowerer) bareConv(path string, out, in int, w ir.Window, flat bool) ir.Conv {
	weight := []int{out, in, w.T.Kernel, w.H.Kernel, w.W.Kernel}
	if flat {
		weight = []int{out, in, w.H.Kernel, w.W.Kernel}
	}
	return ir.Conv{Window: w, Out: out, Weight: l.param(ir.RoleWeight, path, weight...), Bias: ir.NoParam}
}

// biased appends the parameters of a convolution with a bias in place of batch
// norm, and returns what emits it.
func (l *lowerer) biased(path string, out, in int, w ir.Window, flat bool) emitter {
	conv := l.bareConv(path, out, in, w, flat)
	conv.Bias = l.param(ir.RoleBias, path, out)
	return func(x ir.ValueID) ir.ValueID {
		y := l.emit(path, conv, conv.Window.Out(l.shape(x), out), x)
		l.addBias()
		return y
	}
}

// module appends the parameters of a convolution and its batch norm.
func (l *lowerer) module(path, normPath string, out, in int, w ir.Window, flat bool) module {
	return module{
		path: path, normPath: normPath,
		conv: l.bareConv(path, out, in, w, flat),
		norm: ir.BatchNorm{
			Gamma:   l.param(ir.RoleGamma, normPath, out),
			Beta:    l.param(ir.RoleBeta, normPath, out),
			Mean:    l.param(ir.RoleMean, normPath, out),
			Var:     l.param(ir.RoleVariance, normPath, out),
			Epsilon: l.epsilon,
		},
	}
}

// conv emits a module's convolution and batch norm on x.
func (l *lowerer) conv(m module, x ir.ValueID) ir.ValueID {
	y := l.emit(m.path, m.conv, m.conv.Window.Out(l.shape(x), m.conv.Out), x)
	return l.emit(m.normPath, m.norm, l.shape(y), y)
}
