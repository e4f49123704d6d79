package dsl

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// stage lowers a stage's blocks, one after the other.
func (l *lowerer) stage(s *Stage) {
	if l.blocks.WithinStage {
		l.mixed = 0
	}
	for i := 0; i < s.Blocks; i++ {
		b := bottleneck{
			lowerer: l,
			path:    l.names.name("block", s.Name, l.stages, i),
			width:   s.Width,
			stride:  Extent{1, 1, 1},
			flat:    s.Flat,
		}
		if i == 0 {
			b.stride = s.stride()
		}
		if !s.Flat {
			b.kind = l.blocks.Mix[l.mixed%len(l.blocks.Mix)]
			l.mixed++
		}
		l.cur = b.lower(l.cur)
	}
}

// bottleneck lowers one block: 1x1x1 down to the width, the arrangement of S
// and T (or in a flat block a 1x3x3), 1x1x1 up, and the shortcut.
type bottleneck struct {
	*lowerer
	path   string
	width  int
	stride Extent
	flat   bool
	kind   Kind // of a block that is not flat
}

// The windows of a block's convolutions.
var (
	point    = Extent{1, 1, 1}
	spatial  = Extent{1, 3, 3}
	temporal = Extent{3, 1, 1}
)

func (b bottleneck) lower(x ir.ValueID) ir.ValueID {
	in, out := b.shape(x).C, b.width*b.blocks.Expansion

	// Parameters first, in the order of the modules.
	reduce := b.part("reduce", in, b.width, point, b.stride)
	middle := b.middle()
	expand := b.part("expand", b.width, out, point, point)
	shortcut := func() ir.ValueID { return x }
	if b.stride != point || in != out {
		project := b.part("project", in, out, point, b.stride)
		shortcut = func() ir.ValueID { return b.conv(project, x) }
	}

	// Then the ops, the projection before the block's own path.
	side := shortcut()
	y := b.relu(b.path+".relu1", b.conv(reduce, x))
	y = b.conv(expand, middle(y))
	return b.relu(b.path+".relu", b.add(b.path+".add", y, side))
}

// middle appends the parameters of what stands between the two 1x1x1
// convolutions and returns the function that emits it.
func (b bottleneck) middle() func(x ir.ValueID) ir.ValueID {
	if b.flat {
		flat := b.part("flat", b.width, b.width, spatial, point)
		return func(x ir.ValueID) ir.ValueID { return b.relu(b.path+".relu2", b.conv(flat, x)) }
	}
	s := b.part("spatial", b.width, b.width, spatial, point)
	t := b.part("temporal", b.width, b.width, temporal, point)
	S := func(x ir.ValueID) ir.ValueID { return b.relu(b.path+".relu2", b.conv(s, x)) }
	T := func(x ir.ValueID) ir.ValueID { return b.relu(b.path+".relu3", b.conv(t, x)) }
	sum := func(x, y ir.ValueID) ir.ValueID { return b.add(b.path+".sum", x, y) }
	return func(x ir.ValueID) ir.ValueID {
		switch b.kind {
		case Cascade:
			return T(S(x))
		case Parallel:
			return sum(S(x), T(x))
		case Hybrid:
			y := S(x)
			return sum(y, T(y))
		}
		panic(fmt.Sprintf("BUG: block kind %q", b.kind))
	}
}

// part appends the parameters of one of the block's convolutions. Its padding
// keeps the size at stride 1.
func (b bottleneck) part(role string, in, out int, kernel, stride Extent) module {
	return b.module(b.names.name(role, b.path), b.names.name(role+"-norm", b.path),
		out, in, window(kernel, stride, half(kernel)), b.flat)
}
