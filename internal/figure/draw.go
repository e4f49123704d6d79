package figure

import (
	"fmt"
	"html"
	"math"

	"github.com/p3dc/p3dc/internal/svg"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// row draws the boxes of a row, and the label of its section.
func (l *layout) row(p *svg.Printer, r *row) {
	if r.section != nil {
		l.label(p, r.section, r.y)
	}
	for i := range r.boxes {
		r.boxes[i].draw(p, r.y)
	}
}

// label draws a section's maps, as a stack of frames, with its name and figures.
func (l *layout) label(p *svg.Printer, s *section, y float64) {
	if s.shape.Pixels() > 1 {
		l.frames(p, s.shape, margin+40, y+boxHeight/2)
	}
	const x = margin + 90
	p.Line(`<text x="%d" y="%.1f"><tspan font-size="14" font-weight="bold">%s</tspan> <tspan fill="%s">%s</tspan></text>`,
		x, y-4, html.EscapeString(shorten(s.name, 14)), faint, html.EscapeString(s.about))
	p.Text(`font-size="12"`, x, y+13, "start", units.Shape(s.shape))
	small := fmt.Sprintf(`font-size="11" fill="%s"`, faint)
	if s.params > 0 {
		p.Text(small, x, y+29, "start", units.Count(s.params)+" parameters")
		p.Text(small, x, y+44, "start", spaced(s.flops)+"FLOPs")
	}
}

// shorten cuts a text to a number of letters.
func shorten(s string, n int) string {
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n-1]) + "…"
	}
	return s
}

// frames draws a map of a network: as many frames as it has, of the size that it
// has in relation to the clip's. Areas, not sides, are in proportion, so that
// small maps can be seen. The middle of the stack is at x, y.
func (l *layout) frames(p *svg.Printer, s ir.Shape, x, y float64) {
	const side, step, most = 46.0, 2.2, 16
	in := l.g.Input.Shape
	scale := func(n int) float64 { return max(4, side*math.Pow(float64(n)/float64(max(in.H, in.W)), 0.6)) }
	w, h := scale(s.W), scale(s.H)
	n := min(s.T, most)
	depth := step * float64(n-1)
	for i := range n {
		back := step * float64(n-1-i)
		p.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#eef3fa" stroke="#6f86a8" stroke-width="0.8"/>`,
			x-(w+depth)/2+back, y-(h-depth)/2-back, w, h)
	}
}

// draw draws a box with its text, and the shortcut of a block above it.
func (b *box) draw(p *svg.Printer, y float64) {
	p.Line(`<g><title>%s</title>`, html.EscapeString(b.about))
	middle := b.x + b.width/2
	if b.kind != nil {
		b.block(p, y)
	} else {
		c := layerColour
		if b.pool {
			c = poolColour
		}
		p.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="3" fill="%s" stroke="%s"/>`, b.x, y, b.width, boxHeight, c.fill, c.line)
		first := y + boxHeight/2 + 4 - 7*float64(len(b.lines)-1)
		for i, line := range b.lines {
			p.Text(`font-size="11"`, middle, first+14*float64(i), "middle", line)
		}
	}
	if b.below != "" {
		p.Text(fmt.Sprintf(`font-size="10" fill="%s"`, faint), middle, y+boxHeight+13, "middle", b.below)
	}
	p.Line(`</g>`)
}

// block draws a block with its shortcut, dashed if that is a convolution.
func (b *box) block(p *svg.Printer, y float64) {
	const out = gap/2 - 1 // where the shortcut leaves the way through the blocks
	style := fmt.Sprintf(`fill="none" stroke="%s" stroke-width="1.2"`, b.kind.colour.line)
	if b.project {
		style += ` stroke-dasharray="3 2.5"`
	}
	p.Line(`<path %s d="%s"/>`, style, rounded(
		point{b.x - out, y + boxHeight/2}, point{b.x - out, y - rise + 6}, point{b.right() + out, y - rise + 6}, point{b.right() + out, y + boxHeight/2}))
	p.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="5" fill="%s" stroke="%s" stroke-width="1.2"/>`,
		b.x, y, b.width, boxHeight, b.kind.colour.fill, b.kind.colour.line)
	size := 17
	if len(b.lines[0]) > 2 {
		size = 13
	}
	p.Text(fmt.Sprintf(`font-size="%d" font-weight="bold" fill="%s"`, size, b.kind.colour.line),
		b.x+b.width/2, y+boxHeight/2+float64(size)/3, "middle", b.lines[0])
}
