package dsl

import (
	"fmt"
	"math"

	"github.com/p3dc/p3dc/ir"
)

// Check reports everything that keeps a network from being built, as an
// [ErrorList]: missing and repeated parts, values out of range, names used
// twice, layers in an order that makes no sense, and the first layer that
// does not fit on what reaches it.
func Check(n *Network) error {
	_, err := Lower(n)
	return err
}

// checker collects the faults of one network.
type checker struct {
	n      *Network
	mixing mixing // of the stages checked so far
	errs   ErrorList
}

// check reports the faults that can be seen without building the graph.
func check(n *Network) ErrorList {
	c := &checker{n: n, mixing: mixing{blocks: only[*Blocks](n)}}
	c.declarations()
	for _, l := range list[Layer](n) {
		c.layer(l)
	}
	c.counts()
	c.taps()
	c.order()
	if len(c.errs) == 0 {
		c.shapes()
	}
	return c.errs
}

func (c *checker) errorf(pos ir.Pos, format string, args ...any) {
	c.errs = append(c.errs, c.n.src.error(pos, format, args...))
}

// in reports a value outside of its limits.
func (c *checker) in(n *Node, attr, what string, v, lo, hi int) {
	if v < lo || v > hi {
		c.errorf(n.at(attr), "%s is %d; expected %d to %d", what, v, lo, hi)
	}
}

// once reports the second and later statements of a type.
func once[T Stmt](c *checker, word string) {
	all := list[T](c.n)
	for i, s := range all {
		if i > 0 {
			c.errorf(s.node().Pos, "a second %s; the first one stands at %v: keep one of them", word, all[0].node().Pos)
		}
	}
}

func (c *checker) declarations() {
	once[*Input](c, "input")
	once[*Blocks](c, "block")
	once[*BatchNorm](c, "batchnorm")
	once[*Names](c, "names")
	if len(c.n.Name) > MaxName {
		c.errorf(c.n.at("name"), "the network's name has %d characters; expected at most %d", len(c.n.Name), MaxName)
	}
	if in := only[*Input](c.n); in != nil {
		c.input(in)
	} else {
		c.errorf(c.n.Pos, "the network has no input; add one, such as `input rgb 3x16x160x160`")
	}
	if b := only[*Blocks](c.n); b != nil {
		c.in(&b.Node, "expansion", "the expansion", b.Expansion, 1, MaxKernel)
		c.mid(&b.Node, "", b.Mid)
	}
	if b := only[*BatchNorm](c.n); b != nil && !(b.Epsilon > 0 && b.Epsilon < 1) {
		c.errorf(b.at("epsilon"), "batch norm's epsilon is %s; expected more than 0 and less than 1, such as 1e-5", decimal(b.Epsilon))
	}
	if names := only[*Names](c.n); names != nil {
		c.names(names)
	}
}

func (c *checker) input(in *Input) {
	want := 3
	if in.Order == ir.Flow {
		want = 2
	}
	if in.C != want {
		c.errorf(in.at("size"), "%v has %d channels, found %d; expected %dx%dx%dx%d, or another channel order", in.Order, want, in.C, want, in.T, in.H, in.W)
	}
	c.in(&in.Node, "size", "the clip's number of frames", in.T, 1, MaxFrames)
	c.in(&in.Node, "size", "the clip's height", in.H, 1, MaxSide)
	c.in(&in.Node, "size", "the clip's width", in.W, 1, MaxSide)
	seen := map[string]bool{}
	for _, s := range in.Settings {
		if seen[s.Key] {
			c.errorf(s.Pos, "%s is given twice; keep one of them", s.Key)
		}
		seen[s.Key] = true
		c.setting(in, s)
	}
}

func (c *checker) setting(in *Input, s *Setting) {
	switch s.Key {
	case "range":
		if lo, hi := s.Values[0], s.Values[1]; lo != 0 || hi != 1 && hi != 255 {
			c.errorf(s.at("value"), "the range is %s..%s; expected 0..1 or 0..255", decimal(lo), decimal(hi))
		}
	case "mean", "std":
		if len(s.Values) != in.C {
			c.errorf(s.at("value"), "%s has %d values for %d channels; expected one a channel", s.Key, len(s.Values), in.C)
		}
		for _, v := range s.Values {
			if s.Key == "std" && v < 1e-6 || math.Abs(v) > 1e6 {
				c.errorf(s.at("value"), "%s %s is out of range; expected a value in the unit of `range`", s.Key, decimal(v))
			}
		}
	case "resize":
		if len(s.Values) == 2 && s.Values[1] < 1 {
			c.errorf(s.at("value"), "the ratio's denominator is 0")
			return
		}
		short, side := in.resizeShort(), min(in.H, in.W)
		if short < side || short > MaxSide {
			c.errorf(s.at("value"), "frames are resized to a short side of %d pixels; expected %d (the crop's) to %d", short, side, MaxSide)
		}
	}
}

func (c *checker) names(n *Names) {
	if n.Scheme != "" && !contains(schemes(), n.Scheme) {
		c.errorf(n.at("scheme"), "%s", unknown("scheme of names", n.Scheme, schemes()))
	}
	seen := map[string]bool{}
	for _, e := range n.Entries {
		if seen[e.Key] {
			c.errorf(e.Pos, "%s is given twice; keep one of them", e.Key)
		}
		seen[e.Key] = true
		if fault := templateFault(e.Key, e.Template); fault != "" {
			c.errorf(e.at("template"), "template of %s: %s", e.Key, fault)
		}
	}
}

// layer checks one layer's own values.
func (c *checker) layer(l Layer) {
	switch l := l.(type) {
	case *Conv:
		c.in(&l.Node, "out", "the number of output channels", l.Out, 1, MaxChannels)
		c.window(&l.Node, &l.Kernel, l.Stride, l.Pad)
		if l.Kernel.plane && l.window().T != ir.Unit {
			c.errorf(l.at("kernel"), "the kernel %v is on each frame alone; expected a stride and padding without frames, or a kernel with them", l.Kernel)
		}
	case *Pool:
		c.window(&l.Node, l.Kernel, l.Stride, l.Pad)
	case *Stage:
		c.stage(l)
	case *Dropout:
		if !(l.Rate >= 0 && l.Rate < 1) {
			c.errorf(l.at("rate"), "the dropout's rate is %s; expected 0 or more and less than 1", decimal(l.Rate))
		}
	case *Linear:
		c.in(&l.Node, "out", "the number of classes", l.Out, 1, MaxClasses)
	}
}

func (c *checker) window(n *Node, kernel, stride, pad *Extent) {
	c.extent(n, "kernel", "the kernel", kernel, 1)
	c.extent(n, "stride", "the stride", stride, 1)
	c.extent(n, "pad", "the padding", pad, 0)
	if kernel != nil && pad != nil && (pad.T >= kernel.T || pad.H >= kernel.H || pad.W >= kernel.W) {
		c.errorf(n.at("pad"), "padding %v is not smaller than the kernel %v: a window would lie on nothing but padding", pad, kernel)
	}
}

func (c *checker) extent(n *Node, attr, what string, e *Extent, lo int) {
	if e == nil {
		return
	}
	for _, v := range []int{e.T, e.H, e.W} {
		if v < lo || v > MaxKernel {
			c.errorf(n.at(attr), "%s is %v; expected each of its numbers to be %d to %d", what, e, lo, MaxKernel)
			return
		}
	}
}

// counts checks how many layers and blocks there are.
func (c *checker) counts() {
	layers := list[Layer](c.n)
	if len(layers) == 0 {
		c.errorf(c.n.Pos, "the network has no layers; add some, such as a stage and `pool average`")
	}
	if len(layers) > MaxLayers {
		c.errorf(layers[MaxLayers].node().Pos, "the network has %d layers; expected at most %d", len(layers), MaxLayers)
	}
	blocks := 0
	for _, s := range list[*Stage](c.n) {
		if s.Blocks <= MaxBlocks && blocks <= MaxBlocks && blocks+s.Blocks > MaxBlocks {
			c.errorf(s.at("blocks"), "the network has more than %d blocks up to here", MaxBlocks)
		}
		blocks += min(s.Blocks, MaxBlocks+1)
	}
}

// The names of a network's outputs, which no layer may take.
const (
	outFeatures      = "features"
	outLogits        = "logits"
	outProbabilities = "probabilities"
)

// taps checks that the names of layers are their own.
func (c *checker) taps() {
	seen := map[string]ir.Pos{}
	for _, l := range list[Layer](c.n) {
		name, pos := tap(l)
		switch name {
		case "":
			continue
		case outFeatures, outLogits, outProbabilities:
			c.errorf(pos, "%s is the name of an output of the network; expected another name", name)
		}
		if first, ok := seen[name]; ok {
			c.errorf(pos, "the name %s is taken by the layer at %v; expected another name", name, first)
		} else {
			seen[name] = l.node().Pos
		}
		if len(name) > MaxName {
			c.errorf(pos, "the name has %d characters; expected at most %d", len(name), MaxName)
		}
	}
}

// tap returns the name under which a layer's output can be read, and where
// the name stands.
func tap(l Layer) (string, ir.Pos) {
	n := l.node()
	switch l := l.(type) {
	case *Stage:
		return l.Name, n.at("name")
	case *Conv:
		return l.As, n.at("as")
	case *Pool:
		return l.As, n.at("as")
	case *Linear:
		return l.As, n.at("as")
	}
	return "", n.Pos
}

// order checks that the head comes last.
func (c *checker) order() {
	var flat, scores, features, end Layer
	for _, l := range list[Layer](c.n) {
		pos := l.node().Pos
		if end != nil {
			c.errorf(pos, "expected nothing after softmax, which ends the network")
			return
		}
		switch l := l.(type) {
		case *Flatten:
			if flat = l; scores != nil {
				c.errorf(pos, "expected dropout, linear or softmax after the linear layer at %v", scores.node().Pos)
			}
		case *Linear:
			if scores = l; !l.Features {
				continue
			}
			if features != nil {
				c.errorf(l.at("features"), "the layer at %v has the network's features; expected one such layer", features.node().Pos)
			}
			features = l
		case *Softmax:
			end = l
			if scores == nil {
				c.errorf(pos, "softmax turns a linear layer's scores into probabilities; add `linear` and the number of classes before it")
			}
		case *Conv, *Pool, *Stage:
			switch {
			case scores != nil:
				c.errorf(pos, "expected dropout, linear or softmax after the linear layer at %v", scores.node().Pos)
			case flat != nil:
				c.errorf(pos, "expected dropout or linear after flatten at %v", flat.node().Pos)
			}
		}
	}
}

// decimal formats a number as the language writes it.
func decimal(v float64) string {
	return exponent.ReplaceAllString(fmt.Sprintf("%g", v), "e$1")
}
