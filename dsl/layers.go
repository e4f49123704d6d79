package dsl

import "github.com/p3dc/p3dc/ir"

// conv = "conv" int { "kernel" extent | "stride" extent | "pad" extent | "bias" | "as" word } .
func (p *parser) conv(c *Conv) bool {
	c.mark("out", p.tok().pos)
	if !p.integer("the number of output channels", &c.Out) {
		return false
	}
	var kernel *Extent
	ok := p.attrs(&c.Node,
		attr{"kernel", func() bool { return p.extent("kernel", 1, &kernel) }},
		attr{"stride", func() bool { return p.extent("stride", 1, &c.Stride) }},
		attr{"pad", func() bool { return p.extent("padding", 0, &c.Pad) }},
		attr{"bias", func() bool { c.Bias = true; return true }},
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
	ok := p.extent("window", 1, &l.Kernel) && p.attrs(&l.Node,
		attr{"stride", func() bool { return p.extent("stride", 1, &l.Stride) }},
		attr{"pad", func() bool { return p.extent("padding", 0, &l.Pad) }},
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

// stage = "stage" word { "width" int | "blocks" int | "stride" extent | "flat" |
// "mix" kind { kind } | "mid" mid } .
func (p *parser) stage(s *Stage) bool {
	attrs := []attr{
		{"width", func() bool { return p.integer("the width", &s.Width) }},
		{"blocks", func() bool { return p.integer("the number of blocks", &s.Blocks) }},
		{"stride", func() bool { return p.extent("stride", 1, &s.Stride) }},
		{"flat", func() bool { s.Flat = true; return true }},
		{"mix", nil},
		{"mid", func() bool { return p.mid(&s.Mid) }},
	}
	words := attrNames(attrs)
	find(attrs, "mix").value = func() bool { return p.mix(Bottleneck, &s.Mix, words) }
	s.mark("name", p.tok().pos)
	return p.word("name of the stage, such as res2,", &s.Name) && p.attrs(&s.Node, attrs...) &&
		p.require(&s.Node, "stage "+s.Name, "width", "blocks")
}

// linear = "linear" int { "relu" | "features" | "as" word } .
func (p *parser) linear(l *Linear) bool {
	l.mark("out", p.tok().pos)
	return p.integer("the number of classes", &l.Out) && p.attrs(&l.Node,
		attr{"relu", func() bool { l.ReLU = true; return true }},
		attr{"features", func() bool { l.Features = true; return true }},
		p.as(&l.As),
	)
}
