package dsl

import (
	"fmt"
	"regexp"

	"github.com/p3dc/p3dc/ir"
)

// exponent matches the zeros and the plus sign that Go writes in exponents.
var exponent = regexp.MustCompile(`e\+?(-?)0*`)

// misfit is a layer that cannot take what reaches it.
type misfit struct {
	layer Layer
	attr  string // the attribute to blame
	msg   string
}

// shapes reports the first layer that does not fit, and an output that is not
// one position.
func (c *checker) shapes() {
	in := only[*Input](c.n)
	bad := walk(c.n, in.T)
	if bad == nil {
		return
	}
	pos := c.n.Pos
	if bad.layer != nil {
		pos = bad.layer.node().at(bad.attr)
	}
	msg := bad.msg
	if t := shortest(c.n, in.T); t > 0 {
		msg += fmt.Sprintf("; the shortest clip that fits has %d frames", t)
	}
	c.errorf(pos, "%s", msg)
}

// shortest returns the fewest frames, beyond those of the input, with which
// every layer fits, or 0 if more frames do not help.
func shortest(n *Network, frames int) int {
	for t := frames + 1; t <= min(4*frames+64, MaxFrames); t++ {
		if walk(n, t) == nil {
			return t
		}
	}
	return 0
}

// walk follows the shapes through the layers for a clip of some frames.
func walk(n *Network, frames int) *misfit {
	in := only[*Input](n)
	w := walker{mixing: mixing{blocks: only[*Blocks](n)}, shape: ir.Shape{T: frames, H: in.H, W: in.W, C: in.C}, from: "the input"}
	if bad := w.fits(nil, ""); bad != nil {
		return bad
	}
	for _, l := range list[Layer](n) {
		if bad := w.layer(l); bad != nil {
			return bad
		}
	}
	if w.shape.Pixels() != 1 {
		return &misfit{layer: last(n), msg: fmt.Sprintf("the network ends with %v, which is no vector of features; end it with `pool average`, or with `pool average` and `linear`", w.shape)}
	}
	if w.params > MaxParams {
		return &misfit{msg: fmt.Sprintf("the network has %d trained values; expected at most %d", w.params, int64(MaxParams))}
	}
	return nil
}

// last returns the network's last layer.
func last(n *Network) Layer {
	all := list[Layer](n)
	return all[len(all)-1]
}

// walker is the shape that reaches the next layer, and where it comes from.
type walker struct {
	mixing mixing // of the stages so far
	shape  ir.Shape
	from   string
	params int64
}

func (w *walker) layer(l Layer) *misfit {
	in := w.shape
	switch l := l.(type) {
	case *Conv:
		if bad := w.step(l, "kernel", "conv "+l.Kernel.String(), l.window().Out(in, l.Out)); bad != nil {
			return bad
		}
		w.weights(l.Out, in.C, l.window().Taps())
		w.from = "the convolution"
	case *Pool:
		p := l.pool(in)
		if bad := w.step(l, "kernel", "pool "+p.Kind.String()+" "+l.Kernel.or(Extent{}).String(), p.OutShape(in)); bad != nil {
			return bad
		}
		w.from = "the pool"
	case *Stage:
		return w.stage(l)
	case *Flatten:
		w.shape = ir.Shape{T: 1, H: 1, W: 1, C: in.Elems()}
		w.from = "flatten"
	case *Linear:
		if in.Pixels() != 1 {
			return &misfit{l, "", fmt.Sprintf("linear needs one position, found %v from %s; put `pool average` or `flatten` before it", in, w.from)}
		}
		w.shape.C = l.Out
		w.weights(l.Out, in.C, 1)
		w.from = "the linear layer"
	case *Softmax:
		w.from = "softmax"
	}
	return nil
}

func (w *walker) stage(s *Stage) *misfit {
	b, in, kinds := w.mixing.blocks, w.shape, w.mixing.next(s)
	st := s.stride()
	wide := s.Width * b.Expansion
	out := window(point, st, Extent{}).Out(in, wide)
	if bad := w.step(s, "stride", "stage "+s.Name, out); bad != nil {
		return bad
	}
	w.from = "stage " + s.Name
	w.weights(wide, in.C, 1) // the projection
	for c, i := in.C, 0; i < s.Blocks; c, i = wide, i+1 {
		var kind Kind
		if !s.Flat {
			kind = kinds[i%len(kinds)]
		}
		if mid := midChannels(s.mid(b), c, s.Width); kind == Split && mid > MaxChannels {
			return &misfit{s, "width", fmt.Sprintf("stage %s has %d channels between S and T; expected at most %d", s.Name, mid, MaxChannels)}
		}
		if b.Form == Basic {
			w.middle(s, kind, c, s.Width)
			w.middle(s, kind, s.Width, wide)
			continue
		}
		w.weights(s.Width, c, 1)
		w.middle(s, kind, s.Width, s.Width)
		w.weights(wide, s.Width, 1)
	}
	return nil
}

// middle adds the weights of a convolution in the middle of a block, which has
// a kind if its stage is not flat.
func (w *walker) middle(s *Stage, kind Kind, in, out int) {
	switch {
	case s.Flat:
		w.weights(out, in, 9)
	case kind == Split:
		mid := midChannels(s.mid(w.mixing.blocks), in, out)
		w.weights(mid, in, 9)
		w.weights(out, mid, 3)
	case kind == Full:
		w.weights(out, in, 27)
	default:
		w.weights(out, in, 9+3)
	}
}

// weights adds a layer's to the number of trained values. It may count a few
// too many: it is for the limit alone.
func (w *walker) weights(out, in, taps int) { w.params += int64(out) * int64(in) * int64(taps) }

// step moves on to a layer's output, if there is one.
func (w *walker) step(l Layer, attr, what string, out ir.Shape) *misfit {
	in := w.shape
	if !out.Valid() {
		axis, have := "frame", in.T
		switch {
		case out.T > 0 && out.H < 1:
			axis, have = "row", in.H
		case out.T > 0:
			axis, have = "column", in.W
		}
		if have > 1 {
			axis += "s"
		}
		return &misfit{l, attr, fmt.Sprintf("%s leaves nothing of %v from %s: it needs more than %d %s; use a larger input or a smaller window",
			what, in, w.from, have, axis)}
	}
	w.shape = out
	return w.fits(l, attr)
}

// fits checks the size of the current shape.
func (w *walker) fits(l Layer, attr string) *misfit {
	s := w.shape
	if n := int64(s.T) * int64(s.H) * int64(s.W) * int64(s.C); n > MaxElems {
		where := "the input"
		if l != nil {
			where = "the output of this layer"
		}
		return &misfit{l, attr, fmt.Sprintf("%s, %v, has %d values; expected at most %d: use a smaller input or fewer channels", where, s, n, MaxElems)}
	}
	return nil
}
