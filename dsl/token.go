package dsl

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// tokenKind is the class of a token.
type tokenKind int

const (
	tokEOF     tokenKind = iota
	tokNewline           // the end of a line, which ends a statement
	tokComment           // # to the end of the line
	tokWord              // letters, digits, - and _, starting with a letter
	tokInt               // 64
	tokFloat             // 0.485, 1e-5
	tokSize              // 3x16x160x160
	tokString            // "text" in one line
	tokPunct             // { } / ..
	tokIllegal           // text holds what is wrong
)

// token is one word of the language and where it stands.
type token struct {
	kind tokenKind
	text string // as written; a string's without its quotes
	pos  ir.Pos
}

// is reports whether the token is the given word or punctuation.
func (t token) is(text string) bool {
	return (t.kind == tokWord || t.kind == tokPunct) && t.text == text
}

// endsLine reports whether a statement cannot go on past the token.
func (t token) endsLine() bool {
	return t.kind == tokEOF || t.kind == tokNewline || t.kind == tokComment || t.is("}")
}

// String says what was found, as error messages put it.
func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokNewline, tokComment:
		return "the end of the line"
	case tokString:
		return fmt.Sprintf("the string %q", t.text)
	case tokInt, tokFloat:
		return "the number " + t.text
	case tokSize:
		return "the size " + t.text
	}
	return fmt.Sprintf("%q", t.text)
}
