package asmforms

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A form is an instruction with classes of operands instead of operands:
//
//	X Y Z K   a vector or mask register
//	R         a general register
//	(R)       memory without displacement; d8(R), d32(R) with one that takes
//	          8 or 32 bits
//	(FP)      an argument of the function
//	$8 $32    an immediate of 8 or 32 bits; a predicate of VCMPPS stays as it is
//	$lanes    an immediate that says by its bits which lanes VBLENDPS takes
//	label     a jump's target
type form string

var (
	memory    = regexp.MustCompile(`^(-?\d*)\([A-Z][A-Z0-9]*\)$`)
	argument  = regexp.MustCompile(`^\w+\+\d+\(FP\)$`)
	vector    = regexp.MustCompile(`^([XYZK])\d+$`)
	general   = regexp.MustCompile(`^(AX|BX|CX|DX|SI|DI|R8|R9|R1[0-3])$`) // R14, R15, BP and SP are Go's
	immediate = regexp.MustCompile(`^\$(0x[0-9A-F]+|-?\d+)$`)
	label     = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
)

// formOf returns an instruction's form, or an error for an operand of no known
// class.
func formOf(instruction string) (form, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(instruction), " ")
	if rest == "" {
		return form(name), nil
	}
	var classes []string
	for _, o := range strings.Split(rest, ", ") {
		class := ""
		switch m := []string(nil); {
		case label.MatchString(o) && name[0] == 'J':
			class = "label"
		case general.MatchString(o):
			class = "R"
		case argument.MatchString(o):
			class = "(FP)"
		default:
			if m = vector.FindStringSubmatch(o); m != nil {
				class = m[1]
			} else if m = memory.FindStringSubmatch(o); m != nil {
				class = width("d", m[1]) + "(R)"
			} else if m = immediate.FindStringSubmatch(o); m != nil {
				class = width("$", m[1])
				switch name {
				case "VCMPPS":
					class = o
				case "VBLENDPS":
					class = "$lanes"
				}
			}
		}
		if class == "" {
			return "", fmt.Errorf("%q: no class of operand is %q", instruction, o)
		}
		classes = append(classes, class)
	}
	return form(name + " " + strings.Join(classes, ", ")), nil
}

// width returns the class of a number: "" for none.
func width(prefix, number string) string {
	if number == "" {
		return ""
	}
	n, err := strconv.ParseInt(number, 0, 64)
	if err == nil && n >= -128 && n < 128 {
		return prefix + "8"
	}
	return prefix + "32"
}

// example returns an instruction of the form. The low one has the first
// registers, the high one the last that the instruction set has.
func (f form) example(high bool, registers int) string {
	name, rest, _ := strings.Cut(string(f), " ")
	if rest == "" {
		return name
	}
	reg, vec, mask, d8, d32, i8, i32, lanes := "AX", 0, "K1", "64", "4096", "$4", "$4096", "$1"
	if high {
		reg, vec, d8, d32, i8, i32, lanes = "R13", registers-3, "-128", "-100000", "$-128", "$-100000", "$255"
	}
	var operands []string
	for i, class := range strings.Split(rest, ", ") {
		o := class
		switch class {
		case "R":
			o = reg
		case "(R)":
			o = "(" + reg + ")"
		case "d8(R)":
			o = d8 + "(" + reg + ")"
		case "d32(R)":
			o = d32 + "(" + reg + ")"
		case "(FP)":
			o = "argument+8(FP)"
		case "$8":
			o = i8
		case "$32":
			o = i32
		case "$lanes":
			o = lanes
		case "K":
			o = mask
		case "X", "Y": // the older encodings' everywhere
			o = fmt.Sprintf("%s%d", class, min(vec, 13)+min(i, 2))
		case "Z":
			o = fmt.Sprintf("%s%d", class, vec+min(i, 2))
		}
		operands = append(operands, o)
	}
	return name + " " + strings.Join(operands, ", ")
}

func TestFormOf(t *testing.T) {
	for instruction, want := range map[string]form{
		"\tVZEROUPPER":                      "VZEROUPPER",
		"\tJNE tile":                        "JNE label",
		"\tMOVQ in+0(FP), SI":               "MOVQ (FP), R",
		"\tVMOVUPS 64(AX), Z31":             "VMOVUPS d8(R), Z",
		"\tVMOVUPS Y0, 128(DI)":             "VMOVUPS Y, d32(R)",
		"\tVFMADD231PS.BCST (AX), Z3, Z4":   "VFMADD231PS.BCST (R), Z, Z",
		"\tVBLENDPS $192, Y1, Y0, Y0":       "VBLENDPS $lanes, Y, Y, Y",
		"\tADDQ $-128, AX":                  "ADDQ $8, R",
		"\tADDQ $-129, AX":                  "ADDQ $32, R",
		"\tVCMPPS $7, Z0, Z0, K1":           "VCMPPS $7, Z, Z, K",
		"\tVMAXPS 2880(R9), Z1, K1, Z1":     "VMAXPS d32(R), Z, K, Z",
		"\tVBROADCASTSS scale+48(FP), Y8":   "VBROADCASTSS (FP), Y",
		"\tVFMADD231PS -4096(AX), Y3, Y4  ": "VFMADD231PS d32(R), Y, Y",
	} {
		if got, err := formOf(instruction); err != nil || got != want {
			t.Errorf("%q has the form %q, %v; want %q", instruction, got, err, want)
		}
	}
	for _, instruction := range []string{"\tMOVQ R14, AX", "\tMOVQ AX, (SP)(BX*8)", "\tMOVQ 8(AX)(BX*4), CX", "\tCALL ·f(SB)"} {
		if got, err := formOf(instruction); err == nil {
			t.Errorf("%q has the form %q, want none", instruction, got)
		}
	}
}
