package describe

import (
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// block is a residual block as it was found.
type block struct {
	first        *ir.Op // for messages
	form         dsl.Form
	kind         dsl.Kind
	in, width    int // channels
	wide         int // output channels
	mids         []int
	stride       [3]int
	middleStride bool
	projected    bool
	modules      []*module
	out          ir.ValueID
}

// The kernels that tell a block's convolutions apart.
var (
	point    = [3]int{1, 1, 1}
	temporal = [3]int{3, 1, 1}
	full     = [3]int{3, 3, 3}
)

// block returns the block that begins with x, and the ops that read x: the
// first convolution, and the sum at the end or the convolution that projects x
// to it.
func (r *reader) block(x ir.ValueID, all []*ir.Op) (*block, error) {
	b := &block{first: all[0], in: r.g.Values[x].Shape.C, stride: point}
	if len(all) > 2 {
		return nil, errAt(all[2], "it is the third to read what %s reads; a block of a description begins with two", all[0].Name)
	}
	main, side, err := r.sides(all)
	if err != nil {
		return nil, err
	}
	b.first = main
	shortcut := x
	if _, ok := side.Attr.(ir.Conv); ok {
		project, err := r.module(side)
		if err != nil {
			return nil, err
		}
		b.projected, b.stride, shortcut = true, project.stride(), project.out
		b.modules = append(b.modules, project)
	}
	y, err := r.path(b)
	if err != nil {
		return nil, err
	}
	sum, err := r.only(y, b.modules[len(b.modules)-1].op)
	if err != nil {
		return nil, err
	}
	if _, ok := sum.Attr.(ir.Add); !ok || sum.In[0] != shortcut && sum.In[1] != shortcut {
		return nil, errAt(sum, "found where the block that begins with %s adds its input", b.first.Name)
	}
	b.wide = r.g.Values[sum.Out].Shape.C
	b.out, err = r.relu(sum.Out, sum)
	return b, err
}

// sides tells the first convolution of a block from its shortcut: a sum, or a
// convolution without ReLU.
func (r *reader) sides(all []*ir.Op) (main, side *ir.Op, err error) {
	for i, op := range all {
		other := all[1-i]
		switch op.Attr.(type) {
		case ir.Add:
			return other, op, nil
		case ir.Conv:
			m, err := r.module(op)
			if err != nil {
				return nil, nil, err
			}
			next := r.readers[m.out]
			if len(next) == 1 {
				if _, ok := next[0].Attr.(ir.Add); ok {
					return other, op, nil
				}
			}
		}
	}
	return nil, nil, errAt(all[0], "it reads the same as %s, and neither leads to the sum of a block", all[1].Name)
}

// path reads the block's own path up to its sum, and returns the result.
func (r *reader) path(b *block) (ir.ValueID, error) {
	m, y, err := r.active(b.first)
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, m)
	b.width = m.conv.Out
	if m.kernel() == point {
		b.form = dsl.Bottleneck
		b.middleStride = b.stride != point && m.stride() == point
		return r.bottleneck(b, y)
	}
	b.form = dsl.Basic
	return r.basic(b, m, y)
}

// bottleneck reads the middle of a bottleneck from y on, and the convolution
// behind it.
func (r *reader) bottleneck(b *block, y ir.ValueID) (ir.ValueID, error) {
	z, err := r.middle(b, y)
	if err != nil {
		return 0, err
	}
	op, err := r.only(z, b.modules[len(b.modules)-1].op)
	if err != nil {
		return 0, err
	}
	expand, err := r.module(op)
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, expand)
	return expand.out, nil
}

// middle reads what stands between the two 1x1x1 convolutions of a bottleneck,
// and says what kind of block it is.
func (r *reader) middle(b *block, y ir.ValueID) (ir.ValueID, error) {
	readers := r.readers[y]
	if len(readers) == 2 {
		return r.parallel(b, readers)
	}
	op, err := r.only(y, b.first)
	if err != nil {
		return 0, err
	}
	m, z, err := r.active(op)
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, m)
	if m.kernel() == full {
		b.kind = dsl.Full
		return z, nil
	}
	switch readers := r.readers[z]; len(readers) {
	case 2:
		return r.hybrid(b, z, readers)
	case 1:
		if next, ok := readers[0].Attr.(ir.Conv); ok && [3]int{next.T.Kernel, next.H.Kernel, next.W.Kernel} == temporal {
			t, z, err := r.active(readers[0])
			if err != nil {
				return 0, err
			}
			b.modules = append(b.modules, t)
			if b.kind = dsl.Cascade; m.conv.Out != b.width {
				b.kind, b.mids = dsl.Split, append(b.mids, m.conv.Out)
			}
			return z, nil
		}
	}
	b.kind = dsl.Planar
	return z, nil
}

// parallel reads the middle of a block B: a sum of S and T, which read the same.
func (r *reader) parallel(b *block, readers []*ir.Op) (ir.ValueID, error) {
	b.kind = dsl.Parallel
	s, y, err := r.active(readers[0])
	if err != nil {
		return 0, err
	}
	t, z, err := r.active(readers[1])
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, s, t)
	return r.sum(y, z, t.op)
}

// hybrid reads the rest of the middle of a block C: T of what S made, s, and
// the sum of both.
func (r *reader) hybrid(b *block, s ir.ValueID, readers []*ir.Op) (ir.ValueID, error) {
	b.kind = dsl.Hybrid
	op := readers[0]
	if _, ok := op.Attr.(ir.Add); ok {
		op = readers[1]
	}
	t, z, err := r.active(op)
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, t)
	return r.sum(s, z, t.op)
}

// sum returns the sum of two values, the second of which from computes.
func (r *reader) sum(x, y ir.ValueID, from *ir.Op) (ir.ValueID, error) {
	op, err := r.only(y, from)
	if err != nil {
		return 0, err
	}
	if _, ok := op.Attr.(ir.Add); !ok || op.In[0] != x && op.In[1] != x {
		return 0, errAt(op, "found where a block adds what its convolutions in space and time make")
	}
	return op.Out, nil
}

// basic reads the rest of a basic block, of which first is the first
// convolution and y the result of its ReLU.
func (r *reader) basic(b *block, first *module, y ir.ValueID) (ir.ValueID, error) {
	second, err := r.only(y, first.op)
	if err != nil {
		return 0, err
	}
	m, err := r.module(second)
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, m)
	switch {
	case first.kernel() == full:
		b.kind = dsl.Full
		return m.out, nil
	case m.kernel() != temporal:
		b.kind = dsl.Planar
		return m.out, nil
	}
	// Split: S, T, and the same again, the last without ReLU.
	b.kind, b.width = dsl.Split, m.conv.Out
	if y, err = r.relu(m.out, m.op); err != nil {
		return 0, err
	}
	op, err := r.only(y, m.op)
	if err != nil {
		return 0, err
	}
	s, y, err := r.active(op)
	if err != nil {
		return 0, err
	}
	if op, err = r.only(y, s.op); err != nil {
		return 0, err
	}
	t, err := r.module(op)
	if err != nil {
		return 0, err
	}
	b.modules = append(b.modules, s, t)
	b.mids = []int{first.conv.Out, s.conv.Out}
	return t.out, nil
}
