package cuda

import (
	"embed"
	"fmt"
	"math"
	"strings"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

//go:embed host/network.h host/network_host.c
var hostFS embed.FS

// host returns what programs in C, and in whatever calls C, run the network with:
// a header, and a source that needs no library to be linked with. Neither is
// anything to the go command.
func host(plan *ir.Plan, p Precision, o codegen.Options) []codegen.File {
	return []codegen.File{
		{Name: o.Package + ".h", Content: hostHeader(plan, o)},
		{Name: o.Package + "_host.c", Content: hostSource(plan, p, o)},
	}
}

// hostFile returns a file of the host's part with the package's name in place of
// the word network. What is of this network alone stands before it.
func hostFile(name string, o codegen.Options, before *codegen.Printer) []byte {
	text, err := hostFS.ReadFile("host/" + name)
	if err != nil {
		panic(fmt.Sprintf("BUG: embedded host code: %v", err))
	}
	named := strings.NewReplacer("NETWORK_", strings.ToUpper(o.Package)+"_", "network_", o.Package+"_", "network.cu", o.Package+".cu",
		"struct network", "struct "+o.Package, "network *", o.Package+" *", " network;", " "+o.Package+";").Replace(string(text))
	return append(before.Bytes(), named...)
}

func hostHeader(plan *ir.Plan, o codegen.Options) []byte {
	p, in, upper := new(codegen.Printer), plan.Graph.Input.Shape, strings.ToUpper(o.Package)
	p.Line("// %s", o.Header())
	p.Line("")
	p.Line("// %s for programs in C and C++, on NVIDIA GPUs: see %s_host.c.", plan.Graph.Name, o.Package)
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
	return hostFile("network.h", o, p)
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

func hostSource(plan *ir.Plan, precision Precision, o codegen.Options) []byte {
	p := new(codegen.Printer)
	p.Line("// %s", o.Header())
	p.Line("")
	p.Line("//go:build ignore")
	p.Line("")
	p.Line("// The functions of %s.h. C11 for Linux; nothing to link with but, before glibc 2.34, -ldl.", o.Package)
	p.Line("")
	for _, name := range []string{"dlfcn", "errno", "stdarg", "stdio", "stdlib", "string"} {
		p.Line("#include <%s.h>", name)
	}
	p.Line("")
	p.Line("#include %q", o.Package+".h")
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
	hostTables(&tables{p, plan, precision})
	return hostFile("network_host.c", o, p)
}

// hostTables writes what the host's part has of the plan.
func hostTables(p *tables) {
	plan, size := p.plan, p.precision.Bytes()
	most := math.MaxInt32
	p.Line("static const launch launches[] = {")
	for _, l := range Launches(plan) {
		most = min(most, math.MaxInt32/l.Units)
		p.Line("    {%q, %d, %d, %d, %d, %d, %s, %s, %s, %s, %s}, // %s", l.Kernel, l.Threads, l.Shared, l.Units, l.Per, l.Columns,
			hostSpan(l.In), hostSpan(l.Second), hostSpan(l.Out), hostSpan(l.Weights), hostSpan(l.Bias), l.Op)
	}
	p.Line("};")
	p.Line("")
	p.Line("static const output outputs[] = {")
	for _, name := range []string{"logits", "features", "probabilities"} {
		values, at := 0, Span{}
		// Maps, or values that are no float32, are of no use as they lie there.
		if b := outputBuffer(plan, name); b != ir.NoBuffer && plan.Buffers[b].Shape.Pixels() == 1 && (plan.Buffers[b].Wide || size == 4) {
			values, at = plan.Buffers[b].Shape.C, Map(plan, b)
		}
		p.Line("    {%q, %d, %s},", name, values, hostSpan(at))
	}
	p.Line("};")
	p.Line("")
	p.Line("#define NAME %q", plan.Graph.Name)
	p.Line("#define FRAMES_KERNEL %q", FramesKernel(plan))
	p.Line("#define FINGERPRINT %#xull", p.fingerprint())
	p.Line("#define WEIGHTS ((size_t)%d) // bytes", plan.PackedLen*size)
	p.Line("#define ARENA ((size_t)%d) // bytes a clip", ArenaBytes(plan))
	p.Line("#define MOST_CLIPS %d // kernels count in 32 bits", most)
	p.Line("")
}

func hostSpan(s Span) string { return fmt.Sprintf("{%d, %d}", s.Offset, s.Len) }
