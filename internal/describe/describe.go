package describe

import (
	"errors"
	"fmt"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// Description is a network in the language.
type Description struct {
	Network *dsl.Network
	Text    []byte       // the network in canonical form
	Graph   *ir.Graph    // what the network lowers to
	Params  []ir.ParamID // for each parameter of Graph, that of the graph described
}

// Describe describes a graph as package onnx imports it, in topological order,
// all of whose ops lead to its last one. The network gets the given name,
// cleaned up.
//
// A graph that is no network of stages, or has what the language cannot say,
// gives an error that names the op.
func Describe(g *ir.Graph, name string) (*Description, error) {
	if len(g.Ops) == 0 {
		return nil, errors.New("the graph computes nothing")
	}
	r := reader{g: g, readers: map[ir.ValueID][]*ir.Op{}}
	for i := range g.Ops {
		for _, v := range g.Ops[i].In {
			r.readers[v] = append(r.readers[v], &g.Ops[i])
		}
	}
	layers, err := r.trunk()
	if err != nil {
		return nil, err
	}
	w := writer{g: g, layers: layers}
	if err := w.network(name); err != nil {
		return nil, err
	}
	return w.check()
}

// check lowers what was written and compares it with the graph.
func (w *writer) check() (*Description, error) {
	n, err := dsl.Parse("description", []byte(w.text.String()))
	if err != nil {
		return nil, fmt.Errorf("the description would be wrong: %v", err)
	}
	d := &Description{Network: n, Text: dsl.Format(n)}
	if d.Graph, err = dsl.Lower(n); err != nil {
		return nil, fmt.Errorf("the description would be wrong: %v", err)
	}
	m, err := match(d.Graph, w.g)
	if err != nil {
		return nil, err
	}
	d.Params = m.params
	return d, m.outputs()
}

// outputs checks that what the given graph returns, a description returns.
func (m *matcher) outputs() error {
	for _, got := range m.got.Outputs {
		found := false
		for _, want := range m.want.Outputs {
			found = found || m.pairs[m.want.by[want.Value]] == m.got.by[got.Value]
		}
		if !found {
			return fmt.Errorf("the output %q is the result of %s; a description returns features, logits and probabilities", got.Name, m.got.by[got.Value].Name)
		}
	}
	return nil
}
