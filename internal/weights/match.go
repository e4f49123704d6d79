package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Param is a tensor that a network expects: its name in the network's state
// dict, without "module.", and its dimensions, outermost first.
type Param = ir.Param

// MatchError says in what a checkpoint differs from what a network expects.
type MatchError struct {
	// File names the checkpoint.
	File string
	// Problems holds one line for each missing, extra, misshapen or otherwise
	// unusable tensor, naming it: first the expected ones in the network's
	// order, then the extra ones in the file's. Of very many extra ones the
	// first are named, and the others counted.
	Problems []string
}

const (
	// maxExtra is how many tensors that nobody wants a message names: more
	// than any network has that is meant to be another.
	maxExtra = 2000
	// maxListed is how many faults of a checkpoint a message shows. It is also
	// for how many of the tensors that are missing, and of those that are
	// extra, is found what they may have been meant to be: it takes time.
	maxListed = 20
)

// Error lists the problems, one a line; of many the first ones.
func (e *MatchError) Error() string {
	count := fmt.Sprintf("%d problems", len(e.Problems))
	if len(e.Problems) == 1 {
		count = "1 problem"
	}
	lines := e.Problems
	if more := len(lines) - maxListed; more > 0 {
		lines = append(lines[:maxListed:maxListed], fmt.Sprintf("and %d more: %s", more, kinds(lines[maxListed:])))
	}
	return fmt.Sprintf("%s does not fit the network: %s\n  %s", e.File, count, strings.Join(lines, "\n  "))
}

// kinds counts problems by how their lines begin.
func kinds(problems []string) string {
	var order []string
	count := map[string]int{}
	for _, p := range problems {
		kind, _, _ := strings.Cut(p, "  ")
		if count[kind] == 0 {
			order = append(order, kind)
		}
		count[kind]++
	}
	for i, kind := range order {
		order[i] = fmt.Sprintf("%d %s", count[kind], kind)
	}
	return strings.Join(order, ", ")
}

// CleanName returns a tensor's name without the "module." that
// torch.nn.DataParallel puts before all names.
func CleanName(name string) string {
	for {
		rest, ok := strings.CutPrefix(name, "module.")
		if !ok {
			return name
		}
		name = rest
	}
}

// isBookkeeping reports whether a tensor has no part in inference: the count
// of batches that a batch normalisation has seen.
func isBookkeeping(name string) bool {
	return name == "num_batches_tracked" || strings.HasSuffix(name, ".num_batches_tracked")
}

// Match returns the values of every parameter that a network expects, by name,
// in C order, converted to float32. The slices are copies.
//
// Names are compared after [CleanName], and tensors named num_batches_tracked
// are ignored. In a caffemodel dimensions of 1 do not count, since Caffe wrote
// vectors as 1x1x1xC and kernels of one frame without their extent in time.
//
// If a tensor is missing, not expected, of another shape, not of floating-point
// numbers, or holds an infinity or NaN, or a variance a negative value, the error
// is a [*MatchError] with all such faults. Two parameters of one name in want are a
// fault of the caller and panic.
func Match(f *File, want []Param) (map[string][]float32, error) {
	m := matcher{file: f, byName: map[string]Tensor{}, wanted: make(map[string]bool, len(want)), suggest: map[string]bool{}}
	for _, p := range want {
		if m.wanted[p.Name] {
			panic("BUG: two parameters are named " + p.Name)
		}
		m.wanted[p.Name] = true
	}
	m.collect()
	m.findMissing(want)

	values := make([][]float32, len(want))
	faults := make([]string, len(want))
	parallel(len(want), func(i int) { values[i], faults[i] = m.read(want[i]) })

	problems := slices.Concat(faults, m.extraProblems(), m.problems)
	problems = slices.DeleteFunc(problems, func(s string) bool { return s == "" })
	if len(problems) > 0 {
		return nil, &MatchError{File: f.baseName(), Problems: problems}
	}
	out := make(map[string][]float32, len(want))
	for i, p := range want {
		out[p.Name] = values[i]
	}
	return out, nil
}

// matcher holds what Match knows of the two sides.
type matcher struct {
	file     *File
	byName   map[string]Tensor // by clean name
	wanted   map[string]bool
	extra    []Param         // in the file's order, with clean names
	missing  []Param         // in the network's order
	suggest  map[string]bool // the missing ones of which candidates are named
	problems []string
}

// collect indexes the file's tensors by their clean names.
func (m *matcher) collect() {
	for _, t := range m.file.tensors {
		name := CleanName(t.Name)
		if isBookkeeping(name) && !m.wanted[name] {
			continue
		}
		if other, dup := m.byName[name]; dup {
			m.problems = append(m.problems, fmt.Sprintf("ambiguous   %s: both %s and %s", name, other.Name, t.Name))
			continue
		}
		m.byName[name] = t
		if !m.wanted[name] {
			m.extra = append(m.extra, Param{Name: name, Shape: t.Shape})
		}
	}
}

func (m *matcher) findMissing(want []Param) {
	for _, p := range want {
		if _, ok := m.byName[p.Name]; !ok {
			m.suggest[p.Name] = len(m.missing) < maxListed
			m.missing = append(m.missing, p)
		}
	}
}

// read returns the values of one parameter, or what is wrong with it.
func (m *matcher) read(p Param) (values []float32, fault string) {
	t, ok := m.byName[p.Name]
	switch {
	case !ok:
		fault = fmt.Sprintf("missing     %s (%s)", p.Name, shapeString(p.Shape))
		if m.suggest[p.Name] {
			fault += suggest(p, m.extra)
		}
		return nil, fault
	case !m.file.fits(t, p):
		return nil, fmt.Sprintf("misshapen   %s: found %s, expected %s", p.Name, shapeString(t.Shape), shapeString(p.Shape))
	case !t.stored.IsFloat():
		return nil, fmt.Sprintf("wrong type  %s: found %v, expected F32, F16, BF16 or F64", p.Name, t.stored)
	}
	values, err := t.Float32s()
	if err != nil {
		panic("BUG: floating-point numbers that cannot be converted: " + err.Error())
	}
	if firstNonFinite(values) >= 0 {
		return nil, "not finite  " + t.checkFinite().Error()
	}
	if i := slices.IndexFunc(values, func(v float32) bool { return v < 0 }); i >= 0 && p.Role == ir.RoleVariance {
		return nil, fmt.Sprintf("negative    %s: the variance of channel %d is %g, expected 0 or more", p.Name, i, values[i])
	}
	return values, ""
}

// extraProblems returns a line for every tensor that no parameter wants, or, of
// very many, for the first ones and one for the rest.
func (m *matcher) extraProblems() []string {
	lines := make([]string, min(len(m.extra), maxExtra))
	parallel(len(lines), func(i int) {
		e := m.extra[i]
		lines[i] = fmt.Sprintf("extra       %s (%s)", e.Name, shapeString(e.Shape))
		if i < maxListed {
			lines[i] += suggest(e, m.missing)
		}
	})
	if rest := len(m.extra) - len(lines); rest > 0 {
		lines = append(lines, fmt.Sprintf("extra       %d more", rest))
	}
	return lines
}

// fits reports whether a tensor of the file has a parameter's shape, as [Match]
// compares them.
func (f *File) fits(t Tensor, p Param) bool {
	if f.format == FormatCaffe {
		return slices.Equal(squeezed(t.Shape), squeezed(p.Shape))
	}
	return slices.Equal(t.Shape, p.Shape)
}

// squeezed returns a shape without its dimensions of 1.
func squeezed(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(d int) bool { return d == 1 })
}
