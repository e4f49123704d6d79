package describe

import (
	"slices"

	"github.com/p3dc/p3dc/dsl"
)

// stage is a run of blocks that one statement describes.
type stage struct {
	blocks []*block
	flat   bool
	mids   mids
}

// first returns the stage's first block, the only one that may stride.
func (s *stage) first() *block { return s.blocks[0] }

// kinds returns the kinds of the stage's blocks.
func (s *stage) kinds() []dsl.Kind {
	var kinds []dsl.Kind
	for _, b := range s.blocks {
		kinds = append(kinds, b.kind)
	}
	return kinds
}

// takes reports whether a block that follows the stage's can be one of them.
func (s *stage) takes(b *block) bool {
	return !b.projected && b.width == s.first().width && s.flat == b.flat() && s.mids.with(b).sayable()
}

// add appends a block.
func (s *stage) add(b *block) {
	s.blocks = append(s.blocks, b)
	s.mids = s.mids.with(b)
}

// flat reports whether a block is two-dimensional.
func (b *block) flat() bool { return b.kind == dsl.Planar && b.stride[0] == 1 }

// item is a statement to be written: a stage or another layer.
type item struct {
	layer
	stage *stage
}

// items puts the layers' blocks together to stages.
func items(layers []layer) []item {
	var list []item
	for _, l := range layers {
		if l.block == nil {
			list = append(list, item{layer: l})
			continue
		}
		last := len(list) - 1
		if last < 0 || list[last].stage == nil || !list[last].stage.takes(l.block) {
			list = append(list, item{stage: &stage{flat: l.block.flat()}})
			last++
		}
		list[last].stage.add(l.block)
	}
	return list
}

// forms are what one statement says of all blocks.
type forms struct {
	form         dsl.Form
	expansion    int
	middleStride bool
	bias         bool
	mix          []dsl.Kind // nil where stages have their own
	matched      bool       // mid matched, of all split blocks
}

// formsOf finds what is common to all blocks of stages.
func formsOf(stages []*stage) (*forms, error) {
	var f *forms
	var strided *block
	var kinds []dsl.Kind
	matched := true
	for _, s := range stages {
		for _, b := range s.blocks {
			if b.projected && b.stride == point && b.in == b.wide {
				return nil, errAt(b.first, "the block that begins with it projects its input, where nothing but a convolution changes it; a description's blocks do so where size or channels change")
			}
			if b.wide%b.width != 0 || b.form == dsl.Basic && b.wide != b.width {
				return nil, errAt(b.first, "the block that begins with it makes %d channels of a width of %d; expected a multiple, or the same of basic blocks", b.wide, b.width)
			}
			this := &forms{form: b.form, expansion: b.wide / b.width, bias: b.modules[0].norm == nil}
			if f == nil {
				f = this
			}
			if f.form != this.form || f.expansion != this.expansion || f.bias != this.bias {
				return nil, errAt(b.first, "the block that begins with it is made in another way than those before it: %s of %d channels instead of %s of %d times the width, or without batch norm; a description has one way",
					this.form, b.wide, f.form, f.expansion)
			}
			if b.stride != point && b.form == dsl.Bottleneck {
				if strided != nil && strided.middleStride != b.middleStride {
					return nil, errAt(b.first, "the block that begins with it strides at another convolution than those before it; a description has one way")
				}
				strided = b
			}
			matched = matched && b.matched()
		}
		if !s.flat {
			kinds = append(kinds, s.kinds()...)
		}
	}
	if f == nil {
		return nil, nil
	}
	f.middleStride = strided != nil && strided.middleStride
	f.matched = matched && slices.Contains(kinds, dsl.Split)
	if mix := cycle(kinds); len(mix) < len(kinds) || len(kinds) <= 3 || len(stages) == 1 {
		f.mix = mix
	}
	return f, nil
}

// cycle returns the shortest list that gives kinds when it is repeated.
func cycle(kinds []dsl.Kind) []dsl.Kind {
	for n := 1; n < len(kinds); n++ {
		same := true
		for i := n; i < len(kinds) && same; i++ {
			same = kinds[i] == kinds[i-n]
		}
		if same {
			return kinds[:n]
		}
	}
	return kinds
}
