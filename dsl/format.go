package dsl

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Format writes a network as text in canonical form: one statement a line,
// four spaces of indentation, attributes in a fixed order, neighbouring
// stages and settings in columns. Comments and single blank lines stay where
// they are. Formatting the result again changes nothing, and parsing it gives
// the same network.
func Format(n *Network) []byte {
	var f formatter
	f.line(0, &line{
		node:   &n.Node,
		cells:  []string{"network " + n.Name},
		braces: &n.Braces,
		lines:  bodyLines(n.Body),
	}, "", true)
	f.comments(0, n.Tail)
	return f.Bytes()
}

// line is one line of the result, with the lines in its braces.
type line struct {
	node   *Node
	table  string   // lines of one table that follow each other align their cells
	cells  []string // "" is a cell that other lines of the table may have
	beside string   // the comment, where it is not the node's
	braces *Braces
	lines  []*line
}

// bodyLines lays out a network's statements; a layer after "then" goes on the
// line of the one before it.
func bodyLines(body []Stmt) (lines []*line) {
	for i, s := range body {
		l, isLayer := s.(Layer)
		if isLayer && l.then() && i > 0 && lines[len(lines)-1].braces == nil {
			last := lines[len(lines)-1]
			text := "then " + strings.Join(filled(layerCells(l)), " ")
			if end := len(last.cells) - 1; last.cells[end] == "" {
				last.cells[end] = text
			} else {
				last.cells[end] += " " + text
			}
			last.beside = s.node().Beside
			continue
		}
		lines = append(lines, statementLine(s))
	}
	return lines
}

func statementLine(s Stmt) *line {
	l := &line{node: s.node(), beside: s.node().Beside}
	switch s := s.(type) {
	case *Input:
		l.cells = []string{fmt.Sprintf("input %v %dx%dx%dx%d", s.Order, s.C, s.T, s.H, s.W)}
		l.braces = &s.Braces
		for _, set := range s.Settings {
			l.lines = append(l.lines, &line{node: &set.Node, table: "setting", cells: []string{set.Key, set.text()}, beside: set.Beside})
		}
	case *Names:
		l.cells = []string{strings.TrimRight("names "+s.Scheme, " ")}
		l.braces = &s.Braces
		for _, e := range s.Entries {
			l.lines = append(l.lines, &line{node: &e.Node, table: "name", cells: []string{e.Key, `"` + e.Template + `"`}, beside: e.Beside})
		}
		if len(s.Entries) == 0 && s.Scheme == "" {
			l.cells[0] += " " + DefaultNames
		}
	case *Blocks:
		l.cells = []string{s.text()}
	case *BatchNorm:
		l.cells = []string{"batchnorm epsilon " + decimal(s.Epsilon)}
	case Layer:
		l.cells = layerCells(s)
		if _, ok := s.(*Stage); ok {
			l.table = "stage"
			l.cells = append(l.cells, "") // for what follows with "then"
		}
	default:
		panic(fmt.Sprintf("BUG: statement %T", s))
	}
	if l.braces != nil && len(l.lines) == 0 && l.braces.Open == "" && len(l.braces.End) == 0 {
		l.braces = nil
	}
	return l
}

// text returns a setting's values as written.
func (s *Setting) text() string {
	var words []string
	for _, v := range s.Values {
		words = append(words, decimal(v))
	}
	switch s.Key {
	case "resize":
		for i, v := range s.Values {
			words[i] = fmt.Sprint(int(v))
		}
		return strings.Join(words, "/")
	case "range":
		return strings.Join(words, "..")
	}
	return strings.Join(words, " ")
}

func (b *Blocks) text() string {
	text := fmt.Sprintf("block %s", b.Form)
	if b.Form == Bottleneck {
		text += fmt.Sprintf(" expansion %d", b.Expansion)
	}
	if b.MiddleStride {
		text += " stride middle"
	}
	text += mixText(b.Mix, b.Mid)
	if b.WithinStage {
		text += " within stage"
	}
	return text + when("bias", b.Bias)
}

// mixText returns the kinds of blocks and the channels of split ones as
// written, with a space before.
func mixText(mix []Kind, mid int) (text string) {
	if len(mix) > 0 {
		text += " mix"
	}
	for _, k := range mix {
		text += " " + string(k)
	}
	switch {
	case mid == MidMatched:
		text += " mid matched"
	case mid != 0:
		text += fmt.Sprintf(" mid %d", mid)
	}
	return text
}

// layerCells returns a layer's text in cells, of which a stage has several.
func layerCells(l Layer) []string {
	switch l := l.(type) {
	case *Conv:
		return []string{fmt.Sprintf("conv %d kernel %v", l.Out, l.Kernel) + given("stride", l.Stride) + given("pad", l.Pad) + when("bias", l.Bias) + as(l.As)}
	case *Pool:
		text := "pool " + l.Kind.String()
		if l.Kernel != nil {
			text += " " + l.Kernel.String() + given("stride", l.Stride) + given("pad", l.Pad)
			if l.Ceil {
				text += " ceil"
			}
		}
		return []string{text + as(l.As)}
	case *Stage:
		return []string{"stage " + l.Name, fmt.Sprint("width ", l.Width), fmt.Sprint("blocks ", l.Blocks),
			strings.TrimSpace(given("stride", l.Stride)), strings.TrimSpace(when("flat", l.Flat) + mixText(l.Mix, l.Mid))}
	case *Flatten:
		return []string{"flatten"}
	case *Dropout:
		return []string{"dropout " + decimal(l.Rate)}
	case *Linear:
		return []string{fmt.Sprint("linear ", l.Out) + when("relu", l.ReLU) + when("features", l.Features) + as(l.As)}
	case *Softmax:
		return []string{"softmax"}
	}
	panic(fmt.Sprintf("BUG: layer %T", l))
}

func given(attr string, e *Extent) string {
	if e == nil {
		return ""
	}
	return " " + attr + " " + e.String()
}

// when returns a word with a space before, if it is to stand.
func when(word string, stands bool) string {
	if !stands {
		return ""
	}
	return " " + word
}

func as(name string) string {
	if name == "" {
		return ""
	}
	return " as " + name
}

func filled(cells []string) (words []string) {
	for _, c := range cells {
		if c != "" {
			words = append(words, c)
		}
	}
	return words
}

// formatter collects the result.
type formatter struct{ bytes.Buffer }

// lines writes a list of lines, aligning those of one table.
func (f *formatter) lines(depth int, all []*line) {
	for i := 0; i < len(all); {
		n := 1
		for all[i].table != "" && i+n < len(all) && all[i+n].table == all[i].table && len(all[i+n].node.Above) == 0 {
			n++
		}
		texts := align(all[i : i+n])
		width := 0
		for _, t := range texts {
			width = max(width, utf8.RuneCountInString(t))
		}
		for j, l := range all[i : i+n] {
			l.cells = []string{texts[j]}
			pad := ""
			if n > 1 {
				pad = strings.Repeat(" ", width-utf8.RuneCountInString(texts[j]))
			}
			f.line(depth, l, pad, i+j == 0)
		}
		i += n
	}
}

// align joins the cells of lines so that they stand in columns. A column that
// no line fills takes no room.
func align(lines []*line) []string {
	texts := make([]string, len(lines))
	for col := range lines[0].cells {
		width := 0
		for _, l := range lines {
			width = max(width, utf8.RuneCountInString(l.cells[col]))
		}
		if width == 0 {
			continue
		}
		for i, l := range lines {
			if col > 0 {
				texts[i] += " "
			}
			texts[i] += l.cells[col] + strings.Repeat(" ", width-utf8.RuneCountInString(l.cells[col]))
		}
	}
	for i := range texts {
		texts[i] = strings.TrimRight(texts[i], " ")
	}
	return texts
}

// line writes a line, its comments, and the lines in its braces.
func (f *formatter) line(depth int, l *line, pad string, first bool) {
	above := l.node.Above
	if first {
		above = trimBlank(above, true, false)
	}
	f.comments(depth, above)
	f.indent(depth)
	f.WriteString(l.cells[0])
	if l.braces != nil {
		f.WriteString(" {")
		f.beside("", l.braces.Open)
		f.lines(depth+1, l.lines)
		f.comments(depth+1, trimBlank(l.braces.End, len(l.lines) == 0, true))
		f.indent(depth)
		f.WriteString("}")
		pad = ""
	}
	beside := l.beside
	if depth == 0 {
		beside = l.node.Beside
	}
	f.beside(pad, beside)
}

func (f *formatter) indent(depth int) { f.WriteString(strings.Repeat("    ", depth)) }

// beside ends a line, with a comment if there is one.
func (f *formatter) beside(pad, comment string) {
	if comment != "" {
		f.WriteString(pad + "  " + comment)
	}
	f.WriteByte('\n')
}

// comments writes comment lines and blank lines.
func (f *formatter) comments(depth int, lines []string) {
	for _, c := range lines {
		if c != "" {
			f.indent(depth)
			f.WriteString(c)
		}
		f.WriteByte('\n')
	}
}
