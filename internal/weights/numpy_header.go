package weights

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// npyHeader is what the header of an array says.
type npyHeader struct {
	dtype     DType
	bigEndian bool
	fortran   bool // the first index moves fastest
	shape     []int
}

// npyTypes holds the element types by NumPy's letter and size.
var npyTypes = map[string]DType{
	"f2": F16, "f4": F32, "f8": F64, "b1": Bool,
	"i1": I8, "i2": I16, "i4": I32, "i8": I64,
	"u1": U8, "u2": U16, "u4": U32, "u8": U64,
}

// parseNPYHeader reads a header, which is a Python dict such as
//
//	{'descr': '<f4', 'fortran_order': False, 'shape': (64, 3), }
func parseNPYHeader(text string) (h npyHeader, err error) {
	p := pyLiteral{strings.TrimRight(text, " \n")}
	if err := p.expect("{"); err != nil {
		return h, err
	}
	seen := map[string]bool{}
	for !p.take("}") {
		key, err := p.str()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("the key %q comes twice", key)
		}
		seen[key] = true
		if err := p.expect(":"); err != nil {
			return h, err
		}
		switch key {
		case "descr":
			err = p.descr(&h)
		case "fortran_order":
			h.fortran, err = p.boolean()
		case "shape":
			h.shape, err = p.shape()
		default:
			err = errors.New("unknown, expected descr, fortran_order or shape")
		}
		if err != nil {
			return h, fmt.Errorf("%s: %w", shorten(key), err)
		}
		if !p.take(",") && !strings.HasPrefix(p.rest, "}") {
			return h, p.unexpected(`"," or "}"`)
		}
	}
	if p.rest != "" {
		return h, p.unexpected("nothing behind the dict")
	}
	if len(seen) != 3 {
		return h, errors.New("expected descr, fortran_order and shape")
	}
	return h, nil
}

// pyLiteral is what is left of a text of Python literals.
type pyLiteral struct{ rest string }

// take removes a token, and the spaces before and behind it, if it comes next.
func (p *pyLiteral) take(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), token)
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *pyLiteral) expect(token string) error {
	if !p.take(token) {
		return p.unexpected(strconv.Quote(token))
	}
	return nil
}

func (p *pyLiteral) unexpected(want string) error {
	const shown = 20
	return fmt.Errorf("found %q, expected %s", p.rest[:min(len(p.rest), shown)], want)
}

// str reads a string without escapes.
func (p *pyLiteral) str() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if !p.take(quote) {
			continue
		}
		s, rest, ok := strings.Cut(p.rest, quote)
		if !ok || strings.Contains(s, `\`) {
			return "", p.unexpected("a plain string")
		}
		p.rest = strings.TrimLeft(rest, " ")
		return s, nil
	}
	return "", p.unexpected("a string")
}

func (p *pyLiteral) boolean() (bool, error) {
	if p.take("True") {
		return true, nil
	}
	if p.take("False") {
		return false, nil
	}
	return false, p.unexpected("True or False")
}

// descr reads an element type: its byte order (< little, > big, | none), its
// letter and its size.
func (p *pyLiteral) descr(h *npyHeader) error {
	const kinds = "floats (f2, f4, f8), integers or booleans"
	if strings.HasPrefix(p.rest, "[") {
		return errors.New("records of several fields, expected " + kinds)
	}
	s, err := p.str()
	if err != nil {
		return err
	}
	if strings.HasSuffix(s, "O") {
		return errors.New("objects of Python, which only Python can read; expected " + kinds)
	}
	order, kind := s[:min(1, len(s))], s[min(1, len(s)):]
	dtype, ok := npyTypes[kind]
	if !ok || order != "<" && order != ">" && (order != "|" || dtype.Size() != 1) {
		return fmt.Errorf("the element type %q is not supported, expected %s", shorten(s), kinds)
	}
	h.dtype, h.bigEndian = dtype, order == ">"
	return nil
}

// shape reads a tuple of numbers. Python 2 wrote an L behind long ones.
func (p *pyLiteral) shape() ([]int, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	shape := []int{}
	for !p.take(")") {
		end := strings.IndexAny(p.rest, ",)")
		if end < 0 || len(shape) == maxRank {
			return nil, p.unexpected(fmt.Sprintf("a tuple of at most %d numbers", maxRank))
		}
		digits := strings.TrimSuffix(strings.TrimRight(p.rest[:end], " "), "L")
		n, err := strconv.ParseUint(digits, 10, strconv.IntSize-1)
		if err != nil {
			return nil, p.unexpected("a number from 0 up that fits an int")
		}
		shape = append(shape, int(n))
		p.rest = p.rest[end:]
		p.take(",")
	}
	return shape, nil
}
