package figure

import (
	"fmt"
	"html"

	"github.com/p3dc/p3dc/internal/svg"
)

// The legend has an entry a kind, in columns, each with a drawing of its
// convolutions.
const (
	entryHeight = 108
	nodeHeight  = 20
	nodeGap     = 15
	laneRoom    = 28 // from a node to the one below it in its column
	sumWidth    = 14
)

// entry is where the legend's drawing of a kind is.
type entry struct {
	*kind
	x, y  float64
	nodes []place
	sum   place // of the block's own sum
	width float64
}

// place is where a node is: its middle, and its column from 0.
type place struct {
	x, y, width float64
	column      int
}

// placeLegend places the entries below y, and the notes under them.
func (l *layout) placeLegend(y float64) {
	widest := 0.0
	for _, k := range l.kinds {
		e := newEntry(k)
		l.entries = append(l.entries, e)
		widest = max(widest, e.width)
	}
	if len(l.entries) == 0 {
		l.height = y + 20
		return
	}
	fit := max(1, int((l.width-2*margin+24)/(widest+24)))
	rows := (len(l.entries) + fit - 1) / fit
	columns := (len(l.entries) + rows - 1) / rows
	each := (l.width - 2*margin) / float64(columns)
	for i := range l.entries {
		l.entries[i].move(margin+each*float64(i%columns), y+entryHeight*float64(i/columns))
	}
	l.height = y + entryHeight*float64(rows) + 40
}

// newEntry places the nodes of a kind: a node's column is behind those of all
// that it reads, and nodes of one column stand below one another.
func newEntry(k *kind) entry {
	e := entry{kind: k}
	columns := []float64{} // widths
	lanes := []int{}
	put := func(n *node) place {
		at := place{width: sumWidth}
		if !n.sums() {
			at.width = letter*float64(len(n.text())) + 8
		}
		for _, in := range n.in {
			if in != enters {
				at.column = max(at.column, e.nodes[in].column+1)
			}
		}
		if at.column == len(columns) {
			columns, lanes = append(columns, 0), append(lanes, 0)
		}
		columns[at.column] = max(columns[at.column], at.width)
		at.y = laneRoom * float64(lanes[at.column])
		lanes[at.column]++
		return at
	}
	for i := range k.main {
		e.nodes = append(e.nodes, put(&k.main[i]))
	}
	e.sum = put(&node{in: []int{len(k.main) - 1}})
	starts := []float64{nodeGap + 6}
	for _, w := range columns {
		starts = append(starts, starts[len(starts)-1]+w+nodeGap)
	}
	for _, at := range append([]*place{&e.sum}, pointers(e.nodes)...) {
		at.x = starts[at.column] + columns[at.column]/2
	}
	e.width = max(starts[len(starts)-1]+4, e.title()+letter*1.1*float64(len(e.name)))
	return e
}

// title returns how far the kind's name is from the left, behind its letter.
func (e *entry) title() float64 { return letter*float64(len(e.letter)) + 22 }

func pointers(places []place) []*place {
	var all []*place
	for i := range places {
		all = append(all, &places[i])
	}
	return all
}

// move puts an entry to its place on the drawing.
func (e *entry) move(x, y float64) {
	e.x, e.y = x, y
	for _, at := range append(pointers(e.nodes), &e.sum) {
		at.x += x
		at.y += y + 58
	}
}

// text is what a node's box says.
func (n *node) text() string {
	size := fmt.Sprintf("%dx%dx%d", n.window.T.Kernel, n.window.H.Kernel, n.window.W.Kernel)
	switch {
	case n.spatial():
		return "S " + size
	case n.temporal():
		return "T " + size
	}
	return size
}

// legend draws the entries and the notes.
func (l *layout) legend(p *svg.Printer) {
	notes := []string{"Sizes are channels x frames x height x width."}
	if len(l.entries) > 0 {
		follows := "batch norm follows each convolution, and ReLU all"
		if !l.normed {
			follows = "ReLU follows all convolutions"
		}
		notes = []string{
			"In a block " + follows + " but the last and the shortcut’s; ReLU also follows the sum.",
			notes[0] + " A dashed shortcut is a 1x1x1 convolution, /1x2x2 a block’s stride.",
		}
		p.Line(`<path stroke="%s" d="M%d %.1fH%.1f"/>`, rule, margin, l.entries[0].y-12, l.width-margin)
	}
	for i := range l.entries {
		l.entries[i].draw(p)
	}
	for i, note := range notes {
		p.Text(fmt.Sprintf(`font-size="11" fill="%s"`, faint), margin, l.height-float64(16*(len(notes)-i)), "start", note)
	}
}

// draw draws the arrangement of a kind's convolutions between what enters the
// block and its sum with that.
func (e *entry) draw(p *svg.Printer) {
	c := e.colour
	p.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="18" rx="4" fill="%s" stroke="%s"/>`, e.x, e.y, letter*float64(len(e.letter))+14, c.fill, c.line)
	p.Text(fmt.Sprintf(`font-weight="bold" fill="%s"`, c.line), e.x+letter*float64(len(e.letter))/2+7, e.y+13, "middle", e.letter)
	p.Line(`<text x="%.1f" y="%.1f">%s</text>`, e.x+e.title(), e.y+13, html.EscapeString(e.name))
	start := point{e.x + 4, e.nodes[0].y}
	p.Line(`<path fill="none" stroke="%s" stroke-width="1.2" d="%s"/>`, c.line, rounded(
		point{start.x + 7, start.y}, point{start.x + 7, start.y - 24}, point{e.sum.x, start.y - 24}, point{e.sum.x, e.sum.y - 7}))
	e.edge(p, e.nodes[len(e.nodes)-1], e.sum)
	for i := range e.main {
		for _, in := range e.main[i].in {
			if in == enters {
				e.edge(p, place{x: start.x, y: start.y, column: -1}, e.nodes[i])
			} else {
				e.edge(p, e.nodes[in], e.nodes[i])
			}
		}
	}
	for i := range e.main {
		e.node(p, &e.main[i], e.nodes[i])
	}
	e.node(p, &node{}, e.sum)
	arrow(p, ink, point{e.sum.x + sumWidth/2, e.sum.y}, point{e.sum.x + sumWidth/2 + nodeGap - 2, e.sum.y})
}

// edge draws an arrow between nodes: below what stands between them.
func (e *entry) edge(p *svg.Printer, from, to place) {
	a, b := point{from.x + from.width/2, from.y}, point{to.x - to.width/2, to.y}
	switch {
	case to.column > from.column+1 && from.y == to.y:
		low := from.y + nodeHeight + 2
		p.Line(`<path fill="none" stroke="%s" stroke-width="1.2" d="%s"/>`, ink, rounded(
			point{a.x + 4, a.y}, point{a.x + 4, low}, point{to.x, low}, point{to.x, to.y + sumWidth/2}))
	case a.y < b.y:
		arrow(p, ink, a, point{a.x + 4, a.y}, point{a.x + 4, b.y}, b)
	case a.y > b.y:
		p.Line(`<path fill="none" stroke="%s" stroke-width="1.2" d="%s"/>`, ink, rounded(a, point{to.x, a.y}, point{to.x, to.y + sumWidth/2}))
	default:
		arrow(p, ink, a, b)
	}
}

// node draws a convolution, or a sum as a plus in a circle.
func (e *entry) node(p *svg.Printer, n *node, at place) {
	if n.sums() {
		p.Line(`<circle cx="%.1f" cy="%.1f" r="7" fill="%s" stroke="%s" stroke-width="1.2"/>`, at.x, at.y, paper, ink)
		p.Line(`<path stroke="%s" stroke-width="1.2" d="M%.1f %.1fh8m-4 -4v8"/>`, ink, at.x-4, at.y)
		return
	}
	fill := e.colour.fill
	if n.pointwise() {
		fill = paper
	}
	p.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="3" fill="%s" stroke="%s"/>`,
		at.x-at.width/2, at.y-nodeHeight/2, at.width, nodeHeight, fill, e.colour.line)
	p.Text(`font-size="11"`, at.x, at.y+4, "middle", n.text())
}
