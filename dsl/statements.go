package dsl

import "github.com/p3dc/p3dc/ir"

// statementWords are the words that a statement starts with.
func statementWords() []string {
	return []string{"input", "block", "batchnorm", "names", "conv", "pool", "stage", "flatten", "dropout", "linear", "softmax"}
}

// statement reads one statement of a network's body, or returns nil after an
// error.
func (p *parser) statement(n *Network) Stmt {
	then := false
	if t := p.tok(); t.is("then") {
		p.next()
		if last := len(n.Body) - 1; last < 0 || !isLayer(n.Body[last]) || n.Body[last].node().Pos.Line != t.pos.Line {
			p.errorf(t.pos, `expected a layer before "then"`)
			return nil
		}
		then = true
	}
	at := Node{Pos: p.tok().pos}
	layer := layerNode{Node: at, Then: then}
	var word string
	if !p.word("statement", &word, statementWords()...) {
		return nil
	}
	ok := false
	var s Stmt
	switch word {
	case "input":
		in := &Input{Node: at}
		s, ok = in, p.input(in)
	case "block":
		b := &Blocks{Node: at}
		s, ok = b, p.blocks(b)
	case "batchnorm":
		b := &BatchNorm{Node: at}
		s, ok = b, p.attrs(&b.Node, attr{"epsilon", func() bool { return p.number("the epsilon", &b.Epsilon) }}) &&
			p.require(&b.Node, "batchnorm", "epsilon")
	case "names":
		b := &Names{Node: at}
		s, ok = b, p.names(b)
	case "conv":
		c := &Conv{layerNode: layer}
		s, ok = c, p.conv(c)
	case "pool":
		l := &Pool{layerNode: layer}
		s, ok = l, p.pool(l)
	case "stage":
		l := &Stage{layerNode: layer}
		s, ok = l, p.stage(l)
	case "flatten":
		s, ok = &Flatten{layerNode: layer}, true
	case "dropout":
		l := &Dropout{layerNode: layer}
		l.mark("rate", p.tok().pos)
		s, ok = l, p.number("the dropout's rate", &l.Rate)
	case "linear":
		l := &Linear{layerNode: layer}
		s, ok = l, p.linear(l)
	case "softmax":
		s, ok = &Softmax{layerNode: layer}, true
	}
	if !ok {
		return nil
	}
	if p.tok().is("then") && !isLayer(s) {
		p.errorf(p.tok().pos, `"then" joins layers, and %s is none; expected the end of the line`, word)
		return nil
	}
	return s
}

func isLayer(s Stmt) bool { _, ok := s.(Layer); return ok }

// input = "input" order size [ "{" { setting } "}" ] .
func (p *parser) input(in *Input) bool {
	ok := p.order(&in.Order)
	if ok {
		in.mark("size", p.tok().pos)
		ok = p.size("the clip's size", "channels x frames x height x width, such as 3x16x160x160", &in.C, &in.T, &in.H, &in.W)
	}
	ok = p.toBraces(ok)
	if !p.tok().is("{") {
		return ok
	}
	return p.braces(&in.Braces, func() *Node {
		s := p.setting()
		if s == nil {
			return nil
		}
		in.Settings = append(in.Settings, s)
		return &s.Node
	}) && ok
}

// order = "rgb" | "bgr" | "flow" .
func (p *parser) order(dst *ir.ChannelOrder) bool {
	orders := []ir.ChannelOrder{ir.RGB, ir.BGR, ir.Flow}
	var names []string
	for _, o := range orders {
		names = append(names, o.String())
	}
	var word string
	if !p.word("channel order", &word, names...) {
		return false
	}
	for _, o := range orders {
		if o.String() == word {
			*dst = o
		}
	}
	return true
}

// setting = "resize" number [ "/" number ] | "range" number ".." number |
// "mean" number { number } | "std" number { number } .
func (p *parser) setting() *Setting {
	s := &Setting{Node: Node{Pos: p.tok().pos}}
	if !p.word("input setting", &s.Key, "resize", "range", "mean", "std") {
		return nil
	}
	s.mark("value", p.tok().pos)
	ok := false
	switch s.Key {
	case "resize":
		ok = p.resize(s)
	case "range":
		var lo, hi float64
		ok = p.number("the lowest value", &lo) && p.punct("..") && p.number("the highest value", &hi)
		s.Values = []float64{lo, hi}
	default:
		ok = p.numbers("a "+s.Key+" for each channel", &s.Values)
	}
	if !ok {
		return nil
	}
	return s
}

func (p *parser) resize(s *Setting) bool {
	var num, den int
	if !p.integer("the short side in pixels or its ratio to the crop's", &num) {
		return false
	}
	s.Values = []float64{float64(num)}
	if p.tok().is("/") {
		p.next()
		if !p.integer("the ratio's denominator", &den) {
			return false
		}
		s.Values = append(s.Values, float64(den))
	}
	return true
}

func (p *parser) punct(text string) bool {
	if !p.tok().is(text) {
		return p.expected(`"` + text + `"`)
	}
	p.next()
	return true
}

// blocks = "block" ( "bottleneck" | "basic" ) { "expansion" int | "mix" kind
// { kind } | "mid" mid | "stride" ( "first" | "middle" ) | "within" "stage" |
// "through" "network" | "bias" } .
func (p *parser) blocks(b *Blocks) bool {
	var form string
	if !p.word("form of block", &form, string(Bottleneck), string(Basic)) {
		return false
	}
	b.Form, b.Expansion = Form(form), 1
	attrs := []attr{
		{"expansion", func() bool { return p.integer("the expansion", &b.Expansion) }},
		{"stride", func() bool {
			var w string
			ok := p.word("convolution that strides", &w, "first", "middle")
			b.MiddleStride = w == "middle"
			return ok
		}},
		{"mix", nil},
		{"mid", func() bool { return p.mid(&b.Mid) }},
		{"within", func() bool {
			var w string
			b.WithinStage = true
			return p.word(`place to count the mix in after "within"`, &w, "stage")
		}},
		{"through", func() bool {
			var w string
			return p.word(`place to count the mix in after "through"`, &w, "network")
		}},
		{"bias", func() bool { b.Bias = true; return true }},
	}
	if b.Form == Bottleneck {
		b.Expansion = DefaultExpansion
	} else {
		attrs = attrs[2:] // a basic block has its stage's width, and strides first
	}
	words := attrNames(attrs)
	find(attrs, "mix").value = func() bool { return p.mix(b.Form, &b.Mix, words) }
	if !p.attrs(&b.Node, attrs...) {
		return false
	}
	if b.has("within") && b.has("through") {
		p.errorf(b.at("through"), "the mix is counted within each stage or through the network; expected one of both")
		return false
	}
	return true
}

// mix reads the kinds of a mix up to the next attribute or what looks like
// one. Unknown kinds are all reported, and do not end the line.
func (p *parser) mix(f Form, dst *[]Kind, attrs []string) bool {
	first := p.tok()
	if first.kind != tokWord {
		return p.expected("one or more of " + oneOf(f.kinds()))
	}
	for t := first; t.kind == tokWord; t = p.tok() {
		k, fault := f.kind(t.text)
		if fault != "" && t != first && (t.is("then") || nearest(t.text, attrs) != "") {
			break
		}
		p.next()
		if fault != "" {
			p.errorf(t.pos, "%s", fault)
			continue
		}
		*dst = append(*dst, k)
	}
	return true
}

// mid = int | "matched" .
func (p *parser) mid(dst *int) bool {
	if p.tok().is("matched") {
		p.next()
		*dst = MidMatched
		return true
	}
	if k := p.tok().kind; k != tokInt {
		return p.expected("the number of channels between S and T, or matched")
	}
	return p.integer("the number of channels between S and T", dst)
}

// kind returns the kind with a name, or what is wrong with the name.
func (f Form) kind(name string) (Kind, string) {
	names := f.kinds()
	for _, k := range names {
		if k == name {
			return Kind(k), ""
		}
	}
	return "", unknown("block", name, names)
}

// toBraces moves to the braces or the line's end that must follow what was
// parsed; where that went wrong, over the rest of it. It reports whether all
// went well.
func (p *parser) toBraces(ok bool) bool {
	if ok && !p.tok().is("{") && !p.tok().endsLine() {
		ok = p.expected(`"{" or the end of the line`)
	}
	if !ok {
		p.skipTo("{")
	}
	return ok
}

// names = "names" [ scheme ] [ "{" { key string } "}" ] .
func (p *parser) names(n *Names) bool {
	ok := true
	if !p.tok().is("{") {
		n.mark("scheme", p.tok().pos)
		ok = p.word(`scheme of names or "{"`, &n.Scheme)
	}
	ok = p.toBraces(ok)
	if !p.tok().is("{") {
		return ok
	}
	return p.braces(&n.Braces, func() *Node {
		e := &Name{Node: Node{Pos: p.tok().pos}}
		if !p.word("name of a module or parameter", &e.Key, nameKeys()...) {
			return nil
		}
		if p.tok().kind != tokString {
			p.expected(`a template in quotes, such as "{block}.conv1"`)
			return nil
		}
		e.mark("template", p.tok().pos)
		e.Template = p.next().text
		n.Entries = append(n.Entries, e)
		return &e.Node
	}) && ok
}
