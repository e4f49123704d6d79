package ptx

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// body reads the statements of a kernel.
type body struct {
	*parser
	kernel *Kernel
	scopes []map[string]int // the slots of registers, innermost last
	params map[string]int
	labels map[string]int
	jumps  []jump
}

// jump is a branch whose target is not known yet.
type jump struct {
	token, instruction int
	label              string
}

func newBody(p *parser, k *Kernel) *body {
	b := &body{parser: p, kernel: k, scopes: []map[string]int{{}}, params: map[string]int{}, labels: map[string]int{}}
	k.constants = map[uint64]int{}
	b.constant(0) // slot 0, also of operands that an instruction has not
	k.threadAt, k.blockAt = b.slot(), b.slot()
	k.paramsAt = k.slots
	b.scopes[0]["%tid.x"], b.scopes[0]["%ctaid.x"] = k.threadAt, k.blockAt
	for _, p := range k.params {
		b.params[p.name] = b.slot()
	}
	return b
}

func (b *body) slot() int {
	b.kernel.slots++
	return b.kernel.slots - 1
}

// constant returns the slot of a value.
func (b *body) constant(value uint64) int {
	at, known := b.kernel.constants[value]
	if !known {
		at = b.slot()
		b.kernel.constants[value] = at
	}
	return at
}

// statements reads what is between braces, of which the first was taken.
func (b *body) statements() {
	for !b.has("}") {
		switch word := b.peek(); {
		case word == "":
			b.next()
		case word == "{":
			b.next()
			b.scopes = append(b.scopes, map[string]int{})
			b.statements()
			b.scopes = b.scopes[:len(b.scopes)-1]
		case word == ".reg":
			b.registers()
		case word == ".pragma":
			b.next()
			if pragma := b.next(); pragma != `"nounroll"` {
				b.fail("pragma %s is not implemented", pragma)
			}
			b.want(";")
		case b.tokens[b.at+1].text == ":":
			b.labels[b.next()] = len(b.kernel.code)
			b.next()
		default:
			b.instruction()
		}
	}
}

// registers reads a declaration of one register, or of some with numbers.
func (b *body) registers() {
	b.next()
	if typ := b.next(); !slices.Contains([]string{".pred", ".b16", ".b32", ".b64", ".u64", ".f32"}, typ) {
		b.fail("register type %s is not implemented", typ)
	}
	name, scope := b.next(), b.scopes[len(b.scopes)-1]
	if b.has("<") {
		for i := range b.integer() {
			scope[name+strconv.FormatInt(i, 10)] = b.slot()
		}
		b.want(">")
	} else {
		scope[name] = b.slot()
	}
	b.want(";")
}

// instruction reads one, with its predicate.
func (b *body) instruction() {
	in := instruction{line: b.tokens[b.at].line}
	if b.has("@") {
		in.negated = b.has("!")
		in.guard = b.register()
	}
	in.opcode = b.next()
	f, known := forms[in.opcode]
	if !known {
		b.at--
		b.fail("instruction %s is not implemented", in.opcode)
	}
	if in.guard != 0 && f.kind != branch {
		b.fail("a predicate of %s is not implemented", in.opcode)
	}
	in.form = f
	for i, what := range strings.Fields(f.operands) {
		if i > 0 {
			b.want(",")
		}
		b.operand(&in, what)
	}
	b.want(";")
	b.kernel.code = append(b.kernel.code, in)
}

// operand reads one, which a form describes by a letter:
//
//	d  a register that is written       D2  so many in braces
//	s  a register or constant           S2  so many in braces
//	a  an address in brackets           p   a parameter in brackets
//	l  a label                          u   nothing
func (b *body) operand(in *instruction, what string) {
	switch what[0] {
	case 'd':
		in.to = append(in.to, b.register())
	case 's':
		in.from = append(in.from, b.value())
	case 'D', 'S':
		b.want("{")
		for i := range int(what[1] - '0') {
			if i > 0 {
				b.want(",")
			}
			if what[0] == 'D' {
				in.to = append(in.to, b.register())
			} else {
				in.from = append(in.from, b.value())
			}
		}
		b.want("}")
	case 'a':
		b.want("[")
		in.from = append(in.from, b.register())
		if b.has("+") {
			in.offset = b.integer()
		}
		b.want("]")
	case 'p':
		b.want("[")
		name := b.next()
		at, known := b.params[name]
		if !known {
			b.at--
			b.fail("the kernel has no parameter %s", name)
		}
		in.from = append(in.from, at)
		b.want("]")
	case 'l':
		b.jumps = append(b.jumps, jump{b.at, len(b.kernel.code), b.next()})
	}
}

// register reads the name of one and returns its slot.
func (b *body) register() int {
	name := b.next()
	for _, scope := range slices.Backward(b.scopes) {
		if at, known := scope[name]; known {
			return at
		}
	}
	b.at--
	b.fail("there is no register %s", name)
	return 0
}

// value reads a register, a number or the address of shared memory.
func (b *body) value() int {
	text := b.peek()
	switch {
	case text == b.kernel.shared && text != "":
		b.next()
		return b.constant(sharedBase)
	case strings.HasPrefix(text, "0f"):
		bits, err := strconv.ParseUint(b.next()[2:], 16, 32)
		if err != nil {
			b.at--
			b.fail("%q, expected a float32 value's bits", text)
		}
		return b.constant(bits)
	case text != "" && (text[0] == '-' || '0' <= text[0] && text[0] <= '9'):
		if bits, err := strconv.ParseUint(text, 0, 64); err == nil && bits > math.MaxInt64 {
			b.next()
			return b.constant(bits)
		}
		return b.constant(uint64(b.integer()))
	}
	return b.register()
}

// finish resolves labels.
func (b *body) finish() {
	for _, j := range b.jumps {
		at, known := b.labels[j.label]
		if !known {
			b.at = j.token
			b.fail("there is no label %s", j.label)
		}
		b.kernel.code[j.instruction].target = at
	}
	if n := len(b.kernel.code); n == 0 || b.kernel.code[n-1].kind != exit && b.kernel.code[n-1].kind != branch {
		b.fail("%s does not end with ret", b.kernel.Name)
	}
}
