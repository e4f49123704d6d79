// Package svg writes drawings: elements one a line, with text escaped. The same
// calls give the same bytes.
package svg

import (
	"bytes"
	"fmt"
	"html"
)

// Printer collects a drawing. The zero Printer is empty.
type Printer struct{ bytes.Buffer }

// Open starts a drawing of a size in pixels, which scales to the room that it is
// given. Its title is what browsers and screen readers call it. Line("</svg>")
// ends it.
func (p *Printer) Open(width, height float64, title string) {
	p.Line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" role="img">`, width, height)
	p.Line(`<title>%s</title>`, html.EscapeString(title))
}

// Line writes a line. Texts among the arguments must have been escaped.
func (p *Printer) Line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// Text writes a text at a place. The anchor, start, middle or end, says which
// part of it stands there; attrs are further attributes, such as class="tick".
func (p *Printer) Text(attrs string, x, y float64, anchor, text string) {
	p.Line(`<text %s x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, attrs, x, y, anchor, html.EscapeString(text))
}
