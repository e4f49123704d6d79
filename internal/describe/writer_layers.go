package describe

import (
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// stage writes a stage, of a number from 2 on as in the papers.
func (w *writer) stage(s *stage, number int) error {
	b := s.first()
	w.printf("stage res%d width %d blocks %d", number, b.width, len(s.blocks))
	if b.stride != point {
		w.printf(" stride %s", size(b.stride))
	}
	switch {
	case s.flat:
		w.printf(" flat")
	case w.forms.mix == nil:
		w.mix(cycle(s.kinds()))
	}
	if w.forms.matched {
		return nil
	}
	switch mid, err := s.mid(); {
	case err != nil:
		return err
	case mid == dsl.MidMatched:
		w.printf(" mid matched")
	case mid != 0:
		w.printf(" mid %d", mid)
	}
	return nil
}

func size(e [3]int) string { return fmt.Sprintf("%dx%dx%d", e[0], e[1], e[2]) }

// layer writes another layer, the i-th item.
func (w *writer) layer(l layer, i int) {
	if l.module != nil {
		w.conv(l.module)
		return
	}
	switch a := l.op.Attr.(type) {
	case ir.Pool:
		w.pool(a, l.op)
	case ir.Flatten:
		w.printf("flatten")
	case ir.Linear:
		w.printf("linear %d", a.Out)
		if l.relu {
			w.printf(" relu")
		}
		if w.isFeatures(l, i) {
			w.printf(" features")
		}
	case ir.Softmax:
		w.printf("softmax")
	default:
		panic(fmt.Sprintf("BUG: a layer of %T", a))
	}
}

// isFeatures reports whether the i-th item, a linear layer, gives the features:
// another layer follows, and the network returns its result.
func (w *writer) isFeatures(l layer, i int) bool {
	later := slices.ContainsFunc(w.items[i+1:], func(it item) bool {
		if it.op == nil {
			return false
		}
		_, ok := it.op.Attr.(ir.Linear)
		return ok
	})
	return later && slices.ContainsFunc(w.g.Outputs, func(o ir.Output) bool { return o.Value == l.out })
}

// conv writes a convolution. One whose weight has no axis for time is written
// without it.
func (w *writer) conv(m *module) {
	win := m.conv.Window
	kernel, stride := m.kernel(), m.stride()
	pad := [3]int{win.T.Pad, win.H.Pad, win.W.Pad}
	text := size
	if len(w.g.Params[m.conv.Weight].Shape) == 4 && win.T == ir.Unit {
		text = func(e [3]int) string { return fmt.Sprintf("%dx%d", e[1], e[2]) }
	}
	w.printf("conv %d kernel %s", m.conv.Out, text(kernel))
	if stride != point {
		w.printf(" stride %s", text(stride))
	}
	if pad != [3]int{(kernel[0] - 1) / 2, (kernel[1] - 1) / 2, (kernel[2] - 1) / 2} {
		w.printf(" pad %s", text(pad))
	}
	if m.norm == nil {
		w.printf(" bias")
	}
}

func (w *writer) pool(p ir.Pool, op *ir.Op) {
	w.printf("pool %v", p.Kind)
	if p.IsGlobal(w.g.Values[op.In[0]].Shape) {
		return
	}
	kernel := [3]int{p.T.Kernel, p.H.Kernel, p.W.Kernel}
	stride := [3]int{p.T.Stride, p.H.Stride, p.W.Stride}
	pad := [3]int{p.T.Pad, p.H.Pad, p.W.Pad}
	w.printf(" %s", size(kernel))
	if stride != kernel {
		w.printf(" stride %s", size(stride))
	}
	if pad != [3]int{} {
		w.printf(" pad %s", size(pad))
	}
	if p.Ceil {
		w.printf(" ceil")
	}
}
