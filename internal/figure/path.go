package figure

import (
	"fmt"
	"math"
	"strings"

	"github.com/p3dc/p3dc/internal/svg"
)

// point is a place in pixels.
type point struct{ x, y float64 }

// towards returns the place at a distance from a on the way to b, at most half
// of it.
func (a point) towards(b point, distance float64) point {
	part := min(0.5, distance/math.Hypot(b.x-a.x, b.y-a.y))
	return point{a.x + part*(b.x-a.x), a.y + part*(b.y-a.y)}
}

// rounded returns the path through points, with rounded corners.
func rounded(points ...point) string {
	const radius = 6
	var d strings.Builder
	fmt.Fprintf(&d, "M%.1f %.1f", points[0].x, points[0].y)
	for i := 1; i < len(points)-1; i++ {
		at := points[i]
		from, to := at.towards(points[i-1], radius), at.towards(points[i+1], radius)
		fmt.Fprintf(&d, "L%.1f %.1fQ%.1f %.1f %.1f %.1f", from.x, from.y, at.x, at.y, to.x, to.y)
	}
	last := points[len(points)-1]
	fmt.Fprintf(&d, "L%.1f %.1f", last.x, last.y)
	return d.String()
}

// arrow draws a line through points with a head at its end, which points right.
func arrow(p *svg.Printer, colour string, points ...point) {
	end := points[len(points)-1]
	points[len(points)-1].x -= 4
	p.Line(`<path fill="none" stroke="%s" stroke-width="1.2" d="%s"/>`, colour, rounded(points...))
	p.Line(`<path fill="%s" d="M%.1f %.1fl-6 -3v6z"/>`, colour, end.x, end.y)
}

// flow draws the way through all boxes: from one to the next, and from the end
// of a row between the rows to the start of the next.
func (l *layout) flow(p *svg.Printer) {
	var last point
	for i := range l.rows {
		r := &l.rows[i]
		y := r.y + boxHeight/2
		for j := range r.boxes {
			to := point{r.boxes[j].x, y}
			switch {
			case i == 0 && j == 0:
				arrow(p, ink, point{to.x - gap, y}, to)
			case j == 0:
				between := r.y - rise - 9
				arrow(p, way, last, point{last.x + gap - 3, last.y}, point{last.x + gap - 3, between},
					point{to.x - gap - 2, between}, point{to.x - gap - 2, y}, to)
			default:
				arrow(p, ink, last, to)
			}
			last = point{r.boxes[j].right(), y}
		}
	}
}
