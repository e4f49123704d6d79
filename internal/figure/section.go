package figure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// section is a part of the network that is drawn together: what leads to the
// first stage, a stage and the pools behind it, the head.
type section struct {
	name   string
	about  string   // beside the name
	shape  ir.Shape // of the maps that are shown
	items  []item
	params int
	flops  int64
}

// item is a box of a section: a residual block or a single layer.
type item struct {
	kind    *kind // of a block; nil of a layer
	lines   []string
	below   string // under the box
	about   string // under the pointer
	pool    bool
	project bool // a block's shortcut is a convolution
}

// reader makes the sections of a graph as lowered.
type reader struct {
	g        *ir.Graph
	makers   map[ir.ValueID]*ir.Op
	kinds    []*kind // in the order in which they first come up
	sections []*section
	// single is the first op of those at the end whose results have a single
	// position; the head begins with it, or with the first layer behind the
	// blocks where it is part of one.
	single   *ir.Op
	approach bool // the head begins with the next layer
	normed   bool // blocks have batch norms
}

// newReader reads a graph. Ops of one position in the description belong
// together.
func newReader(g *ir.Graph) *reader {
	r := &reader{g: g, makers: map[ir.ValueID]*ir.Op{}}
	in := &section{name: "input", about: g.Input.Order.String(), shape: g.Input.Shape}
	r.sections = []*section{in}
	for i := range g.Ops {
		r.makers[g.Ops[i].Out] = &g.Ops[i]
	}
	for i := len(g.Ops) - 1; i >= 0 && r.shape(&g.Ops[i]).Pixels() == 1; i-- {
		r.single = &g.Ops[i]
	}
	for i := 0; i < len(g.Ops); {
		var ops []*ir.Op
		for first := g.Ops[i].Pos; i < len(g.Ops) && g.Ops[i].Pos == first; i++ {
			ops = append(ops, &g.Ops[i])
		}
		r.statement(ops)
	}
	return r
}

// attr returns what computes a value, nil for the input.
func (r *reader) attr(v ir.ValueID) ir.Attr {
	if op := r.makers[v]; op != nil {
		return op.Attr
	}
	return nil
}

func (r *reader) shape(op *ir.Op) ir.Shape { return r.g.Values[op.Out].Shape }

// statement adds the ops of one statement to the last section, or to one of
// their own.
func (r *reader) statement(ops []*ir.Op) {
	r.approach = r.approach || slices.Contains(ops, r.single)
	blocks, rest := r.blocks(ops)
	if len(blocks) > 0 {
		last := blocks[len(blocks)-1]
		shape := r.shape(last.ops[len(last.ops)-1])
		r.sections = append(r.sections, &section{
			name:  r.name(last.ops[len(last.ops)-1], fmt.Sprintf("stage %d", r.stages()+1)),
			about: fmt.Sprintf("width %d", last.width()),
			shape: shape,
		})
		for i, b := range blocks {
			r.addBlock(b, i)
		}
	}
	for len(rest) > 0 {
		n := 1
		for n < len(rest) && elementwise(rest[n].Attr) {
			n++
		}
		r.layer(rest[:n])
		rest = rest[n:]
	}
}

// elementwise reports whether an op belongs to the layer before it.
func elementwise(a ir.Attr) bool {
	switch a.(type) {
	case ir.BatchNorm, ir.ReLU, ir.Add:
		return true
	}
	return false
}

// stages returns how many sections have blocks.
func (r *reader) stages() int {
	n := 0
	for _, s := range r.sections {
		if len(s.items) > 0 && s.items[0].kind != nil {
			n++
		}
	}
	return n
}

// name returns how the network calls the value of an op, or else another name.
func (r *reader) name(op *ir.Op, other string) string {
	for _, t := range r.g.Taps {
		if t.Value == op.Out {
			return t.Name
		}
	}
	return other
}

// last is the section that is being filled.
func (r *reader) last() *section { return r.sections[len(r.sections)-1] }

// count adds an op's parameters and operations to the last section, and returns
// them.
func (r *reader) count(ops ...*ir.Op) (params int, flops int64) {
	for _, op := range ops {
		params += r.g.OpParams(op)
		flops += r.g.FLOPs(op)
	}
	r.last().params += params
	r.last().flops += flops
	return params, flops
}

// addBlock adds the block with a number from 0 to the last section.
func (r *reader) addBlock(b *block, i int) {
	k := newKind(b.main)
	at := slices.IndexFunc(r.kinds, func(o *kind) bool {
		return o.name == k.name && o.main.signature() == k.main.signature()
	})
	if at < 0 {
		at = len(r.kinds)
		r.kinds = append(r.kinds, k)
	}
	r.normed = r.normed || slices.ContainsFunc(b.ops, func(op *ir.Op) bool { _, ok := op.Attr.(ir.BatchNorm); return ok })
	params, flops := r.count(b.ops...)
	last := b.ops[len(b.ops)-1]
	before, after := r.g.Values[b.entry].Shape, r.shape(last)
	it := item{
		kind:    r.kinds[at],
		lines:   []string{r.kinds[at].letter},
		below:   b.stride(),
		project: b.project != nil,
		about: fmt.Sprintf("%s, block %d: %s to %s, %s", r.last().name, i+1, units.Shape(before),
			units.Shape(after), work(params, flops)),
	}
	if n := strings.LastIndexByte(last.Name, '.'); n > 0 {
		it.about = last.Name[:n] + ": " + it.about
	}
	r.last().items = append(r.last().items, it)
}

// work says how much is trained and computed.
func work(params int, flops int64) string {
	return fmt.Sprintf("%s parameters, %sFLOPs", units.Count(params), spaced(flops))
}

// spaced formats a number of operations so that FLOPs may follow.
func spaced(flops int64) string {
	s := units.Count(flops)
	if flops < 1e3 {
		s += " "
	}
	return s
}

// layer adds an op outside of blocks, with the elementwise ones behind it, to the
// last section: a new one where the head begins, and where after a pool the
// convolutions go on.
func (r *reader) layer(ops []*ir.Op) {
	op, shape := ops[0], r.shape(ops[len(ops)-1])
	it := item{about: op.Name + ": " + units.Shape(shape), below: units.Shape(shape)}
	resumed := false
	switch a := op.Attr.(type) {
	case ir.Conv:
		it.lines = []string{fmt.Sprintf("conv %d", a.Out), units.Window(a.Window)}
		s := r.last()
		resumed = len(s.items) > 0 && s.items[len(s.items)-1].pool
	case ir.Pool:
		it.lines, it.pool = []string{a.Kind.String() + " pool", poolWindow(a.Window)}, true
	case ir.Flatten:
		it.lines = []string{"flatten"}
	case ir.Linear:
		it.lines = []string{"linear", fmt.Sprint(a.Out)}
	case ir.Dropout:
		it.lines = []string{"dropout", fmt.Sprint(a.Rate)}
	case ir.Softmax:
		it.lines = []string{"softmax"}
	case ir.BatchNorm:
		it.lines = []string{"batch norm"}
	case ir.ReLU:
		it.lines = []string{"ReLU"}
	case ir.Add:
		it.lines = []string{"add"}
	default:
		panic(fmt.Sprintf("BUG: a graph with %T", a))
	}
	switch {
	case r.approach:
		r.sections = append(r.sections, &section{name: "head", shape: shape})
		r.approach, r.single = false, nil
	case resumed:
		r.sections = append(r.sections, &section{name: r.name(ops[len(ops)-1], op.Name), shape: shape})
	}
	if params, flops := r.count(ops...); params > 0 {
		it.about += ", " + work(params, flops)
	}
	r.last().items = append(r.last().items, it)
}

// poolWindow formats a pool's window, with its stride where that is not the
// window itself.
func poolWindow(w ir.Window) string {
	if w.T.Stride == w.T.Kernel && w.H.Stride == w.H.Kernel && w.W.Stride == w.W.Kernel {
		w.T.Stride, w.H.Stride, w.W.Stride = 1, 1, 1
	}
	return units.Window(w)
}
