package dsl

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/p3dc/p3dc/ir"
)

// The forms of a token that starts with a digit.
var (
	intForm   = regexp.MustCompile(`^[0-9]+$`)
	floatForm = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	sizeForm  = regexp.MustCompile(`^[0-9]+(x[0-9]+)+$`)
)

// lexer cuts a text into tokens. It never fails: what is no token becomes one
// of kind tokIllegal, and the parser reports it where it stands.
type lexer struct {
	src       string
	offset    int
	file      string
	line, col int // of src[offset], from 1; columns count characters
}

// lex returns the tokens of src; the last one is tokEOF.
func lex(file, src string) []token {
	l := &lexer{src: strings.TrimPrefix(src, "\ufeff"), file: file, line: 1, col: 1}
	var toks []token
	for {
		t := l.next()
		toks = append(toks, t)
		if t.kind == tokEOF {
			return toks
		}
	}
}

func (l *lexer) next() token {
	l.take(func(c byte) bool { return c == ' ' || c == '\t' || c == '\r' })
	t := token{pos: ir.Pos{File: l.file, Line: l.line, Col: l.col}}
	rest := l.src[l.offset:]
	if rest == "" {
		return t
	}
	switch c := rest[0]; {
	case c == '\n':
		t.kind, t.text = tokNewline, l.advance(1)
		l.line, l.col = l.line+1, 1
	case c == '#':
		t.kind = tokComment
		t.text = strings.TrimRight(l.take(func(c byte) bool { return c != '\n' }), " \t\r")
	case c == '{', c == '}', c == '/':
		t.kind, t.text = tokPunct, l.advance(1)
	case strings.HasPrefix(rest, ".."):
		t.kind, t.text = tokPunct, l.advance(2)
	case isLetter(c):
		t.kind, t.text = tokWord, l.take(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '-' })
	case isDigit(c):
		l.number(&t)
	case c == '"':
		l.quoted(&t)
	default:
		_, n := utf8.DecodeRuneInString(rest)
		t.kind, t.text = tokIllegal, fmt.Sprintf("unexpected character %q", l.advance(n))
	}
	return t
}

// number reads everything that looks glued to a leading digit, so that 64foo
// is one malformed number and not two tokens.
func (l *lexer) number(t *token) {
	rest := l.src[l.offset:]
	n := 0
	for n < len(rest) && !strings.HasPrefix(rest[n:], "..") {
		c := rest[n]
		exponentSign := (c == '-' || c == '+') && (rest[n-1] == 'e' || rest[n-1] == 'E')
		if !isLetter(c) && !isDigit(c) && c != '.' && c != '_' && !exponentSign {
			break
		}
		n++
	}
	t.text = l.advance(n)
	switch {
	case intForm.MatchString(t.text):
		t.kind = tokInt
	case sizeForm.MatchString(t.text):
		t.kind = tokSize
	case floatForm.MatchString(t.text):
		t.kind = tokFloat
	default:
		t.kind, t.text = tokIllegal, fmt.Sprintf("malformed number %q", shorten(t.text))
		return
	}
	if _, err := strconv.ParseFloat(t.text, 64); t.kind != tokSize && err != nil {
		t.kind, t.text = tokIllegal, fmt.Sprintf("the number %s is too large", shorten(t.text))
	}
}

// quoted reads a string, which ends at its quote and has no escapes.
func (l *lexer) quoted(t *token) {
	l.advance(1)
	t.text = l.take(func(c byte) bool { return c != '"' && c != '\n' })
	if !strings.HasPrefix(l.src[l.offset:], `"`) {
		t.kind, t.text = tokIllegal, "a string without its closing quote"
		return
	}
	l.advance(1)
	t.kind = tokString
}

// take advances over all bytes that satisfy ok and returns them.
func (l *lexer) take(ok func(byte) bool) string {
	n := l.offset
	for n < len(l.src) && ok(l.src[n]) {
		n++
	}
	return l.advance(n - l.offset)
}

// advance consumes n bytes and returns them.
func (l *lexer) advance(n int) string {
	s := l.src[l.offset : l.offset+n]
	l.offset += n
	l.col += utf8.RuneCountInString(s)
	return s
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
