package tune

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/p3dc/p3dc/ir"
)

// File is what a tuning file holds: text that begins with
//
//	p3dc tuning 1
//	network p3d63 16x160x160x3
//
// the network's name and its clip, frames x height x width x channels. Then come
// sections, one for each instruction set that was tuned, of
//
//	isa avx512 on AMD EPYC 9R14
//	layer1.0.conv2                  F(4,3)-squared         1x8x40x64  643.1  512.4
//	layer1.0.conv3..layer1.0.conv4  F(4,3)-in-time+direct  8x1x40x1   2310   2201
//
// and so on through the network: a region's layers, how it is computed, the
// extents of a task as in ir.Choice, and the times that the choice was made by,
// measured and predicted, in microseconds. Blank lines and what follows a # do
// not count.
type File struct {
	Network  string
	Clip     ir.Shape
	Sections []Section // in the order in which they were written
}

// Section is the tuning of one instruction set.
type Section struct {
	ISA       string
	Processor string // that it was made on
	Regions   []Region
}

// version is that of the format, which the first line has.
const version = "1"

// FileError is a fault in a tuning file.
type FileError struct {
	Line int // 0 for the whole
	Text string
}

// Error returns the line and the text.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Text)
}

// Set puts in a section, in place of that of the same instruction set.
func (f *File) Set(s Section) {
	for i := range f.Sections {
		if f.Sections[i].ISA == s.ISA {
			f.Sections[i] = s
			return
		}
	}
	f.Sections = append(f.Sections, s)
}

// Tuning returns what a schedule is made by.
func (f *File) Tuning() ir.Tuning {
	t := make(ir.Tuning)
	for _, s := range f.Sections {
		for _, r := range s.Regions {
			t[s.ISA] = append(t[s.ISA], r.Choice)
		}
	}
	return t
}

// Fits returns an error if the file is of another network than g, or of
// another size of it. Whether the layers are the same, ir.Schedule says.
func (f *File) Fits(g *ir.Graph) error {
	if f.Network == g.Name && f.Clip == g.Input.Shape {
		return nil
	}
	return &FileError{Text: fmt.Sprintf("made for %s with clips of %v (frames x height x width x channels), found %s with %v; tune anew, or name the file made for it",
		f.Network, f.Clip, g.Name, g.Input.Shape)}
}

// Format returns the file's text.
func (f *File) Format() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "p3dc tuning %s\n", version)
	b.WriteString("# How the layers of this network are computed fastest, as measured by\n")
	b.WriteString("# \"p3dc compile --tune\". A line is a region: its layers, how it is computed,\n")
	b.WriteString("# a task's frames x height x width x channels, microseconds measured, and\n")
	b.WriteString("# microseconds predicted.\n")
	fmt.Fprintf(&b, "network %s %v\n", f.Network, f.Clip)
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "\nisa %s on %s\n", s.ISA, s.Processor)
		var names, algorithms, tiles int
		for _, r := range s.Regions {
			names, algorithms, tiles = max(names, len(r.layers())), max(algorithms, len(r.Algorithm)), max(tiles, len(r.Tile.String()))
		}
		for _, r := range s.Regions {
			fmt.Fprintf(&b, "%-*s  %-*s  %-*s  %7.1f  %7.1f\n", names, r.layers(), algorithms, r.Algorithm, tiles, r.Tile.String(), r.Measured, r.Predicted)
		}
	}
	return b.Bytes()
}

// separator stands between the first and the last of several layers.
const separator = ".."

// layers names a region's layers.
func (r *Region) layers() string {
	if r.First == r.Last {
		return r.First
	}
	return r.First + separator + r.Last
}

// MaxFile is more than any tuning file has, in bytes: the largest network has a line
// for each of its layers, on each instruction set.
const MaxFile = 16 << 20

// Parse reads a file's text. The error of a fault is a *FileError.
func Parse(text []byte) (*File, error) {
	if len(text) > MaxFile {
		return nil, &FileError{Text: fmt.Sprintf("not a tuning file: larger than %d MiB", MaxFile>>20)}
	}
	p := parser{file: new(File)}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := p.line(i+1, words); err != nil {
			return nil, &FileError{Line: i + 1, Text: err.Error()}
		}
	}
	if p.file.Network == "" {
		return nil, &FileError{Text: "not a tuning file: it says of no network how it is computed"}
	}
	return p.file, nil
}

// parser has read the file's first lines.
type parser struct {
	file  *File
	begun bool
}

func (p *parser) line(number int, words []string) error {
	f := p.file
	switch {
	case !p.begun:
		if len(words) != 3 || words[0] != "p3dc" || words[1] != "tuning" {
			return fmt.Errorf("not a tuning file: expected \"p3dc tuning %s\"", version)
		}
		if words[2] != version {
			return fmt.Errorf("version %s of tuning files, expected %s; tune anew", words[2], version)
		}
		p.begun = true
		return nil
	case f.Network == "":
		if len(words) != 3 || words[0] != "network" {
			return errors.New("expected the network: network NAME TxHxWxC")
		}
		f.Network = words[1]
		return parseShape(&f.Clip, words[2])
	case words[0] == "isa":
		return p.section(words)
	case len(f.Sections) == 0:
		return fmt.Errorf("found %s, expected the instruction set: isa NAME on PROCESSOR", words[0])
	}
	r, err := parseRegion(words)
	if err != nil {
		return err
	}
	r.Line = number
	s := &f.Sections[len(f.Sections)-1]
	s.Regions = append(s.Regions, r)
	return nil
}

func (p *parser) section(words []string) error {
	if len(words) < 4 || words[2] != "on" {
		return errors.New("expected the instruction set: isa NAME on PROCESSOR")
	}
	for _, s := range p.file.Sections {
		if s.ISA == words[1] {
			return fmt.Errorf("%s for the second time", s.ISA)
		}
	}
	p.file.Sections = append(p.file.Sections, Section{ISA: words[1], Processor: strings.Join(words[3:], " ")})
	return nil
}

func parseRegion(words []string) (r Region, err error) {
	if len(words) != 5 {
		return r, fmt.Errorf("%d words, expected 5: layers, algorithm, task, microseconds measured and predicted", len(words))
	}
	var several bool
	if r.First, r.Last, several = strings.Cut(words[0], separator); !several {
		r.Last = r.First
	}
	if r.First == "" || r.Last == "" {
		return r, fmt.Errorf("found %s, expected a layer, or the first and the last of several as in a..b", words[0])
	}
	r.Algorithm = words[1]
	if err := parseShape(&r.Tile, words[2]); err != nil {
		return r, err
	}
	for i, t := range []*float64{&r.Measured, &r.Predicted} {
		if *t, err = strconv.ParseFloat(words[3+i], 64); err != nil || !(*t >= 0 && *t < 1e12) {
			return r, fmt.Errorf("found %s, expected microseconds", words[3+i])
		}
	}
	return r, nil
}

// parseShape reads TxHxWxC.
func parseShape(s *ir.Shape, text string) error {
	axes := strings.Split(text, "x")
	to := []*int{&s.T, &s.H, &s.W, &s.C}
	if len(axes) == len(to) {
		for i, a := range axes {
			*to[i], _ = strconv.Atoi(a) // 0 where it is no number
		}
	}
	if !s.Valid() || s.String() != text {
		return fmt.Errorf("found %s, expected frames x height x width x channels, such as 1x20x40x64", text)
	}
	return nil
}

// printable returns a processor's name as a file can hold it.
func printable(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool {
		return r == '#' || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}
