package dsl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// override is one key of Set.
type override struct {
	key, form string
	set       func(n *Network, v value) error
}

// overrides lists what Set can change.
func overrides() []override {
	return []override{
		{"mix", "kinds of blocks with commas between, such as A,B,C", setMix},
		{"depths", "the number of blocks of each stage with commas between, such as 3,4,6,3", setDepths},
		{"input", "channels x frames x height x width, such as 3x16x160x160", setInput},
		{"classes", "the number of classes, such as 400", setClasses},
		{"stem-pool", "caffe or pytorch", setStemPool},
	}
}

// Set changes one thing of a network, as --set key=value does:
//
//	mix=A,B               the cycle of block kinds
//	depths=3,4,6,3        the blocks of each stage
//	input=2x16x160x160    channels x frames x height x width; 2 channels make
//	                      it optical flow, 3 frames of color, each with its
//	                      usual preprocessing where the kind changes: that of
//	                      the authors where the range is 0..255, else the port's
//	classes=101           the outputs of the last linear layer
//	stem-pool=caffe       the first pool before the stages: caffe is without
//	                      padding and rounds up, pytorch pads half the window
//	                      in height and width and rounds down
//
// The error says which value was expected. That the changed network fits
// together is for [Check] to say, so that several changes can be made first.
func Set(n *Network, key, text string) error {
	var keys []string
	for _, o := range overrides() {
		if o.key == key {
			return o.set(n, value{text: strings.TrimSpace(text), form: o.form, pos: ir.Pos{File: "--set " + key + "=" + text}})
		}
		keys = append(keys, o.key)
	}
	return &Error{Pos: ir.Pos{File: "--set " + key + "=" + text}, Msg: unknown("key", key, keys)}
}

// value is what a key is set to. Its position is that of the command line.
type value struct {
	text, form string
	pos        ir.Pos
}

func (v value) errorf(format string, args ...any) error {
	return &Error{Pos: v.pos, Msg: fmt.Sprintf(format, args...)}
}

// integers reads whole numbers with a separator between.
func (v value) integers(sep string) ([]int, error) {
	var found []int
	for _, s := range strings.Split(v.text, sep) {
		i, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		if errors.Is(err, strconv.ErrRange) {
			return nil, v.errorf("the number %s is too large", shorten(strings.TrimSpace(s)))
		}
		if err != nil || i < 0 {
			return nil, v.errorf("expected %s, found %q", v.form, shorten(v.text))
		}
		found = append(found, int(i))
	}
	return found, nil
}

func setMix(n *Network, v value) error {
	b := only[*Blocks](n)
	if b == nil {
		return v.errorf("the network has no block statement whose mix could change")
	}
	var mix []Kind
	for _, name := range strings.Split(v.text, ",") {
		k, fault := b.Form.kind(strings.TrimSpace(name))
		if fault != "" {
			return v.errorf("%s", fault)
		}
		mix = append(mix, k)
	}
	if !slices.ContainsFunc(list[*Stage](n), func(s *Stage) bool { return !s.Flat && s.Mix == nil }) {
		return v.errorf("no stage of the network would take the kinds: each is flat or has a mix of its own")
	}
	b.Mix = mix
	b.mark("mix", v.pos)
	return nil
}

func setDepths(n *Network, v value) error {
	stages := list[*Stage](n)
	depths, err := v.integers(",")
	if err != nil {
		return err
	}
	if len(stages) == 0 {
		return v.errorf("the network has no stages whose depths could change")
	}
	if len(depths) != len(stages) {
		return v.errorf("expected %d numbers, one for each stage, found %d", len(stages), len(depths))
	}
	for i, s := range stages {
		s.Blocks = depths[i]
		s.mark("blocks", v.pos)
	}
	return nil
}

func setClasses(n *Network, v value) error {
	layers := list[*Linear](n)
	if len(layers) == 0 {
		return v.errorf("the network has no linear layer whose classes could change")
	}
	counts, err := v.integers(",")
	if err != nil {
		return err
	}
	if len(counts) != 1 {
		return v.errorf("expected %s, found %d numbers", v.form, len(counts))
	}
	last := layers[len(layers)-1]
	last.Out = counts[0]
	last.mark("out", v.pos)
	return nil
}

func setStemPool(n *Network, v value) error {
	pool := stemPool(n)
	if pool == nil {
		return v.errorf("the network has no pool with a window before its stages")
	}
	switch v.text {
	case "caffe":
		pool.Pad, pool.Ceil = nil, true
	case "pytorch":
		pad := half(*pool.Kernel)
		pad.T = 0
		pool.Pad, pool.Ceil = &pad, false
	default:
		return v.errorf("%s", unknown("stem pool", v.text, []string{"caffe", "pytorch"}))
	}
	pool.mark("kernel", v.pos)
	pool.mark("pad", v.pos)
	return nil
}

// stemPool returns the first pool with a window before the first stage, or
// nil. A network without stages has no stem.
func stemPool(n *Network) *Pool {
	var first *Pool
	for _, l := range list[Layer](n) {
		switch l := l.(type) {
		case *Stage:
			return first
		case *Pool:
			if l.Kernel != nil && first == nil {
				first = l
			}
		}
	}
	return nil
}

func setInput(n *Network, v value) error {
	in := only[*Input](n)
	if in == nil {
		return v.errorf("the network has no input statement")
	}
	size, err := v.integers("x")
	if err != nil {
		return err
	}
	if len(size) != 4 {
		return v.errorf("expected %s, found %d numbers", v.form, len(size))
	}
	switch isFlow := in.Order == ir.Flow; {
	case size[0] != 2 && size[0] != 3:
		return v.errorf("expected 2 channels (optical flow) or 3 (color), found %d", size[0])
	case size[0] == 2 && !isFlow && in.in255():
		in.become(v.pos, ir.Flow, 255, []float64{128, 128}, []float64{1, 1})
	case size[0] == 3 && isFlow && in.in255():
		in.become(v.pos, ir.BGR, 255, []float64{104, 117, 123}, []float64{1, 1, 1})
	case size[0] == 2 && !isFlow:
		// The port's: the mean of the frames' deviations for both directions.
		in.become(v.pos, ir.Flow, 1, []float64{0.5, 0.5}, []float64{0.226, 0.226})
	case size[0] == 3 && isFlow:
		in.become(v.pos, ir.RGB, 1, []float64{0.485, 0.456, 0.406}, []float64{0.229, 0.224, 0.225})
	}
	in.C, in.T, in.H, in.W = size[0], size[1], size[2], size[3]
	in.mark("size", v.pos)
	return nil
}

// in255 reports whether values are in 0..255.
func (in *Input) in255() bool {
	s := in.setting("range")
	return s != nil && s.Values[1] == 255
}

// become changes what the channels are, with values in 0..top.
func (in *Input) become(pos ir.Pos, order ir.ChannelOrder, top float64, mean, std []float64) {
	in.Order = order
	in.set(pos, "range", 0, top)
	in.set(pos, "mean", mean...)
	in.set(pos, "std", std...)
}

// set replaces or adds a setting.
func (in *Input) set(pos ir.Pos, key string, values ...float64) {
	s := in.setting(key)
	if s == nil {
		s = &Setting{Node: Node{Pos: pos}, Key: key}
		in.Settings = append(in.Settings, s)
	}
	s.Values = values
	s.mark("value", pos)
}
