package dsl

import "github.com/p3dc/p3dc/ir"

// conv = "conv" int { "kernel" extent | "stride" extent | "pad" extent | "as" word } .
func (p *parser) conv(c *Conv) bool {
	c.mark("out", p.tok().pos)
	if !p.integer("the number of output channels", &c.Out) {
		return false
	}
	var kernel *Extent
	ok := p.attrs(&c.Node,
		attr{"kernel", func() bool { return p.extent("kernel", &kernel) }},
		attr{"stride", func() bool { return p.extent("stride", &c.Stride) }},
		attr{"pad", func() bool { return p.extent("padding", &c.Pad) }},
		p.as(&c.As),
	) && p.require(&c.Node, "conv", "kernel")
	if ok {
		c.Kernel = *kernel
	}
	return ok
}

// as is the attribute that names a layer's output.
func (p *parser) as(dst *string) attr {
	return attr{"as", func() bool { return p.word("name for the layer's output", dst) }}
}

// pool = "pool" ( "max" | "average" ) [ extent { "stride" extent | "pad"
// extent | "floor" | "ceil" } ] [ "as" word ] .
func (p *parser) pool(l *Pool) bool {
	var word string
	if !p.word("kind of pool", &word, ir.PoolMax.String(), ir.PoolAverage.String()) {
		return false
	}
	if word == ir.PoolAverage.String() {
		l.Kind = ir.PoolAverage
	}
	if k := p.tok().kind; k != tokSize && k != tokInt {
		return p.attrs(&l.Node, p.as(&l.As))
	}
	l.mark("kernel", p.tok().pos)
	ok := p.extent("window", &l.Kernel) && p.attrs(&l.Node,
		attr{"stride", func() bool { return p.extent("stride", &l.Stride) }},
		attr{"pad", func() bool { return p.extent("padding", &l.Pad) }},
		attr{"floor", nil},
		attr{"ceil", func() bool { l.Ceil = true; return true }},
		p.as(&l.As),
	)
	if ok && l.has("floor") && l.has("ceil") {
		p.errorf(l.Pos, "a pool rounds its size down with floor or up with ceil; expected one of both")
		return false
	}
	return ok
}

// stage = "stage" word { "width" int | "blocks" int | "stride" extent | "flat" } .
func (p *parser) stage(s *Stage) bool {
	s.mark("name", p.tok().pos)
	return p.word("name of the stage, such as res2,", &s.Name) && p.attrs(&s.Node,
		attr{"width", func() bool { return p.integer("the width", &s.Width) }},
		attr{"blocks", func() bool { return p.integer("the number of blocks", &s.Blocks) }},
		attr{"stride", func() bool { return p.extent("stride", &s.Stride) }},
		attr{"flat", func() bool { s.Flat = true; return true }},
	) && p.require(&s.Node, "stage "+s.Name, "width", "blocks")
}
