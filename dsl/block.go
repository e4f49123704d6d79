package dsl

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// stage lowers a stage's blocks, one after the other.
func (l *lowerer) stage(s *Stage) {
	kinds := l.mixing.next(s)
	for i := range s.Blocks {
		in := l.shape(l.cur).C
		b := &block{
			lowerer: l,
			path:    l.blockName(s, i),
			in:      in,
			width:   s.Width,
			out:     s.Width * l.blocks.Expansion,
			mid:     midChannels(s.mid(l.blocks), in, s.Width),
			stride:  point,
			flat:    s.Flat,
		}
		if i == 0 {
			b.stride = s.stride()
		}
		if !s.Flat {
			b.kind = kinds[i%len(kinds)]
		}
		l.cur = b.lower(l.cur)
	}
}

// midChannels returns how many channels lie between S and T of a split block:
// a number as it is, or what MidMatched says.
func midChannels(mid, in, width int) int {
	if mid == MidMatched {
		return MatchedMid(in, width)
	}
	return mid
}

// MatchedMid returns the channels between S and T of a split block that make it
// about as large as a 3x3x3 convolution of so many input channels and the stage's
// width: see [MidMatched].
func MatchedMid(in, width int) int { return 27 * in * width / (9*in + 3*width) }

// block lowers one residual block.
type block struct {
	*lowerer
	path                string
	in, width, out, mid int // channels
	stride              Extent
	flat                bool
	kind                Kind // of a block that is not flat
	relus               int  // so far, by what numbers their names
}

// The windows of a block's convolutions.
var (
	point    = Extent{T: 1, H: 1, W: 1}
	spatial  = Extent{T: 1, H: 3, W: 3}
	temporal = Extent{T: 3, H: 1, W: 1}
	full     = Extent{T: 3, H: 3, W: 3}
)

// emitter emits ops that read a value, and returns their result.
type emitter func(x ir.ValueID) ir.ValueID

func (b *block) lower(x ir.ValueID) ir.ValueID {
	// Parameters first, in the order of the modules.
	own := b.bottleneck
	if b.blocks.Form == Basic {
		own = b.basic
	}
	path := own()
	shortcut := func(x ir.ValueID) ir.ValueID { return x }
	if b.stride != point || b.in != b.out {
		shortcut = b.part("project", 0, b.in, b.out, point, b.stride)
	}

	// Then the ops, the projection before the block's own path.
	side := shortcut(x)
	y := path(x)
	return b.relu(b.path+".relu", b.add(b.path+".add", y, side))
}

// bottleneck appends the parameters of a 1x1x1 convolution down to the width,
// the middle, and a 1x1x1 convolution up.
func (b *block) bottleneck() emitter {
	first, second := b.stride, point
	if b.blocks.MiddleStride {
		first, second = second, first
	}
	reduce := b.part("reduce", 1, b.in, b.width, point, first)
	middle := b.middle(2, b.width, b.width, second)
	expand := b.part("expand", 3, b.width, b.out, point, point)
	return func(x ir.ValueID) ir.ValueID { return expand(middle(b.act(reduce(x)), true)) }
}

// basic appends the parameters of two middles, of which the second leaves its
// ReLU to the block.
func (b *block) basic() emitter {
	first := b.middle(1, b.in, b.width, b.stride)
	second := b.middle(2, b.width, b.out, point)
	return func(x ir.ValueID) ir.ValueID { return second(first(x, true), false) }
}

// middle appends the parameters of a block's n-th convolution, which is in
// space and time, and returns what emits it: with its last ReLU where relu says
// so, and always in the paper's arrangements B and C, which sum behind it.
func (b *block) middle(n, in, out int, stride Extent) func(x ir.ValueID, relu bool) ir.ValueID {
	one := func(f emitter) func(x ir.ValueID, relu bool) ir.ValueID {
		return func(x ir.ValueID, relu bool) ir.ValueID {
			y := f(x)
			if relu {
				y = b.act(y)
			}
			return y
		}
	}
	inPlane, inTime := Extent{T: 1, H: stride.H, W: stride.W}, Extent{T: stride.T, H: 1, W: 1}
	var strideS, strideT Extent
	mid := out
	switch kind := b.kind; {
	case b.flat || kind == Planar:
		return one(b.part("flat", n, in, out, spatial, stride))
	case kind == Full:
		return one(b.part("full", n, in, out, full, stride))
	case kind == Split:
		mid, strideS, strideT = b.mid, inPlane, inTime
	case kind == Cascade:
		strideS, strideT = inPlane, inTime
	case kind == Parallel:
		strideS, strideT = stride, stride
	case kind == Hybrid:
		strideS, strideT = stride, point
	default:
		panic(fmt.Sprintf("BUG: block kind %q", kind))
	}
	fromT := mid
	if b.kind == Parallel {
		fromT = in
	}
	s := b.part("spatial", n, in, mid, spatial, strideS)
	t := b.part("temporal", n, fromT, out, temporal, strideT)
	sum := func(x, y ir.ValueID) ir.ValueID { return b.add(b.path+".sum", x, y) }
	switch b.kind {
	case Parallel:
		return func(x ir.ValueID, _ bool) ir.ValueID { return sum(b.act(s(x)), b.act(t(x))) }
	case Hybrid:
		return func(x ir.ValueID, _ bool) ir.ValueID { y := b.act(s(x)); return sum(y, b.act(t(y))) }
	}
	return one(func(x ir.ValueID) ir.ValueID { return t(b.act(s(x))) })
}

// act emits a ReLU.
func (b *block) act(x ir.ValueID) ir.ValueID {
	b.relus++
	return b.relu(fmt.Sprintf("%s.relu%d", b.path, b.relus), x)
}

// part appends the parameters of one of the block's convolutions, its n-th, and
// of its batch norm if it has one, and returns what emits both. Padding keeps
// the size at stride 1.
func (b *block) part(role string, n, in, out int, kernel, stride Extent) emitter {
	path, w := b.names.name(role, b.path, n), window(kernel, stride, half(kernel))
	if b.blocks.Bias {
		return b.biased(path, out, in, w, b.flat)
	}
	m := b.module(path, b.names.name(role+"-norm", b.path, n), out, in, w, b.flat)
	return func(x ir.ValueID) ir.ValueID { return b.conv(m, x) }
}
