package describe

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// matcher pairs the ops of two graphs that compute the same. Sums may have
// their operands in either order, and names may differ.
type matcher struct {
	want, got *side
	pairs     map[*ir.Op]*ir.Op
	params    []ir.ParamID // got's by want's
}

// side is a graph and what is known of its values.
type side struct {
	*ir.Graph
	by   map[ir.ValueID]*ir.Op // what computes each value
	hash []uint64              // equal for values that are computed alike
}

func newSide(g *ir.Graph) *side {
	s := &side{Graph: g, by: map[ir.ValueID]*ir.Op{}, hash: make([]uint64, len(g.Values))}
	for i := range g.Ops {
		op := &g.Ops[i]
		s.by[op.Out] = op
		var in []uint64
		for _, v := range op.In {
			in = append(in, s.hash[v])
		}
		slices.Sort(in)
		h := fnv.New64a()
		fmt.Fprintf(h, "%T %+v %x", op.Attr, bare(op.Attr), in)
		s.hash[op.Out] = h.Sum64()
	}
	return s
}

// match pairs each op of a lowered graph with one of a graph that is to compute
// the same, from their last results on. An error names the first op of got that
// is another.
func match(want, got *ir.Graph) (*matcher, error) {
	m := &matcher{
		want: newSide(want), got: newSide(got),
		pairs:  map[*ir.Op]*ir.Op{},
		params: make([]ir.ParamID, len(want.Params)),
	}
	for i := range m.params {
		m.params[i] = ir.NoParam
	}
	err := m.value(want.Ops[len(want.Ops)-1].Out, got.Ops[len(got.Ops)-1].Out)
	if err == nil {
		err = m.complete()
	}
	return m, err
}

// value pairs what computes two values.
func (m *matcher) value(want, got ir.ValueID) error {
	w, g := m.want.by[want], m.got.by[got]
	switch {
	case w == nil && g == nil:
		if a, b := m.want.Values[want].Shape, m.got.Values[got].Shape; a != b {
			return fmt.Errorf("the input has the size %v, and the description's %v", b, a)
		}
		return nil
	case w == nil:
		return errAt(g, "the description has nothing in its place")
	case g == nil:
		return fmt.Errorf("the description has %s where the network has its input", opText(w.Attr))
	}
	if paired, ok := m.pairs[w]; ok {
		if paired != g {
			return errAt(g, "found where the description has the result of %s once more", paired.Name)
		}
		return nil
	}
	if err := m.op(w, g); err != nil {
		return err
	}
	m.pairs[w] = g
	return nil
}

// op pairs two ops, after what they read: the first difference is reported.
func (m *matcher) op(w, g *ir.Op) error {
	differ := errAt(g, "found %s where the description, as far as it can say it, has %s", opText(g.Attr), opText(w.Attr))
	if reflect.TypeOf(w.Attr) != reflect.TypeOf(g.Attr) {
		return differ
	}
	in := g.In
	if len(in) == 2 && m.crossed(w.In, in) {
		in = []ir.ValueID{in[1], in[0]}
	}
	for i, v := range w.In {
		if err := m.value(v, in[i]); err != nil {
			return err
		}
	}
	if !reflect.DeepEqual(bare(w.Attr), bare(g.Attr)) {
		return differ
	}
	wp, gp := ir.Params(w.Attr), ir.Params(g.Attr)
	for i := range wp {
		if a, b := m.want.Params[wp[i]], m.got.Params[gp[i]]; a.Elems() != b.Elems() {
			return errAt(g, "its parameter %s has %d values, and the description's %d", b.Name, b.Elems(), a.Elems())
		}
		m.params[wp[i]] = gp[i]
	}
	return nil
}

// crossed reports whether two sums have their operands in opposite order.
func (m *matcher) crossed(w, g []ir.ValueID) bool {
	a, b := [2]uint64{m.want.hash[w[0]], m.want.hash[w[1]]}, [2]uint64{m.got.hash[g[0]], m.got.hash[g[1]]}
	return a[0] != b[0] && a[1] != b[1] && (a[0] == b[1] || a[1] == b[0])
}

// bare returns a function without its parameters, but for whether it has them.
func bare(a ir.Attr) ir.Attr {
	switch a := a.(type) {
	case ir.Conv:
		a.Weight, a.Bias = 0, min(a.Bias, 0)
		return a
	case ir.BatchNorm:
		return ir.BatchNorm{Epsilon: a.Epsilon}
	case ir.Linear:
		a.Weight, a.Bias = 0, min(a.Bias, 0)
		return a
	}
	return a
}

// complete checks that no op of either graph is left over.
func (m *matcher) complete() error {
	paired := map[*ir.Op]bool{}
	for _, g := range m.pairs {
		paired[g] = true
	}
	for i := range m.got.Ops {
		if g := &m.got.Ops[i]; !paired[g] {
			return errAt(g, "the description has nothing in its place")
		}
	}
	for id, p := range m.params {
		if p == ir.NoParam {
			panic("BUG: nothing pairs with the parameter " + m.want.Params[id].Name)
		}
	}
	return nil
}

// opText names a function in messages.
func opText(a ir.Attr) string {
	switch a := a.(type) {
	case ir.Conv:
		with := "without bias"
		if a.Bias != ir.NoParam {
			with = "with bias"
		}
		return fmt.Sprintf("a convolution to %d channels, kernel/stride/pad %v, %s", a.Out, a.Window, with)
	case ir.BatchNorm:
		return fmt.Sprintf("a batch norm with epsilon %g", a.Epsilon)
	case ir.ReLU:
		return "a ReLU"
	case ir.Add:
		return "a sum"
	case ir.Pool:
		return fmt.Sprintf("a pool of the %s, window/stride/pad %v", a.Kind, a.Window)
	case ir.Linear:
		return fmt.Sprintf("a linear layer to %d values", a.Out)
	case ir.Flatten:
		return "flatten"
	case ir.Softmax:
		return "softmax"
	}
	panic(fmt.Sprintf("BUG: %T in a description", a))
}
