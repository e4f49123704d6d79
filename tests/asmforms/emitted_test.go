package asmforms

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// descriptions are networks that have among them every kind of kernel: wide
// and narrow channels, convolutions over space, time and both, pools of both
// kinds, and one of more vectors than a kernel keeps at once.
var descriptions = []string{
	`input rgb 3x9x37x29
    block bottleneck expansion 4 mix A B C
    conv 24 kernel 3x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 pad 0x1x1
    stage res2 width 17 blocks 3 then pool average 2x3x3 stride 1x2x2 ceil
    stage res3 width 40 blocks 2 stride 1x2x2 flat
    pool average
    linear 101`,
	`input flow 2x3x15x12
    block bottleneck expansion 1 mix C
    conv 1 kernel 1x1x1
    stage res2 width 3 blocks 2
    pool max
    linear 1`,
	`input rgb 3x2x9x7
    pool average 1x2x2 stride 1x1x1
    conv 144 kernel 2x2x2 stride 2x2x2 pad 1x0x1
    pool max 1x2x2 stride 1x1x1
    pool average`,
}

// networks returns the networks whose kernels are looked at: the presets and
// the descriptions, scheduled in every way.
func networks() ([]*suite.Net, error) {
	var nets []*suite.Net
	add := func(name string, n *dsl.Network) error {
		g, err := dsl.Lower(n)
		if err != nil {
			return err
		}
		g.Taps = nil
		if g, err = ir.RunPasses(g, ir.Passes()); err != nil {
			return err
		}
		for _, f := range []ir.Fusion{ir.FuseAuto, ir.FuseNever, ir.FuseAlways} {
			nets = append(nets, &suite.Net{Name: fmt.Sprintf("%s%d", name, f), Graph: g, Schedule: ir.ScheduleOptions{Fusion: f}})
		}
		return nil
	}
	for _, name := range []string{"p3d63", "p3d199"} {
		n, err := dsl.Load(name)
		if err == nil {
			err = add(name, n)
		}
		if err != nil {
			return nil, err
		}
	}
	for i, d := range descriptions {
		n, err := dsl.Parse("net.p3d", []byte("network net {\n    "+d+"\n}\n"))
		if err == nil {
			err = add(fmt.Sprintf("net%d", i), n)
		}
		if err != nil {
			return nil, err
		}
	}
	return nets, nil
}

// function is one emitted kernel.
type function struct {
	net, name, isa string
	header         string
	lines          []string // labels and instructions
}

// emitted parses all assembly of the networks, once.
var emitted = sync.OnceValues(func() ([]function, error) {
	nets, err := networks()
	if err != nil {
		return nil, err
	}
	texts := make([][]function, len(nets))
	errs := make([]error, len(nets))
	suite.Each(len(nets), func(i int) { texts[i], errs[i] = functions(nets[i]) })
	var all []function
	for i := range texts {
		if errs[i] != nil {
			return nil, errs[i]
		}
		all = append(all, texts[i]...)
	}
	return all, nil
})

var textLine = regexp.MustCompile(`^TEXT ·(\w+)_(avx512|avx2)\(SB\), (.*)$`)

// functions generates a network's package and parses its assembly. A line that
// is neither blank, a comment, a directive, a function's head, a label nor an
// instruction is an error.
func functions(n *suite.Net) ([]function, error) {
	files, err := n.Generate()
	if err != nil {
		return nil, err
	}
	var list []function
	for _, f := range files {
		if !strings.HasSuffix(f.Name, ".s") {
			continue
		}
		inside := false
		for i, line := range strings.Split(string(f.Content), "\n") {
			m := textLine.FindStringSubmatch(line)
			switch {
			case m != nil:
				list = append(list, function{net: n.Name, name: m[1], isa: m[2], header: m[3]})
				inside = true
			case line == "" || strings.HasPrefix(line, "//") || strings.HasPrefix(line, "#include "):
				inside = false
			case inside:
				last := &list[len(list)-1]
				last.lines = append(last.lines, line)
			default:
				return nil, fmt.Errorf("%s: %s:%d: %q belongs to no function", n.Name, f.Name, i+1, line)
			}
		}
	}
	return list, nil
}
