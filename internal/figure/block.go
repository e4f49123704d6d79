package figure

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// block is a residual block: the ops that make a sum with what enters it, and
// the ReLU behind.
type block struct {
	ops     []*ir.Op
	entry   ir.ValueID
	main    diagram
	project *ir.Op // the convolution of the shortcut; nil if it adds what enters
}

// width returns the fewest channels of the block's convolutions.
func (b *block) width() int {
	width := math.MaxInt
	for _, n := range b.main {
		if !n.sums() {
			width = min(width, n.out)
		}
	}
	return width
}

// stride returns by how much the block makes its maps smaller, such as /1x2x2,
// "" if it does not.
func (b *block) stride() string {
	if b.project == nil {
		return ""
	}
	w := b.project.Attr.(ir.Conv).Window
	if w.T.Stride*w.H.Stride*w.W.Stride == 1 {
		return ""
	}
	return fmt.Sprintf("/%dx%dx%d", w.T.Stride, w.H.Stride, w.W.Stride)
}

// diagram is the main path of a block: convolutions and the sums between them,
// in topological order. The block's own sum is left out.
type diagram []node

// node is a convolution or a sum of a diagram.
type node struct {
	window ir.Window // the zero window of a sum
	out    int       // channels; of a convolution
	in     []int     // the nodes it reads; enters is what enters the block
}

// enters stands for the block's input among a node's inputs.
const enters = -1

func (n *node) sums() bool      { return n.window == ir.Window{} }
func (n *node) pointwise() bool { return !n.sums() && n.window.Taps() == 1 }
func (n *node) spatial() bool   { return n.window.T.Kernel == 1 && !n.sums() && !n.pointwise() }
func (n *node) temporal() bool {
	return n.window.T.Kernel > 1 && n.window.H.Kernel*n.window.W.Kernel == 1
}

// blocks splits the ops of a stage behind each ReLU of a sum. It returns nil for
// ops that have none, and what follows the last block apart.
func (r *reader) blocks(ops []*ir.Op) (blocks []*block, rest []*ir.Op) {
	start := 0
	for i, op := range ops {
		if _, ok := op.Attr.(ir.ReLU); !ok {
			continue
		}
		if _, ok := r.attr(op.In[0]).(ir.Add); ok {
			blocks = append(blocks, r.block(ops[start:i+1]))
			start = i + 1
		}
	}
	return blocks, ops[start:]
}

// block finds the two paths that the last sum adds: the shortcut is the one
// with fewer convolutions.
func (r *reader) block(ops []*ir.Op) *block {
	b := &block{ops: ops, entry: ops[0].In[0]}
	add := r.makers[ops[len(ops)-1].In[0]]
	main, shortcut := r.convs(add.In[0], b.entry), r.convs(add.In[1], b.entry)
	if len(main) < len(shortcut) {
		main, shortcut = shortcut, main
	}
	if len(shortcut) > 0 {
		b.project = shortcut[0]
	}
	at := map[ir.ValueID]int{b.entry: enters}
	for _, op := range ops {
		switch a := op.Attr.(type) {
		case ir.Conv:
			if op == b.project {
				continue
			}
			b.main = append(b.main, node{window: a.Window, out: a.Out, in: []int{at[op.In[0]]}})
			at[op.Out] = len(b.main) - 1
		case ir.Add:
			if op == add {
				continue
			}
			b.main = append(b.main, node{in: []int{at[op.In[0]], at[op.In[1]]}})
			at[op.Out] = len(b.main) - 1
		default:
			at[op.Out] = at[op.In[0]]
		}
	}
	return b
}

// convs returns the convolutions on all ways from one value to another, the
// last first.
func (r *reader) convs(to, from ir.ValueID) (found []*ir.Op) {
	op := r.makers[to]
	if to == from || op == nil {
		return nil
	}
	if _, ok := op.Attr.(ir.Conv); ok {
		found = append(found, op)
	}
	for _, in := range op.In {
		for _, c := range r.convs(in, from) {
			if !slices.Contains(found, c) {
				found = append(found, c)
			}
		}
	}
	return found
}

// signature tells diagrams apart, whatever their strides and channels.
func (d diagram) signature() string {
	var s strings.Builder
	for _, n := range d {
		fmt.Fprint(&s, n.window.T.Kernel, n.window.H.Kernel, n.window.W.Kernel, n.in, ";")
	}
	return s.String()
}

// kind is an arrangement of convolutions that blocks of the network have.
type kind struct {
	letter string // in the block's box
	name   string
	main   diagram
	colour colour
}

// newKind names a block's arrangement as the literature does.
func newKind(d diagram) *kind {
	form := "basic block"
	if len(d) > 2 && d[0].pointwise() && d[len(d)-1].pointwise() {
		form = "bottleneck"
	}
	var s, t, sums, full []int
	for i := range d {
		switch n := &d[i]; {
		case n.sums():
			sums = append(sums, i)
		case n.spatial():
			s = append(s, i)
		case n.temporal():
			t = append(t, i)
		case !n.pointwise():
			full = append(full, i)
		}
	}
	reads := func(i, j int) bool { return slices.Contains(d[i].in, j) }
	k := &kind{letter: "·", name: form, main: d, colour: otherColour}
	pair := len(s) == 1 && len(t) == 1 && len(full) == 0
	switch {
	case pair && len(sums) == 0 && reads(t[0], s[0]) && d[s[0]].out == d[t[0]].out:
		k.letter, k.name, k.colour = "A", "P3D-A: S, then T", colourA
	case pair && len(sums) == 1 && !reads(t[0], s[0]):
		k.letter, k.name, k.colour = "B", "P3D-B: S and T side by side", colourB
	case pair && len(sums) == 1:
		k.letter, k.name, k.colour = "C", "P3D-C: S, and T of it", colourC
	case len(sums) > 0:
	case len(s) > 0 && len(t)+len(full) == 0:
		k.letter, k.name, k.colour = "2D", "two-dimensional "+form, colour2D
	case len(full) > 0 && len(s)+len(t) == 0:
		k.letter, k.name, k.colour = "3D", "three-dimensional "+form, colour3D
	case len(s) > 0 && len(full) == 0 && slices.EqualFunc(t, s, reads):
		k.letter, k.name, k.colour = "2+1D", "(2+1)D "+form, colour21D
	}
	return k
}
