package describe

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// writer writes the description. What its order and spaces are like does not
// matter: it is formatted.
type writer struct {
	g      *ir.Graph
	layers []layer
	items  []item
	forms  *forms // nil without blocks
	text   strings.Builder
}

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(&w.text, format, args...) }

// network writes all of it.
func (w *writer) network(name string) (err error) {
	w.items = items(w.layers)
	var stages []*stage
	for _, i := range w.items {
		if i.stage != nil {
			stages = append(stages, i.stage)
		}
	}
	if w.forms, err = formsOf(stages); err != nil {
		return err
	}
	w.printf("network %s {\n", cleanName(name))
	if err := w.input(); err != nil {
		return err
	}
	w.printf("\n")
	if err := w.declarations(); err != nil {
		return err
	}
	w.printf("\n")
	if err := w.statements(); err != nil {
		return err
	}
	w.printf("\n\n")
	w.names()
	w.printf("}\n")
	return nil
}

// statements writes the layers: stages together, and on a stage's line the
// pools behind it.
func (w *writer) statements() error {
	number, among := 1, false // among stages and their pools
	for i, it := range w.items {
		switch stays := among && w.follows(it); {
		case stays:
			w.printf(" then ")
		case among != (it.stage != nil) && i > 0:
			among = it.stage != nil
			w.printf("\n\n")
		default:
			among = it.stage != nil
			w.printf("\n")
		}
		if it.stage == nil {
			w.layer(it.layer, i)
			continue
		}
		number++
		if err := w.stage(it.stage, number); err != nil {
			return err
		}
	}
	return nil
}

// follows reports whether a layer stands on the line of the stage before it.
func (w *writer) follows(it item) bool {
	if it.op == nil {
		return false
	}
	p, ok := it.op.Attr.(ir.Pool)
	return ok && !p.IsGlobal(w.g.Values[it.op.In[0]].Shape)
}

// cleanName makes a word of the language of a name.
func cleanName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_') {
			return r
		}
		return '_'
	}, name)
	if len(clean) > dsl.MaxName {
		clean = clean[:dsl.MaxName]
	}
	if clean == "" || !unicode.IsLetter(rune(clean[0])) {
		clean = "net" + clean
	}
	return clean
}

// input writes what a clip is.
func (w *writer) input() error {
	in := w.g.Input
	s := in.Shape
	if s.C != 2 && s.C != 3 {
		return fmt.Errorf("the input has %d channels; expected 3, of pictures, or 2, of optical flow", s.C)
	}
	w.printf("input %v %dx%dx%dx%d {\n", in.Order, s.C, s.T, s.H, s.W)
	if in.ResizeShort > 0 {
		w.printf("resize %d\n", in.ResizeShort)
	}
	w.printf("range 0..%s\n", units.Numbers(255*in.Scale))
	if slices.ContainsFunc(in.Mean, func(v float64) bool { return v != 0 }) {
		w.printf("mean %s\n", units.Numbers(in.Mean...))
	}
	if slices.ContainsFunc(in.Std, func(v float64) bool { return v != 1 }) {
		w.printf("std %s\n", units.Numbers(in.Std...))
	}
	w.printf("}\n")
	return nil
}

// declarations writes what holds for all blocks and batch norms.
func (w *writer) declarations() error {
	if f := w.forms; f != nil {
		w.printf("block %s", f.form)
		if f.form == dsl.Bottleneck {
			w.printf(" expansion %d", f.expansion)
		}
		w.mix(f.mix)
		if f.matched {
			w.printf(" mid matched")
		}
		if f.middleStride {
			w.printf(" stride middle")
		}
		if f.bias {
			w.printf(" bias")
		}
		w.printf("\n")
	}
	epsilon := 0.0
	for i := range w.g.Ops {
		op := &w.g.Ops[i]
		norm, ok := op.Attr.(ir.BatchNorm)
		switch {
		case !ok:
		case epsilon == 0:
			epsilon = norm.Epsilon
		case epsilon != norm.Epsilon:
			return errAt(op, "its epsilon is %g, and that of those before it %g; a description has one", norm.Epsilon, epsilon)
		}
	}
	if epsilon != 0 {
		w.printf("batchnorm epsilon %s\n", units.Numbers(epsilon))
	}
	return nil
}

// mix writes a cycle of kinds, if there is one.
func (w *writer) mix(kinds []dsl.Kind) {
	if len(kinds) > 0 {
		w.printf(" mix")
	}
	for _, k := range kinds {
		w.printf(" %s", k)
	}
}

// names writes how the checkpoint calls the parameters: a scheme that tells all
// of them apart.
func (w *writer) names() {
	linears, paper, flat := 0, true, true
	for _, it := range w.items {
		if it.op != nil {
			if _, ok := it.op.Attr.(ir.Linear); ok {
				linears++
			}
		}
		if it.stage != nil {
			flat = flat && it.stage.flat
			paper = paper && (it.stage.flat || !slices.ContainsFunc(it.stage.kinds(), func(k dsl.Kind) bool {
				return k != dsl.Cascade && k != dsl.Parallel && k != dsl.Hybrid
			}))
		}
	}
	scheme := "torchvision-video"
	switch {
	case flat: // also without blocks
		scheme = "torchvision"
	case w.forms.form == dsl.Bottleneck && paper:
		scheme = "port"
	}
	w.printf("names %s", scheme)
	if linears > 1 {
		w.printf(" {\nlinear \"fc{n}\"\n}")
	}
	w.printf("\n")
}
