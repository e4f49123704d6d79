package describe

import (
	"fmt"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// reader finds layers and blocks in a graph, from its input on.
type reader struct {
	g       *ir.Graph
	readers map[ir.ValueID][]*ir.Op
}

// errAt is what keeps an op from being described.
func errAt(op *ir.Op, format string, args ...any) error {
	return fmt.Errorf("%s: %s", op.Name, fmt.Sprintf(format, args...))
}

// module is a convolution, and the batch norm behind it where it has one.
type module struct {
	op   *ir.Op
	conv ir.Conv
	in   int           // channels
	norm *ir.BatchNorm // nil where it has a bias in its place
	out  ir.ValueID
}

// kernel returns the extents of the module's kernel.
func (m *module) kernel() [3]int {
	return [3]int{m.conv.T.Kernel, m.conv.H.Kernel, m.conv.W.Kernel}
}

// stride returns the module's steps.
func (m *module) stride() [3]int {
	return [3]int{m.conv.T.Stride, m.conv.H.Stride, m.conv.W.Stride}
}

// layer is what one statement of a description says.
type layer struct {
	module *module // a convolution with ReLU
	op     *ir.Op  // a pool, flatten, linear or softmax
	relu   bool    // behind a linear layer
	block  *block
	out    ir.ValueID
}

// trunk returns the layers and blocks of the graph, in order.
func (r *reader) trunk() ([]layer, error) {
	var layers []layer
	for x := ir.ValueID(0); len(r.readers[x]) > 0; {
		l, err := r.layer(x)
		if err != nil {
			return nil, err
		}
		if layers = append(layers, l); len(layers) > dsl.MaxLayers+dsl.MaxBlocks {
			return nil, fmt.Errorf("the network has more layers than a description may have, %d and %d blocks", dsl.MaxLayers, dsl.MaxBlocks)
		}
		x = l.out
	}
	return layers, nil
}

// layer returns the layer that reads x.
func (r *reader) layer(x ir.ValueID) (l layer, err error) {
	all := r.readers[x]
	if len(all) > 1 {
		l.block, err = r.block(x, all)
		if err == nil {
			l.out = l.block.out
		}
		return l, err
	}
	op := all[0]
	switch op.Attr.(type) {
	case ir.Conv:
		if l.module, err = r.module(op); err != nil {
			return l, err
		}
		l.out, err = r.relu(l.module.out, op)
		return l, err
	case ir.Linear:
		l.op, l.out = op, op.Out
		if next := r.readers[op.Out]; len(next) == 1 {
			if _, ok := next[0].Attr.(ir.ReLU); ok {
				l.relu, l.out = true, next[0].Out
			}
		}
		return l, nil
	case ir.Pool, ir.Flatten, ir.Softmax:
		l.op, l.out = op, op.Out
		return l, nil
	case ir.BatchNorm:
		return l, errAt(op, "a batch norm without a convolution before it; a description has them behind convolutions only")
	case ir.ReLU:
		return l, errAt(op, "a ReLU where a description has none: it stands behind convolutions and linear layers")
	}
	return l, errAt(op, "a sum where a description has none: it stands at the end of a block")
}

// only returns the only op that reads x, which from computes.
func (r *reader) only(x ir.ValueID, from *ir.Op) (*ir.Op, error) {
	all := r.readers[x]
	if len(all) != 1 {
		return nil, errAt(from, "its result is read %d times; no block of a description does so", len(all))
	}
	return all[0], nil
}

// module returns the convolution op with its batch norm.
func (r *reader) module(op *ir.Op) (*module, error) {
	conv, ok := op.Attr.(ir.Conv)
	if !ok {
		return nil, errAt(op, "found where a block of a description has a convolution")
	}
	m := &module{op: op, conv: conv, in: r.g.Values[op.In[0]].Shape.C, out: op.Out}
	if next := r.readers[op.Out]; len(next) == 1 {
		if norm, ok := next[0].Attr.(ir.BatchNorm); ok {
			if conv.Bias != ir.NoParam {
				return nil, errAt(op, "it has both a bias and a batch norm; a description's convolutions have one of them")
			}
			m.norm, m.out = &norm, next[0].Out
		}
	}
	return m, nil
}

// relu returns the result of the ReLU that alone reads x, which from computes.
func (r *reader) relu(x ir.ValueID, from *ir.Op) (ir.ValueID, error) {
	op, err := r.only(x, from)
	if err != nil {
		return 0, err
	}
	if _, ok := op.Attr.(ir.ReLU); !ok {
		return 0, errAt(op, "found where a description has a ReLU, behind %s", from.Name)
	}
	return op.Out, nil
}

// active returns the convolution op as a module, and the result of the ReLU
// behind it.
func (r *reader) active(op *ir.Op) (*module, ir.ValueID, error) {
	m, err := r.module(op)
	if err != nil {
		return nil, 0, err
	}
	y, err := r.relu(m.out, op)
	return m, y, err
}
