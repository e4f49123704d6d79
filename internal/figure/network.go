package figure

import (
	"fmt"

	"github.com/p3dc/p3dc/internal/svg"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// Network returns a drawing, in SVG, of a graph before all passes: a row a
// stage, a box a residual block or layer, coloured by the block's kind, with
// the maps of each stage and below all what the kinds are. Under the pointer
// browsers show each box's name and figures. The same graph gives the same
// bytes.
func Network(g *ir.Graph) []byte {
	r := newReader(g)
	l := newLayout(r)
	p := &svg.Printer{}
	in := g.Input.Shape
	p.Open(l.width, l.height, fmt.Sprintf("%s, layer by layer", g.Name))
	p.Line(`<rect width="%.0f" height="%.0f" rx="10" fill="%s"/>`, l.width, l.height, paper)
	p.Line(`<g font-family="%s" font-size="12" fill="%s">`, fonts, ink)
	p.Text(`font-size="20" font-weight="bold"`, margin, 38, "start", shorten(g.Name, 50))
	p.Text(`fill="`+faint+`"`, margin, 58, "start", fmt.Sprintf("%s parameters, %sFLOPs a clip of %d %v frames, %dx%d pixels",
		units.Count(g.NumParams()), spaced(g.TotalFLOPs()), in.T, g.Input.Order, in.H, in.W))
	l.flow(p)
	for i := range l.rows {
		l.row(p, &l.rows[i])
	}
	l.legend(p)
	p.Line(`</g>`)
	p.Line(`</svg>`)
	return p.Bytes()
}
