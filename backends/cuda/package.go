package cuda

import (
	"fmt"
	"go/format"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// Generate returns the files that a network's package has for GPUs, beside those
// for the CPU: the source, the tables that the support code walks, OpenCUDA. The
// plan is one that [Plan] made for the precision, of a graph without taps. The same
// input gives the same bytes.
func Generate(plan *ir.Plan, p Precision, o codegen.Options) []codegen.File {
	source := o.Package + ".cu"
	t := &tables{Printer: new(codegen.Printer), plan: plan, precision: p}
	t.Line("// %s", o.Header())
	t.Line("")
	t.Line("package %s", o.Package)
	t.Line("")
	t.Line(`import _ "embed"`)
	t.Line("")
	t.api()
	t.Line("//go:embed %s", source)
	t.Line("var cudaSource string")
	t.Line("")
	t.network()
	text, err := format.Source(t.Bytes())
	if err != nil {
		panic(fmt.Sprintf("BUG: %v\n%s", err, t.Bytes()))
	}
	return append(codegen.SupportCUDA(o),
		codegen.File{Name: source, Content: Source(plan, p, o)},
		codegen.File{Name: "cuda.go", Content: text})
}

type tables struct {
	*codegen.Printer
	plan      *ir.Plan
	precision Precision
}

func (t *tables) api() {
	t.Line("// OpenCUDA is Open for an NVIDIA GPU of compute capability 8.0 or newer, in %s. It", t.precision)
	t.Line("// reads a safetensors file of float32 weights, folds and packs them, compiles the")
	t.Line("// kernels for the GPU, or finds in the user's cache what it has compiled before,")
	t.Line("// and brings both to the GPU. It needs NVIDIA's driver and NVRTC at run time, and")
	t.Line("// neither to build. Where there is no driver, no GPU, or too little of its memory,")
	t.Line("// the error says so, and Open runs the network on the CPU.")
	t.Line("func OpenCUDA(path string, options ...CUDAOption) (*CUDAModel, error) {")
	t.Line("return openCUDAModel(&theNetwork, theCUDAPlan(), path, options)")
	t.Line("}")
	t.Line("")
}

// network writes the plan's table, as a function: nobody pays for it who does not
// use a GPU.
func (t *tables) network() {
	size := t.precision.Bytes()
	t.Line("func theCUDAPlan() *cudaPlan {")
	t.Line("return &cudaPlan{")
	t.Line("source: cudaSource, precision: %s, arena: %d, packed: %d, frames: %q,", [...]string{"bfloat16", "half", "single", "single"}[t.precision],
		ArenaBytes(t.plan), t.plan.PackedLen*size, FramesKernel(t.plan))
	t.Line("packs: []cudaPack{")
	for i := range t.plan.Packs {
		pk := &t.plan.Packs[i]
		t.Line("{%s, %d, %d, %d}, // %s", t.pack(pk.Conv, pk.In, pk), pk.Depth, pk.InPitch, pk.ProjectPitch, pk.Op)
	}
	t.Line("},")
	t.Line("launches: []cudaLaunch{")
	for _, l := range Launches(t.plan) {
		t.Line("{%q, %d, %d, %d, %d, %d, %s, %s, %s, %s, %s}, // %s", l.Kernel, l.Threads, l.Shared, l.Units, l.Per, l.Columns,
			span(l.In), span(l.Second), span(l.Out), span(l.Weights), span(l.Bias), l.Op)
	}
	t.Line("},")
	t.Line("outputs: []cudaOutput{")
	for _, o := range t.plan.Outputs {
		b := &t.plan.Buffers[o.Buffer]
		t.Line("{%q, shape{%d, %d, %d, %d}, %d, %t, %s},", o.Name, b.Shape.T, b.Shape.H, b.Shape.W, b.Shape.C, b.Pixel, b.Wide, span(Map(t.plan, o.Buffer)))
	}
	t.Line("},")
	t.Line("}")
	t.Line("}")
}

// pack writes what packing needs of a convolution; pk is nil for a projection.
func (t *tables) pack(c ir.Conv, in int, pk *ir.Pack) string {
	n := ir.BatchNorm{Gamma: ir.NoParam, Beta: ir.NoParam, Mean: ir.NoParam, Var: ir.NoParam}
	if c.Norm != nil {
		n = *c.Norm
	}
	text := fmt.Sprintf("weight: %d, conv: %d, gamma: %d, beta: %d, mean: %d, vari: %d, epsilon: %v, out: %d, in: %d, taps: [3]int{%d, %d, %d}",
		c.Weight, c.Bias, n.Gamma, n.Beta, n.Mean, n.Var, n.Epsilon, c.Out, in, c.T.Kernel, c.H.Kernel, c.W.Kernel)
	if pk != nil {
		size := t.precision.Bytes()
		text += fmt.Sprintf(", width: %d, weights: %d, bias: %d", pk.Channels, pk.Weights*size, pk.Bias*size)
		if pk.Project != nil {
			text += ", project: &" + t.pack(*pk.Project, pk.ProjectIn, nil)
		}
	}
	return "pack{" + text + "}"
}

func span(s Span) string {
	if s.Len == 0 {
		return "span{}"
	}
	return fmt.Sprintf("span{%d, %d}", s.Offset, s.Len)
}
