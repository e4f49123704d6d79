package codegen

import (
	"bytes"
	"fmt"
)

// Printer writes assembly text, one statement a line.
type Printer struct{ buf bytes.Buffer }

// Line writes a line as it is; with arguments, formatted.
func (p *Printer) Line(format string, args ...any) {
	if len(args) == 0 {
		p.buf.WriteString(format)
	} else {
		fmt.Fprintf(&p.buf, format, args...)
	}
	p.buf.WriteByte('\n')
}

// Op writes an indented instruction and its operands in the assembler's order.
func (p *Printer) Op(name string, operands ...any) {
	p.buf.WriteByte('\t')
	p.buf.WriteString(name)
	for i, o := range operands {
		if i == 0 {
			p.buf.WriteByte(' ')
		} else {
			p.buf.WriteString(", ")
		}
		fmt.Fprint(&p.buf, o)
	}
	p.buf.WriteByte('\n')
}

// Label writes a jump target.
func (p *Printer) Label(name string) { p.Line("%s:", name) }

// Bytes returns what was written.
func (p *Printer) Bytes() []byte { return p.buf.Bytes() }
