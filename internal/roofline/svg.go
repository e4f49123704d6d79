package roofline

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"

	"github.com/p3dc/p3dc/internal/svg"
)

// The colours of groups in the order in which they first come up; they stand out
// from light and dark backgrounds alike. More groups than colours share some.
var colours = []string{"#d9822b", "#3b82c4", "#2f9e6e", "#8b6bd6", "#d0473f", "#1a9aa8", "#c864a0", "#8a8f2a"}

// style has the colours of text and lines on both backgrounds.
const style = `
text { font: 13px sans-serif; fill: #1f2328 }
.title { font-weight: bold }
.tick { font-size: 12px }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.ceiling { stroke: #57606a; stroke-width: 2; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .grid { stroke: #30363d }
  .ceiling { stroke: #9198a1 }
}
`

// SVG returns the drawing. The same chart gives the same bytes. Titles of dots,
// which browsers show under the pointer, have their figures.
func (c *Chart) SVG() []byte {
	l := newLayout(c)
	groups := c.groups()
	legend := l.bottom + 68
	rows := legendRows(groups)
	height := legend + float64(lineHeight*rows)
	p := &svg.Printer{}
	p.Open(width, height, c.Title)
	p.Line(`<style>%s</style>`, style)
	p.Text(`class="title"`, 10, titleLine, "start", c.Title)
	for i, n := range c.Notes {
		p.Text(`class="note"`, 10, float64(titleLine+lineHeight*(i+1)), "start", n)
	}
	l.axes(p)
	l.ceilings(p)
	l.dots(p, groups)
	l.legend(p, groups, rows, legend)
	p.Line(`</svg>`)
	return p.Bytes()
}

// axes draws the grid and what it is labelled with.
func (l *layout) axes(p *svg.Printer) {
	for _, v := range l.x.ticks() {
		x := l.x.at(v)
		p.Line(`<path class="grid" d="M%.1f %.1fV%.1f"/>`, x, l.top, l.bottom)
		p.Text(`class="tick"`, x, l.bottom+16, "middle", fmt.Sprint(v))
	}
	for _, v := range l.y.ticks() {
		y := l.y.at(v)
		p.Line(`<path class="grid" d="M%d %.1fH%d"/>`, left, y, right)
		p.Text(`class="tick"`, left-6, y+4, "end", fmt.Sprint(v))
	}
	p.Text(`class="label"`, 10, l.top-14, "start", "GFLOP/s, of the arithmetic that is done")
	p.Text(`class="label"`, right, l.bottom+38, "end", "arithmetic intensity: FLOP for each byte that has to be moved")
}

// radius returns the size of a dot: its area is its share of the time, but it
// can always be seen.
func (d *Dot) radius() float64 { return max(2.5, 44*math.Sqrt(d.Share)) }

// dots draws the large ones first, so that none hides a smaller one.
func (l *layout) dots(p *svg.Printer, groups []group) {
	order := slices.Clone(l.Dots)
	slices.SortStableFunc(order, func(a, b Dot) int { return cmp.Compare(b.Share, a.Share) })
	for i := range order {
		d := &order[i]
		g := slices.IndexFunc(groups, func(g group) bool { return g.name == d.Group })
		p.Line(`<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%[4]s" fill-opacity="0.5" stroke="%[4]s"><title>%s</title></circle>`,
			l.x.at(d.Intensity), l.y.at(d.GFLOPS), d.radius(), groups[g].colour, html.EscapeString(l.figures(d)))
	}
}

// figures says in words where a dot is.
func (l *layout) figures(d *Dot) string {
	return fmt.Sprintf("%s: %.3g FLOP/byte, %.0f GFLOP/s, %s of what is attainable, %s of the time",
		d.Name, d.Intensity, d.GFLOPS, Percent(d.GFLOPS/l.Attainable(d.Intensity)), Percent(d.Share))
}

// Percent formats a part, 0 to 1, in whole percent: what is more than nothing
// is not called nothing.
func Percent(part float64) string {
	if part > 0 && part < 0.01 {
		return "less than 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// group is the dots of one colour.
type group struct {
	name, colour string
	share        float64
}

// groups lists the groups in the order of their first dots.
func (c *Chart) groups() []group {
	var groups []group
	for _, d := range c.Dots {
		i := slices.IndexFunc(groups, func(g group) bool { return g.name == d.Group })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{name: d.Group, colour: colours[i%len(colours)]})
		}
		groups[i].share += d.Share
	}
	return groups
}

// text is what the legend says of a group.
func (g *group) text() string { return fmt.Sprintf("%s: %s of the time", g.name, Percent(g.share)) }

// legendRows returns how many rows the legend takes: groups lie in two columns
// if all fit into them.
func legendRows(groups []group) int {
	for i := range groups {
		if letter*float64(len(groups[i].text())) > (right-left)/2-legendText {
			return len(groups)
		}
	}
	return (len(groups) + 1) / 2
}

// legendText is how far the text of a group lies behind its mark.
const legendText = 18

// legend names the groups, column by column.
func (l *layout) legend(p *svg.Printer, groups []group, rows int, top float64) {
	for i, g := range groups {
		x, y := float64(left+i/rows*(right-left)/2), top+float64(i%rows*lineHeight)
		p.Line(`<circle cx="%.1f" cy="%.1f" r="6" fill="%[3]s" fill-opacity="0.5" stroke="%[3]s"/>`, x+6, y-5, g.colour)
		p.Text(`class="legend"`, x+legendText, y, "start", g.text())
	}
}
