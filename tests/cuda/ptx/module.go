package ptx

import (
	"fmt"
	"slices"
	"strconv"
)

// Module is a PTX text.
type Module struct {
	Target  string // as in sm_80
	kernels map[string]*Kernel
}

// Kernel is an entry of a module.
type Kernel struct {
	Name   string
	params []param
	most   int // threads of a block
	code   []instruction
	shared string // the name of the block's shared memory

	// What a thread has a slot of: registers, %tid.x, %ctaid.x, parameters, constants.
	slots             int
	threadAt, blockAt int
	paramsAt          int
	constants         map[uint64]int
}

// param is a parameter of a kernel.
type param struct {
	name string
	size int // bytes
}

// Kernel returns the entry of a name.
func (m *Module) Kernel(name string) (*Kernel, error) {
	if k := m.kernels[name]; k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("the module has no entry %s", name)
}

// Parse reads a module.
func Parse(text string) (m *Module, err error) {
	p := &parser{tokens: tokens(text), module: &Module{kernels: map[string]*Kernel{}}}
	defer func() {
		switch f := recover().(type) {
		case nil:
		case syntaxError:
			m, err = nil, f
		default:
			panic(f)
		}
	}()
	for p.peek() != "" {
		p.directive()
	}
	return p.module, nil
}

// syntaxError is what Parse fails with: a line, and what is wrong there.
type syntaxError struct {
	line int
	text string
}

func (e syntaxError) Error() string { return fmt.Sprintf("PTX line %d: %s", e.line, e.text) }

type parser struct {
	tokens []token
	at     int
	module *Module
	shared string // the name of dynamic shared memory
}

func (p *parser) peek() string { return p.tokens[p.at].text }

func (p *parser) next() string {
	t := p.tokens[p.at].text
	if t == "" {
		p.fail("the text ends here")
	}
	p.at++
	return t
}

func (p *parser) fail(format string, args ...any) {
	panic(syntaxError{p.tokens[p.at].line, fmt.Sprintf(format, args...)})
}

// want takes one token, which must be this.
func (p *parser) want(text string) {
	if got := p.peek(); got != text {
		p.fail("%q, expected %q", got, text)
	}
	p.at++
}

// has takes a token if it is this.
func (p *parser) has(text string) bool {
	if p.peek() != text {
		return false
	}
	p.at++
	return true
}

func (p *parser) integer() int64 {
	text := p.next()
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		p.at--
		p.fail("%q, expected an integer", text)
	}
	return n
}

// directive reads what stands outside of entries.
func (p *parser) directive() {
	switch word := p.next(); word {
	case ".version", ".address_size":
		p.next()
	case ".target":
		p.module.Target = p.next()
	case ".global": // constants of classes, which no kernel reads: to name one is an error
		for !p.has(";") {
			p.next()
		}
	case ".extern":
		p.want(".shared")
		p.want(".align")
		p.integer()
		p.want(".b8")
		p.shared = p.next()
		p.want("[")
		p.want("]")
		p.want(";")
	case ".visible":
		p.want(".entry")
		p.entry()
	default:
		p.at--
		p.fail("directive %s is not implemented", word)
	}
}

// entry reads a kernel.
func (p *parser) entry() {
	k := &Kernel{Name: p.next(), shared: p.shared, most: 1024}
	p.want("(")
	for !p.has(")") {
		p.want(".param")
		typ := p.next()
		size := map[string]int{".u64": 8, ".u32": 4}[typ]
		if size == 0 {
			p.fail("parameter type %s is not implemented", typ)
		}
		k.params = append(k.params, param{p.next(), size})
		p.has(",")
	}
	for p.peek() != "{" {
		switch word := p.next(); word {
		case ".maxntid":
			k.most = int(p.integer())
			for p.has(",") {
				k.most *= int(p.integer())
			}
		case ".minnctapersm":
			p.integer() // asks for registers, and does not change what is computed
		default:
			p.at--
			p.fail("directive %s is not implemented", word)
		}
	}
	p.want("{")
	b := newBody(p, k)
	b.statements()
	b.finish()
	if p.module.kernels[k.Name] != nil {
		p.fail("there are two entries %s", k.Name)
	}
	p.module.kernels[k.Name] = k
}

// Uncontracted returns the kernel with every fma.rn.f32 as a product and a sum that are
// rounded each: what the source says where the compiler has made one of the two.
func (k *Kernel) Uncontracted() *Kernel {
	u := *k
	u.code = slices.Clone(k.code)
	for i := range u.code {
		if in := &u.code[i]; in.opcode == "fma.rn.f32" {
			in.compute = three(func(a, b, c uint64) uint64 { return word(float32(float(a)*float(b)) + float(c)) })
		}
	}
	return &u
}
