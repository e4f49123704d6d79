package roofline

import (
	"fmt"
	"html"
	"math"

	"github.com/p3dc/p3dc/internal/svg"
)

// ceilings draws the peak, from where the highest bandwidth reaches it, and the
// slopes of the bandwidths up to it.
func (l *layout) ceilings(p *svg.Printer) {
	y, start := l.y.at(l.Peak.Rate), l.x.high
	for _, b := range l.Bandwidths {
		start = min(start, l.Peak.Rate/b.Rate)
		l.slope(p, b)
	}
	p.Line(`<path class="ceiling" d="M%.1f %.1fH%d"/>`, l.x.at(start), y, right)
	p.Text(`class="label"`, right-4, y-7, "end", fmt.Sprintf("%s: %s GFLOP/s", l.Peak.Name, rate(l.Peak.Rate)))
}

// rate formats a ceiling.
func rate(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// point is a place in pixels.
type point struct{ x, y float64 }

func (a point) to(b point, part float64) point {
	return point{a.x + part*(b.x-a.x), a.y + part*(b.y-a.y)}
}

func (a point) distance(b point) float64 { return math.Hypot(b.x-a.x, b.y-a.y) }

// slope draws a bandwidth from where it enters the plot, on the left or below,
// up to the peak, with its label along it.
func (l *layout) slope(p *svg.Printer, b Ceiling) {
	low := max(l.x.low, l.y.low/b.Rate)
	from := point{l.x.at(low), l.y.at(low * b.Rate)}
	to := point{l.x.at(l.Peak.Rate / b.Rate), l.y.at(l.Peak.Rate)}
	p.Line(`<path class="ceiling" d="M%.1f %.1fL%.1f %.1f"/>`, from.x, from.y, to.x, to.y)
	text := fmt.Sprintf("%s: %s GB/s", b.Name, rate(b.Rate))
	at := l.clearest(from, to, text)
	angle := math.Atan2(to.y-from.y, to.x-from.x) * 180 / math.Pi
	p.Line(`<text class="label" transform="translate(%.1f %.1f) rotate(%.1f)" y="-7" text-anchor="middle">%s</text>`,
		at.x, at.y, angle, html.EscapeString(text))
}

// letter is how wide a letter is, and rather more in most fonts; labelRoom is
// left at either end of a label.
const (
	letter    = 7.5
	labelRoom = 10
)

// clearest returns the middle for a text along a line that is as far as can be
// from all dots.
func (l *layout) clearest(from, to point, text string) point {
	half := min(0.5, (letter*float64(len(text))/2+labelRoom)/from.distance(to)) // of the line
	best, room := from.to(to, 0.5), math.Inf(-1)
	for i := range 21 {
		part := half + (1-2*half)*float64(i)/20
		clear := math.Inf(1)
		for j := range 9 { // of the text
			at := from.to(to, part+half*(float64(j)-4)/4)
			for k := range l.Dots {
				d := &l.Dots[k]
				clear = min(clear, at.distance(point{l.x.at(d.Intensity), l.y.at(d.GFLOPS)})-d.radius())
			}
		}
		if clear > room {
			best, room = from.to(to, part), clear
		}
	}
	return best
}
