package draw

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// MaxProducts is how many multiply-adds a drawn network has at most, for one
// clip.
const MaxProducts = 6e6

// maxValues is how many values any map of a drawn network has at most.
const maxValues = 1 << 18

// Text returns a random description of a network. It is valid, has at most
// MaxProducts multiply-adds, and ends with its head: a statement that does not
// fit on what is before it is not taken.
func Text(r *rand.Rand) string {
	d := &drawer{Rand: r}
	d.declarations()
	for range pick(d, 0, 1, 1, 1, 2) {
		d.try(d.conv)
	}
	d.sometimes(2, d.pool)
	if d.basic || len(d.kinds) > 0 {
		for range r.IntN(4) {
			d.try(d.stage)
			d.sometimes(3, d.pool)
		}
	}
	d.sometimes(6, d.conv)
	d.head()
	return d.text()
}

// drawer collects the statements of a text.
type drawer struct {
	*rand.Rand
	lines     []string
	layers    int      // the index of the first layer in lines
	basic     bool     // the blocks are basic ones
	expansion int      // of the blocks
	kinds     []string // that blocks may have
	names     int      // of layers so far
}

// pick returns one of the values.
func pick[T any](d *drawer, values ...T) T { return values[d.IntN(len(values))] }

// one reports true once in n times.
func (d *drawer) one(n int) bool { return d.IntN(n) == 0 }

// sometimes is try once in n times.
func (d *drawer) sometimes(n int, statement func() string) {
	if d.one(n) {
		d.try(statement)
	}
}

// try adds a statement that the network so far can take, or none.
func (d *drawer) try(statement func() string) bool {
	for range 6 {
		more := append(d.lines[:len(d.lines):len(d.lines)], statement())
		if valid(compose(append(more[:len(more):len(more)], "pool max"))) || valid(compose(more)) {
			d.lines = more
			return true
		}
	}
	return false
}

// text returns the network's text. Some layers share a line.
func (d *drawer) text() string {
	var lines []string
	for i, s := range d.lines {
		if i > d.layers && d.one(5) {
			lines[len(lines)-1] += " then " + s
		} else {
			lines = append(lines, s)
		}
	}
	return compose(lines)
}

// compose returns the text of a network of some lines.
func compose(lines []string) string {
	return "network net {\n    " + strings.Join(lines, "\n    ") + "\n}\n"
}

// valid reports whether a text is a network of at most MaxProducts.
func valid(text string) bool {
	g, err := lower(text)
	if err != nil {
		return false
	}
	products := int64(0)
	for i := range g.Ops {
		products += g.FLOPs(&g.Ops[i]) / 2
	}
	for _, v := range g.Values {
		if v.Shape.Elems() > maxValues {
			return false
		}
	}
	return products <= MaxProducts
}

func lower(text string) (*ir.Graph, error) {
	n, err := dsl.Parse("net.p3d", []byte(text))
	if err != nil {
		return nil, err
	}
	return dsl.Lower(n)
}

// extent returns an extent from 1 to most, small ones more often than others.
func (d *drawer) extent(most int) int {
	return 1 + d.IntN(pick(d, 2, min(most, 7), min(most, 17), most))
}

// channels returns a number of channels: mostly one that fills no vector.
func (d *drawer) channels() int {
	return pick(d, 1+d.IntN(8), 1+d.IntN(20), 1+d.IntN(50), pick(d, 4, 8, 16, 24, 32, 48, 64))
}

// width returns the channels of a stage: sometimes such that its first block adds
// its input as it is.
func (d *drawer) width() int {
	if d.one(3) {
		if g, err := lower(compose(append(d.lines[:len(d.lines):len(d.lines)], "pool max"))); err == nil {
			if c := g.Values[len(g.Values)-1].Shape.C; c%d.expansion == 0 {
				return c / d.expansion
			}
		}
	}
	return d.channels()
}

// declarations draws the statements in front of the layers.
func (d *drawer) declarations() {
	// The extents of a clip: at most 33 frames of 97 x 97, and few enough pixels
	// for a stem of a few channels.
	t, h, w := d.extent(33), d.extent(97), d.extent(97)
	for t*h*w > 12000 {
		t, h, w = d.extent(33), d.extent(97), d.extent(97)
	}
	order := pick(d, "rgb", "bgr", "flow")
	channels := 3
	if order == "flow" {
		channels = 2
	}
	d.lines = append(d.lines, fmt.Sprintf("input %s %dx%dx%dx%d%s", order, channels, t, h, w, d.preprocessing(channels)))
	if !d.one(6) {
		d.lines = append(d.lines, d.blocks())
	}
	if d.one(2) {
		// By 0.5 batch norms can be made exact.
		d.lines = append(d.lines, "batchnorm epsilon "+pick(d, "0.5", "0.5", "0.5", "1e-3", "1e-5"))
	}
	d.lines = append(d.lines, d.scheme())
	d.Shuffle(len(d.lines), func(i, j int) { d.lines[i], d.lines[j] = d.lines[j], d.lines[i] })
	d.layers = len(d.lines)
}

// preprocessing draws the settings of an input, or none.
func (d *drawer) preprocessing(channels int) string {
	if d.one(2) {
		return ""
	}
	settings := []string{"resize " + pick(d, "256/160", "8/7", "128"), "range " + pick(d, "0..1", "0..255")}
	for _, key := range []string{"mean", "std"} {
		s := key
		for range channels {
			s += fmt.Sprintf(" %.3g", 0.1+d.Float64())
		}
		settings = append(settings, s)
	}
	return " {\n        " + strings.Join(settings[d.IntN(len(settings)):], "\n        ") + "\n    }"
}

// blocks draws how the blocks are made.
func (d *drawer) blocks() string {
	d.kinds = []string{"full", "spatial", "split"}
	s := "block basic"
	if d.basic = d.one(3); !d.basic {
		d.kinds = append(d.kinds, "A", "B", "C", "A", "B", "C")
		s = "block bottleneck"
	}
	attrs := []string{d.mix(), "mid " + d.mid()}
	switch {
	case d.basic:
		d.expansion = 1
	case d.one(4):
		d.expansion = dsl.DefaultExpansion
	default:
		d.expansion = 1 + d.IntN(4)
		attrs = append(attrs, fmt.Sprintf("expansion %d", d.expansion))
	}
	if !d.basic && d.one(2) {
		attrs = append(attrs, "stride "+pick(d, "first", "middle"))
	}
	if d.one(3) {
		attrs = append(attrs, pick(d, "within stage", "through network"))
	}
	if d.one(5) {
		attrs = append(attrs, "bias")
	}
	return d.join(s, attrs)
}

func (d *drawer) mix() string {
	s := "mix"
	for range 1 + d.IntN(4) {
		s += " " + pick(d, d.kinds...)
	}
	return s
}

func (d *drawer) mid() string {
	if d.one(2) {
		return "matched"
	}
	return fmt.Sprint(d.channels())
}

// scheme draws a scheme of names in which any network's parameters have names
// of their own.
func (d *drawer) scheme() string {
	scheme := pick(d, "port", "torchvision", "caffe")
	if d.basic {
		scheme = "torchvision-video"
	}
	return "names " + scheme + ` {
        conv      "stem{n}"
        conv-norm "stem{n}-norm"
        linear    "fc{n}"
    }`
}

// join returns a statement with its attributes in any order.
func (d *drawer) join(s string, attrs []string) string {
	d.Shuffle(len(attrs), func(i, j int) { attrs[i], attrs[j] = attrs[j], attrs[i] })
	return strings.Join(append([]string{s}, attrs...), " ")
}
