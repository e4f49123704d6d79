package figure

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/internal/svg"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// Memory returns a drawing, in SVG, of a plan's memory over the regions that run
// one after another: where each map lies in the arena and how long, coloured by
// the size of its frames, and below how much scratch memory a worker takes in
// each region. Under the pointer browsers show names and sizes. The same plan
// gives the same bytes.
func Memory(p *ir.Plan) []byte {
	m := newMemory(p)
	w := &svg.Printer{}
	w.Open(memoryWidth, m.height, fmt.Sprintf("Memory of %s for %s, region by region", p.Graph.Name, p.Machine.Name))
	w.Line(`<rect width="%d" height="%.0f" rx="10" fill="%s"/>`, memoryWidth, m.height, paper)
	w.Line(`<g font-family="%s" font-size="12" fill="%s">`, fonts, ink)
	m.arena(w)
	m.scratch(w)
	m.legend(w)
	w.Line(`</g>`)
	w.Line(`</svg>`)
	return w.Bytes()
}

// Sizes in pixels.
const (
	memoryWidth   = 1060
	memoryLeft    = 84 // of the plots
	memoryRight   = memoryWidth - margin
	arenaTop      = 46
	arenaHeight   = 330
	scratchTop    = arenaTop + arenaHeight + 66
	scratchHeight = 80
	legendTop     = scratchTop + scratchHeight + 62
	legendColumn  = 170
)

// memory is a plan with where things are.
type memory struct {
	*ir.Plan
	buffers []*ir.Buffer // that take memory
	extents []ir.Shape   // frames, height and width of maps, as they come up; C is 0
	starts  []float64    // where each region begins, and where the last ends
	height  float64
}

func newMemory(p *ir.Plan) *memory {
	m := &memory{Plan: p}
	for i := range p.Buffers {
		b := &p.Buffers[i]
		if b.Last < b.First {
			continue // shares another's memory
		}
		m.buffers = append(m.buffers, b)
		if b.Space == ir.Arena && !slices.Contains(m.extents, extent(b)) {
			m.extents = append(m.extents, extent(b))
		}
	}
	m.starts = starts(p.Regions)
	perRow := int((memoryRight - memoryLeft) / legendColumn)
	rows := (len(m.extents) + perRow - 1) / perRow
	m.height = legendTop + 20*float64(rows) + 4
	return m
}

// extent is a map's size without its channels.
func extent(b *ir.Buffer) ir.Shape { return ir.Shape{T: b.Shape.T, H: b.Shape.H, W: b.Shape.W} }

// starts returns where regions begin, and where the last one ends. They are as
// wide as their predicted time, but wide enough to be seen.
func starts(regions []ir.Region) []float64 {
	total := 0.0
	for i := range regions {
		total += regions[i].Cycles
	}
	least := total / float64(4*len(regions))
	if total == 0 {
		least = 1
	}
	ends := []float64{0}
	for i := range regions {
		ends = append(ends, ends[i]+max(least, regions[i].Cycles))
	}
	for i, all := 0, ends[len(regions)]; i < len(ends); i++ {
		ends[i] = memoryLeft + (memoryRight-memoryLeft)*ends[i]/all
	}
	return ends
}

// shade returns the colour of maps by the size of their frames; more sizes than
// shades share some.
func shade(i int) colour {
	shades := []colour{
		{"#cfe3fa", "#1b5fad"}, {"#ffe0ba", "#a3540a"}, {"#cdefd3", "#1d7039"}, {"#e9dcfa", "#6836b0"},
		{"#fbdde6", "#a02c55"}, {"#c9eef0", "#0c6a72"}, {"#fff4b8", "#7d6608"}, {"#e4e7eb", "#4a545e"},
		{"#efe0d0", "#74461f"}, {"#e1eac6", "#56690f"},
	}
	return shades[i%len(shades)]
}

// arena draws a rectangle a map: its place in memory upwards, the regions from
// the one that writes it to the last that reads it to the right.
func (m *memory) arena(w *svg.Printer) {
	w.Text(`font-size="14" font-weight="bold"`, margin, 28, "start", fmt.Sprintf("Arena of a session: %s", units.Bytes(4*m.ArenaLen)))
	y := func(at int) float64 {
		return arenaTop + arenaHeight*(1-float64(at)/float64(max(1, m.ArenaLen)))
	}
	m.axes(w, 4*m.ArenaLen, arenaTop, arenaHeight)
	for _, b := range m.buffers {
		if b.Space != ir.Arena {
			continue
		}
		last := min(b.Last, len(m.Regions)-1)
		left, right, top, bottom := m.starts[b.First], m.starts[last+1], y(b.Base+b.Len), y(b.Base)
		c := shade(slices.Index(m.extents, extent(b)))
		w.Line(`<g><title>%s: %s, %s from region %d to %d</title>`, html.EscapeString(b.Name), units.Shape(b.Shape), units.Bytes(4*b.Len), b.First, last)
		w.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" stroke="%s" stroke-width="0.8"/>`, left, top, right-left, bottom-top, c.fill, c.line)
		if bottom-top > 13 && letter*float64(len(b.Name)) < right-left {
			w.Text(fmt.Sprintf(`font-size="11" fill="%s"`, c.line), (left+right)/2, (top+bottom)/2+4, "middle", b.Name)
		}
		w.Line(`</g>`)
	}
}

// axes draws the grid of a plot that is some bytes high, and the numbers of the
// regions below.
func (m *memory) axes(w *svg.Printer, size int, top, height float64) {
	for at, step := 0, byteStep(size, min(8, int(height/20))); at <= size; at += step {
		y := top + height*(1-float64(at)/float64(max(1, size)))
		w.Line(`<path stroke="%s" stroke-width="0.8" d="M%d %.1fH%d"/>`, rule, memoryLeft, y, memoryRight)
		w.Text(`font-size="11"`, memoryLeft-6, y+4, "end", strings.Replace(units.Bytes(at), ".0 ", " ", 1))
	}
	end := 0.0 // of the last number
	for r := range m.Regions {
		number := fmt.Sprint(r)
		x, half := (m.starts[r]+m.starts[r+1])/2, letter*float64(len(number))/2
		if x-half > end {
			w.Text(`font-size="10"`, x, top+height+14, "middle", number)
			end = x + half + 2
		}
	}
	w.Text(fmt.Sprintf(`font-size="11" fill="%s"`, faint), memoryRight, top+height+31, "end",
		"regions in the order in which they run, as wide as their predicted time")
}

// byteStep returns the distance of grid lines, a power of two in bytes: there
// are at most some of them.
func byteStep(size, lines int) int {
	step := 1
	for step*lines < size {
		step *= 2
	}
	return step
}

// scratch draws how much scratch memory each region takes.
func (m *memory) scratch(w *svg.Printer) {
	w.Text(`font-size="14" font-weight="bold"`, margin, scratchTop-16, "start", fmt.Sprintf("Scratch memory of a thread: %s", units.Bytes(4*m.ScratchLen)))
	m.axes(w, 4*m.ScratchLen, scratchTop, scratchHeight)
	for r := range m.Regions {
		used := 0
		for _, b := range m.buffers {
			if b.Space == ir.Scratch && b.First == r {
				used = max(used, b.Base+b.Len)
			}
		}
		if used == 0 {
			continue
		}
		h := scratchHeight * float64(used) / float64(m.ScratchLen)
		w.Line(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#b9c6d6" stroke="#4a5f7a" stroke-width="0.8"><title>%s: %s</title></rect>`,
			m.starts[r], scratchTop+scratchHeight-h, m.starts[r+1]-m.starts[r], h, html.EscapeString(m.Regions[r].Name), units.Bytes(4*used))
	}
}

// legend names the sizes of maps.
func (m *memory) legend(w *svg.Printer) {
	w.Text(fmt.Sprintf(`font-size="11" fill="%s"`, faint), memoryLeft, legendTop-16, "start", "maps of frames x height x width")
	perRow := int((memoryRight - memoryLeft) / legendColumn)
	for i, e := range m.extents {
		x, y := memoryLeft+legendColumn*float64(i%perRow), legendTop+20*float64(i/perRow)
		c := shade(i)
		w.Line(`<rect x="%.1f" y="%.1f" width="14" height="12" fill="%s" stroke="%s"/>`, x, y-10, c.fill, c.line)
		w.Text(`font-size="11"`, x+20, y, "start", fmt.Sprintf("%dx%dx%d", e.T, e.H, e.W))
	}
}
