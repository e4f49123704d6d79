package dsl

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// attr is one attribute of a statement: a word, and how its value is read.
type attr struct {
	name  string
	value func() bool
}

// attrs reads a statement's attributes, each at most once and in any order,
// and marks where their values stand.
func (p *parser) attrs(n *Node, list ...attr) bool {
	for !p.tok().endsLine() && !p.tok().is("then") {
		t := p.tok()
		if t.kind != tokWord {
			return p.expected(oneOf(append(attrNames(list), "the end of the line")))
		}
		a := find(list, t.text)
		if a == nil {
			p.errorf(t.pos, "%s", unknown("attribute", t.text, attrNames(list)))
			return false
		}
		if n.has(a.name) {
			p.errorf(t.pos, "%s is given twice in one statement", a.name)
			return false
		}
		p.next()
		n.mark(a.name, p.tok().pos)
		if a.value != nil && !a.value() {
			return false
		}
	}
	return true
}

func attrNames(list []attr) []string {
	var names []string
	for _, a := range list {
		names = append(names, a.name)
	}
	return names
}

func find(list []attr, name string) *attr {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// require reports the attributes that a statement lacks.
func (p *parser) require(n *Node, what string, names ...string) bool {
	ok := true
	for _, name := range names {
		if !n.has(name) {
			p.errorf(n.Pos, "%s lacks its %s; add `%s` and a value", what, name, name)
			ok = false
		}
	}
	return ok
}

// word reads one of the given words, or with none given any word.
func (p *parser) word(what string, dst *string, choices ...string) bool {
	t := p.tok()
	if t.kind != tokWord {
		if len(choices) > 0 {
			what += ": " + oneOf(choices)
		}
		return p.expected(what)
	}
	for _, c := range choices {
		if c == t.text {
			*dst = p.next().text
			return true
		}
	}
	if len(choices) > 0 {
		p.errorf(t.pos, "%s", unknown(what, t.text, choices))
		return false
	}
	*dst = p.next().text
	return true
}

// integer reads a whole number. Whether its size makes sense is for Check.
func (p *parser) integer(what string, dst *int) bool {
	t := p.tok()
	if t.kind != tokInt {
		return p.expected(what + ", a whole number")
	}
	p.next()
	return p.atoi(t, t.text, dst)
}

func (p *parser) atoi(t token, digits string, dst *int) bool {
	v, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		p.errorf(t.pos, "the number %s is too large", shorten(digits))
		return false
	}
	*dst = int(v)
	return true
}

// number reads a whole or fractional number.
func (p *parser) number(what string, dst *float64) bool {
	t := p.tok()
	if t.kind != tokInt && t.kind != tokFloat {
		return p.expected(what + ", a number")
	}
	p.next()
	v, err := strconv.ParseFloat(t.text, 64)
	if err != nil || math.IsInf(v, 0) {
		panic(fmt.Sprintf("BUG: the lexer let %q pass as a number", t.text))
	}
	*dst = v
	return true
}

// numbers reads one or more numbers.
func (p *parser) numbers(what string, dst *[]float64) bool {
	for {
		var v float64
		if !p.number(what, &v) {
			return false
		}
		*dst = append(*dst, v)
		if k := p.tok().kind; k != tokInt && k != tokFloat && k != tokIllegal {
			return true
		}
	}
}

// size reads as many whole numbers joined by x as dst has places.
func (p *parser) size(what, form string, dst ...*int) bool {
	t := p.tok()
	if t.kind != tokSize && t.kind != tokInt {
		return p.expected(fmt.Sprintf("%s as %s", what, form))
	}
	parts := strings.Split(t.text, "x")
	if len(parts) != len(dst) {
		p.errorf(t.pos, "expected %s as %s, found %s", what, form, shorten(t.text))
		return false
	}
	p.next()
	for i, digits := range parts {
		if !p.atoi(t, digits, dst[i]) {
			return false
		}
	}
	return true
}

// extent reads a size over frames, height and width, or over the latter two;
// frames is what the first then is.
func (p *parser) extent(what string, frames int, dst **Extent) bool {
	e := Extent{T: frames}
	*dst = &e
	const form = "frames x height x width, such as 1x2x2, or height x width"
	if strings.Count(p.tok().text, "x") == 1 {
		e.plane = true
		return p.size("the "+what, form, &e.H, &e.W)
	}
	return p.size("the "+what, form, &e.T, &e.H, &e.W)
}
