package dsl

import (
	"fmt"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Parse reads a description. The file's name is only for positions. The
// error, if any, is an [ErrorList] of all faults of form; whether the network
// makes sense is for [Check] to say.
func Parse(file string, src []byte) (*Network, error) {
	if len(src) > MaxSource { // by how much is not known to who reads no further
		return nil, ErrorList{{Pos: ir.Pos{File: file, Line: 1, Col: 1},
			Msg: fmt.Sprintf("the description has more than %d bytes, the most that is read; shorten it", MaxSource)}}
	}
	p := newParser(file, string(src))
	n := p.network()
	if err := p.errs.err(); err != nil {
		return nil, err
	}
	return n, nil
}

// parser is a recursive-descent parser. A method that reads a piece of the
// text returns false after it has reported a fault that makes the rest of the
// line unreadable; parsing goes on with the next line.
type parser struct {
	src  *source
	toks []token
	i    int
	errs ErrorList
}

func newParser(file, src string) *parser {
	return &parser{
		src:  &source{file: file, lines: strings.Split(strings.TrimPrefix(src, "\ufeff"), "\n")},
		toks: lex(file, src),
	}
}

func (p *parser) tok() token { return p.toks[p.i] }

// next consumes and returns the current token; at the end it stays there.
func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) errorf(pos ir.Pos, format string, args ...any) {
	p.errs = append(p.errs, p.src.error(pos, format, args...))
}

// expected reports that the current token is not what must stand here.
func (p *parser) expected(what string) bool {
	if t := p.tok(); t.kind == tokIllegal {
		p.errorf(t.pos, "%s; expected %s", t.text, what)
	} else {
		p.errorf(t.pos, "expected %s, found %v", what, t)
	}
	return false
}

// skipTo consumes the rest of the line up to the given punctuation, if any.
func (p *parser) skipTo(punct string) {
	for !p.tok().endsLine() && !p.tok().is(punct) {
		p.next()
	}
}

// skipStatement consumes the rest of a statement that could not be read, with
// the braced list that starts on its line, if any.
func (p *parser) skipStatement() {
	p.skipTo("{")
	for depth := 0; p.tok().kind != tokEOF; p.next() {
		switch {
		case p.tok().is("{"):
			depth++
		case depth == 0 && p.tok().endsLine():
			p.beside()
			return
		case p.tok().is("}"):
			depth--
		}
	}
}

// network = "network" word "{" { line } "}" .
func (p *parser) network() *Network {
	n := &Network{src: p.src}
	n.Above = trimBlank(p.above(), true, false)
	n.Pos = p.tok().pos
	if !p.tok().is("network") {
		p.expected(`"network"`)
		return n
	}
	p.next()
	if t := p.tok(); t.kind == tokWord {
		n.Name = p.next().text
		n.mark("name", t.pos)
	} else {
		p.expected("the network's name, which starts with a letter")
		p.skipTo("{")
	}
	if !p.tok().is("{") {
		p.expected(`"{"`)
		return n
	}
	closed := p.braces(&n.Braces, func() *Node {
		s := p.statement(n)
		if s == nil {
			return nil
		}
		n.Body = append(n.Body, s)
		return s.node()
	})
	if closed {
		n.Beside = p.endOfLine()
		n.Tail = trimBlank(p.above(), false, true)
		if p.tok().kind != tokEOF {
			p.expected("the end of the file after the network's closing brace")
		}
	}
	return n
}

// braces = "{" { statement ( eol | "then" ) } "}" . It reports whether the
// list was closed.
func (p *parser) braces(b *Braces, statement func() *Node) bool {
	open := p.next()
	b.Open = p.beside()
	for first := true; ; first = false {
		above := trimBlank(p.above(), first, false)
		switch {
		case p.tok().is("}"):
			p.next()
			b.End = trimBlank(above, false, true)
			return true
		case p.tok().kind == tokEOF:
			p.errorf(p.tok().pos, `expected "}" to close the brace of line %d, found the end of the file`, open.pos.Line)
			return false
		}
		n := statement()
		if n == nil {
			p.skipStatement()
			continue
		}
		n.Above = above
		if !p.tok().is("then") {
			n.Beside = p.endOfLine()
		}
	}
}

// endOfLine ends a statement and returns the comment beside it.
func (p *parser) endOfLine() string {
	if !p.tok().endsLine() {
		p.expected("the end of the line")
		p.skipTo("")
	}
	return p.beside()
}

// beside consumes an optional comment and the end of the line, if it follows.
func (p *parser) beside() (comment string) {
	if p.tok().kind == tokComment {
		comment = p.next().text
	}
	if p.tok().kind == tokNewline {
		p.next()
	}
	return comment
}

// above consumes the comment lines before a statement, runs of blank lines as
// one.
func (p *parser) above() (lines []string) {
	for {
		switch p.tok().kind {
		case tokNewline:
			if len(lines) == 0 || lines[len(lines)-1] != "" {
				lines = append(lines, "")
			}
			p.next()
		case tokComment:
			lines = append(lines, p.beside())
		default:
			return lines
		}
	}
}

// trimBlank drops a blank line at either end.
func trimBlank(lines []string, start, end bool) []string {
	if start && len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	if end && len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return nil
	}
	return lines
}
