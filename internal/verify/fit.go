package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// Fit checks that the reference values are of this network. The error lists
// in what they differ, and the settings that would make them agree.
func (r *Reference) Fit(net *dsl.Network) error {
	g, err := dsl.Lower(net)
	if err != nil {
		return err
	}
	f := fitter{r: r}
	if r.Network == "" {
		f.blocks(net)
	}
	f.input(g)
	if r.Network == "" {
		f.stemPool(net)
	}
	f.classes(g)
	if len(f.faults) == 0 {
		f.values(g)
	}
	if len(f.faults) == 0 {
		return nil
	}
	of := ""
	if r.Network != "" {
		of = ", of the preset " + r.Network + ","
	}
	text := fmt.Sprintf("the reference values %s%s are not of the network %s:\n  %s", r.Name, of, net.Name, strings.Join(f.faults, "\n  "))
	if len(f.settings) > 0 {
		text += "\nit would fit with --set " + strings.Join(f.settings, " --set ")
	}
	return fmt.Errorf("%s", text)
}

// fitter collects differences, and the settings that remove them.
type fitter struct {
	r        *Reference
	faults   []string
	settings []string
}

func (f *fitter) fault(setting, format string, args ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, args...))
	if setting != "" {
		f.settings = append(f.settings, setting)
	}
}

// blocks compares depths and, if those agree, the kind of each block.
func (f *fitter) blocks(net *dsl.Network) {
	var depths []int
	var mix []dsl.Kind
	for _, s := range net.Body {
		switch s := s.(type) {
		case *dsl.Blocks:
			mix = s.Mix
		case *dsl.Stage:
			depths = append(depths, s.Blocks)
		}
	}
	kinds := net.Kinds()
	want := f.r.Layers
	if !slices.Equal(depths, want) {
		setting := "depths=" + join(want)
		if len(depths) != len(want) {
			setting = "" // no setting changes the number of stages
		}
		f.fault(setting, "stages of %s blocks, the reference of %s", join(depths), join(want))
	}
	for i, kind := range kinds {
		if string(kind) != f.r.Mix[i%len(f.r.Mix)] {
			found := join(mix)
			if len(mix) == 0 { // stages have their own
				found = join(kinds)
			}
			f.fault("mix="+strings.Join(f.r.Mix, ","), "blocks of the mix %s, the reference of %s", found, strings.Join(f.r.Mix, ","))
			break
		}
	}
}

// join writes a list with commas between.
func join[T any](list []T) string {
	var s []string
	for _, v := range list {
		s = append(s, fmt.Sprint(v))
	}
	return strings.Join(s, ",")
}

func (f *fitter) input(g *ir.Graph) {
	s, want := g.Input.Shape, f.r.Input
	if got := []int{s.C, s.T, s.H, s.W}; !slices.Equal(got, want[1:]) {
		size := strings.ReplaceAll(join(want[1:]), ",", "x")
		f.fault("input="+size, "clips of %s, the reference of %s", strings.ReplaceAll(join(got), ",", "x"), size)
	}
}

// stemPool returns which of the two pools the reference has, caffe or pytorch,
// or "".
func (r *Reference) stemPool() string {
	name, _, _ := strings.Cut(r.Pool1, ":")
	if name != "caffe" && name != "pytorch" {
		return ""
	}
	return name
}

func (f *fitter) stemPool(net *dsl.Network) {
	want := f.r.stemPool()
	for _, s := range net.Body {
		p, ok := s.(*dsl.Pool)
		if !ok || p.Kernel == nil {
			continue
		}
		if got := poolStyle(p); got != want {
			f.fault("stem-pool="+want, "the %s stem pool, the reference the %s one", got, want)
		}
		return
	}
	f.fault("", "no stem pool, the reference has one")
}

// poolStyle tells the stem pools of the published networks apart: Caffe's is
// without padding and rounds up, the PyTorch port's pads half the window in
// space and rounds down.
func poolStyle(p *dsl.Pool) string {
	pad := dsl.Extent{}
	if p.Pad != nil {
		pad = *p.Pad
	}
	half := dsl.Extent{H: (p.Kernel.H - 1) / 2, W: (p.Kernel.W - 1) / 2}
	switch {
	case p.Ceil && pad == dsl.Extent{}:
		return "caffe"
	case !p.Ceil && pad == half:
		return "pytorch"
	}
	return fmt.Sprintf("pad %v, ceil %t", pad, p.Ceil)
}

func (f *fitter) classes(g *ir.Graph) {
	if got := outputLen(g, "logits"); got != f.r.Classes {
		f.fault(fmt.Sprintf("classes=%d", f.r.Classes), "%d classes, the reference %d", got, f.r.Classes)
	}
}

// values compares the lengths and shapes of what is to be compared, and how
// much there is to compute it from. No setting changes those.
func (f *fitter) values(g *ir.Graph) {
	if got, want := g.NumParams(), f.r.Parameters; want > 0 && got != want {
		f.fault("", "parameters of %d values, the reference of %d", got, want)
	}
	if got := outputLen(g, "features"); got != len(f.r.Features) {
		f.fault("", "%d features, the reference %d", got, len(f.r.Features))
	}
	for _, name := range f.r.tapNames() {
		i := slices.IndexFunc(g.Taps, func(o ir.Output) bool { return o.Name == name })
		if i < 0 {
			f.fault("", "no layer named %s, the reference has one", name)
			continue
		}
		s, want := g.Values[g.Taps[i].Value].Shape, f.r.Taps[name].Shape
		got := []int{1, s.C, s.T, s.H, s.W}
		if len(want) == 4 && s.T == 1 {
			got = []int{1, s.C, s.H, s.W}
		}
		if !slices.Equal(got, want) {
			f.fault("", "%s of shape %v, the reference of %v", name, got, want)
		}
	}
}

// outputLen returns the number of values of an output, 0 without it.
func outputLen(g *ir.Graph, name string) int {
	for _, o := range g.Outputs {
		if o.Name == name {
			return g.Values[o.Value].Shape.Elems()
		}
	}
	return 0
}
