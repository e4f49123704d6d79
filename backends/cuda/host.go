package cuda

import (
	"embed"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

//go:embed host/network.h host/network_host.c
var hostFS embed.FS

// reservedInC are words that mean something in C or C++ or in their libraries, as far
// as packages can be called like them: keywords, functions, types, macros, headers'
// names, and what stands before _open, _close or _error in the names of functions.
//
//go:embed host/reserved.txt
var reservedInC string

// host returns what programs in C, and in whatever calls C, run the network with:
// a header, and a source that needs no library to be linked with. Neither is
// anything to the go command. Their names, and those of all that is in them, are the
// package's, or where that is taken, by C or by these files, the package's behind a
// prefix.
func host(plans []*ir.Plan, p Precision, o codegen.Options) []codegen.File {
	inC := func(name string) []codegen.File {
		n := naming{o, name}
		return []codegen.File{{Name: name + ".h", Content: n.header(plans[0])}, {Name: name + "_host.c", Content: n.source(plans, p)}}
	}
	files := inC("p3dc_" + o.Package)
	if slices.Contains(strings.Fields(reservedInC), o.Package) || slices.ContainsFunc(files, func(f codegen.File) bool { return hasWord(f.Content, o.Package) }) {
		return files
	}
	return inC(o.Package)
}

var commentsAndStrings = regexp.MustCompile(`//.*|"[^"\n]*"`)

// hasWord reports whether a file in C has a word, comments and strings apart.
func hasWord(file []byte, word string) bool {
	return regexp.MustCompile(`\b` + word + `\b`).Match(commentsAndStrings.ReplaceAll(file, nil))
}

// naming is how the files for C call things.
type naming struct {
	codegen.Options
	inC string // what their names begin with
}

// file returns a file of the host's part with the network's name in place of the
// word network. What is of this network alone stands before it.
func (n naming) file(name string, before *codegen.Printer) []byte {
	text, err := hostFS.ReadFile("host/" + name)
	if err != nil {
		panic(fmt.Sprintf("BUG: embedded host code: %v", err))
	}
	named := strings.NewReplacer("NETWORK_", strings.ToUpper(n.inC)+"_", "network_sm_80", n.Package+"_sm_80", "network_", n.inC+"_", "network.cu", n.Package+".cu",
		"struct network", "struct "+n.inC, "network *", n.inC+" *", " network;", " "+n.inC+";").Replace(string(text))
	return append(before.Bytes(), named...)
}

func (n naming) header(plan *ir.Plan) []byte {
	p, in, upper := new(codegen.Printer), plan.Graph.Input.Shape, strings.ToUpper(n.inC)
	p.Line("// %s", n.Header())
	p.Line("")
	p.Line("// %s for programs in C and C++, on NVIDIA GPUs: see %s_host.c.", plan.Graph.Name, n.inC)
	p.Line("")
	for _, c := range []struct {
		name  string
		value int
		about string
	}{
		{"FRAMES", in.T, "of a clip"},
		{"HEIGHT", in.H, "of a frame, in pixels"},
		{"WIDTH", in.W, "of a frame, in pixels"},
		{"CHANNELS", in.C, "of a pixel"},
		{"CLIP", in.Elems(), "values of a clip"},
		{"CLASSES", outputLen(plan, "logits"), "logits, and probabilities; 0 without a classifier"},
		{"FEATURES", outputLen(plan, "features"), "pooled features; 0 where there are none"},
	} {
		p.Line("#define %s_%s %d // %s", upper, c.name, c.value, c.about)
	}
	p.Line("#define %s_ISA %q // what packed weights are for", upper, plan.Machine.Name)
	p.Line("")
	return n.file("network.h", p)
}

// outputLen returns how many values an output has, or 0 where there is none.
func outputLen(plan *ir.Plan, name string) int {
	if b := outputBuffer(plan, name); b != ir.NoBuffer {
		return plan.Buffers[b].Shape.Elems()
	}
	return 0
}

func outputBuffer(plan *ir.Plan, name string) ir.BufferID {
	for _, o := range plan.Outputs {
		if o.Name == name {
			return o.Buffer
		}
	}
	return ir.NoBuffer
}

func (n naming) source(plans []*ir.Plan, precision Precision) []byte {
	p := new(codegen.Printer)
	p.Line("// %s", n.Header())
	p.Line("")
	p.Line("//go:build ignore")
	p.Line("")
	p.Line("// The functions of %s.h. C11 for Linux; nothing to link with but, before glibc 2.34, -ldl.", n.inC)
	p.Line("")
	for _, name := range []string{"dlfcn", "errno", "stdarg", "stdio", "stdlib", "string"} {
		p.Line("#include <%s.h>", name)
	}
	p.Line("")
	p.Line("#include %q", n.inC+".h")
	p.Line("")
	p.Line("// Bytes of a memory. Those of n clips begin n times as far from the start, and are n")
	p.Line("// times as many.")
	p.Line("typedef struct {")
	p.Line("    size_t offset, bytes;")
	p.Line("} span;")
	p.Line("")
	p.Line("// A call of a kernel: blocks of threads share the units of all clips, so many each, and")
	p.Line("// so many columns of blocks have the same ones.")
	p.Line("typedef struct {")
	p.Line("    const char *kernel;")
	p.Line("    int threads, shared, units, per, columns;")
	p.Line("    span in, second, out, weights, bias;")
	p.Line("} launch;")
	p.Line("")
	p.Line("typedef struct {")
	p.Line("    const char *name;")
	p.Line("    int values;")
	p.Line("    span place;")
	p.Line("} output;")
	p.Line("")
	p.Line("// How runs are launched, for so many clips at most; the last for as many as there are.")
	p.Line("typedef struct {")
	p.Line("    int clips, most, count;")
	p.Line("    size_t arena; // bytes a clip")
	p.Line("    const char *frames;")
	p.Line("    const launch *launches;")
	p.Line("    output outputs[3];")
	p.Line("} schedule;")
	p.Line("")
	hostTables(&tables{p, plans, precision})
	return n.file("network_host.c", p)
}

// hostTables writes what the host's part has of the plans.
func hostTables(p *tables) {
	longest := 0
	bytes := p.each(func(plan *ir.Plan, weights int) {
		p.Line("static const launch launches_of%d[] = {", plan.Machine.Blocks.Clips)
		for _, l := range Launches(plan) {
			p.Line("    {%q, %d, %d, %d, %d, %d, %s, %s, %s, %s, %s}, // %s", l.Kernel, l.Threads, l.Shared, l.Units, l.Per, l.Columns,
				hostSpan(l.In), hostSpan(l.Second), hostSpan(l.Out), hostSpan(l.Weights.moved(weights)), hostSpan(l.Bias.moved(weights)), l.Op)
		}
		longest = max(longest, len(Launches(plan)))
		p.Line("};")
		p.Line("")
	})
	p.Line("static const schedule schedules[] = {")
	for _, plan := range p.plans {
		p.hostSchedule(plan)
	}
	p.Line("};")
	p.Line("")
	p.Line("#define NAME %q", p.plans[0].Graph.Name)
	p.Line("#define FINGERPRINT %#xull", p.fingerprint())
	p.Line("#define WEIGHTS ((size_t)%d) // bytes", bytes)
	p.Line("enum { SCHEDULES = %d, LAUNCHES = %d };", len(p.plans), longest)
	p.Line("")
}

// tileUnits is how many units blocks may count beyond the last there is.
const tileUnits = 256

// hostSchedule writes a plan's row of the schedules.
func (t *tables) hostSchedule(plan *ir.Plan) {
	list, most := Launches(plan), math.MaxInt32
	for _, l := range list {
		most = min(most, (math.MaxInt32-tileUnits)/l.Units)
	}
	clips := plan.Machine.Blocks.Clips
	t.Line("    {%d, %d, %d, %d, %q, launches_of%d, {", clips, most, len(list), ArenaBytes(plan), FramesKernel(plan), clips)
	for _, name := range []string{"logits", "features", "probabilities"} {
		values, at := 0, Span{}
		// Maps, or values that are no float32, are of no use as they lie there.
		if b := outputBuffer(plan, name); b != ir.NoBuffer && plan.Buffers[b].Shape.Pixels() == 1 && (plan.Buffers[b].Wide || t.precision.Bytes() == 4) {
			values, at = plan.Buffers[b].Shape.C, Map(plan, b)
		}
		t.Line("        {%q, %d, %s},", name, values, hostSpan(at))
	}
	t.Line("    }},")
}

func hostSpan(s Span) string { return fmt.Sprintf("{%d, %d}", s.Offset, s.Len) }
