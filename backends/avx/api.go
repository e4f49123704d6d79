package avx

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/p3dc/p3dc/ir"
)

const cpuPackage = "golang.org/x/sys/cpu"

// extents are the sizes that a package exports.
type extents struct{ classes, features int }

func (t *tables) extents() extents {
	var e extents
	for _, o := range t.graph.Outputs {
		n := t.graph.Values[o.Value].Shape.Elems()
		switch o.Name {
		case "logits":
			e.classes = n
		case "features":
			e.features = n
		}
	}
	return e
}

// api writes the file that a reader of the package opens first: what the
// network is, its sizes, and Open.
func (t *tables) api() *jen.File {
	f := t.file()
	in, e := t.graph.Input, t.extents()
	f.PackageComment(fmt.Sprintf("Package %s runs the network %s on the CPU: clips of %d frames of %dx%d pixels in,",
		t.options.Package, t.graph.Name, in.Shape.T, in.Shape.H, in.Shape.W))
	f.PackageComment("scores out. It picks the fastest code that the processor has: AVX-512, AVX2 with")
	f.PackageComment("FMA, or portable Go.")
	f.PackageComment("")
	f.PackageComment(preprocessing(t.graph.Input))
	f.PackageComment("")
	f.PackageComment("Open reads the weights, a Session runs clips:")
	f.PackageComment("")
	for _, line := range []string{
		fmt.Sprintf("m, err := %s.Open(\"%s.safetensors\")", t.options.Package, t.options.Package),
		"if err != nil {",
		"	return err",
		"}",
		"defer m.Close()",
		"s := m.NewSession()",
		fmt.Sprintf("logits := make([]float32, %s.Classes)", t.options.Package),
		fmt.Sprintf("err = s.Classify(logits, frames) // frames: %dx%dx%dx%d uint8, %s", in.Shape.T, in.Shape.H, in.Shape.W, in.Shape.C, frameOrder(t.graph)),
	} {
		f.PackageComment("\t" + line)
	}
	f.Comment("The network's sizes.")
	f.Const().Defs(
		jen.Id("Channels").Op("=").Lit(in.Shape.C).Comment("of the input"),
		jen.Id("Frames").Op("=").Lit(in.Shape.T).Comment("in a clip"),
		jen.Id("Height").Op("=").Lit(in.Shape.H).Comment("of a frame, in pixels"),
		jen.Id("Width").Op("=").Lit(in.Shape.W).Comment("of a frame, in pixels"),
		jen.Id("ResizeShort").Op("=").Lit(in.ResizeShort).Comment("pixels of a frame's short side before the crop; 0 where it is not resized"),
		jen.Id("Classes").Op("=").Lit(e.classes).Comment("length of the logits; 0 without a classifier"),
		jen.Id("Features").Op("=").Lit(e.features).Comment("length of the features; 0 where there is no pool to take them from"),
		jen.Id("ClipLen").Op("=").Id("Channels").Op("*").Id("Frames").Op("*").Id("Height").Op("*").Id("Width").Comment("values in a clip"),
	)
	f.Comment("Open maps a safetensors file of float32 weights, checks that it holds exactly")
	f.Commentf("the %d parameters of %s, folds the batch norms, and packs the", t.graph.NumParams(), t.graph.Name)
	f.Comment("result for this processor. The file is not needed any more when it returns.")
	f.Func().Id("Open").Params(jen.Id("path").String()).Params(jen.Op("*").Id("Model"), jen.Error()).Block(
		jen.Return(jen.Id("open").Call(jen.Op("&").Id("theNetwork"), jen.Id("candidates").Call(), jen.Id("path"))),
	)
	return f
}

// preprocessing says what a frame is before it is handed over.
func preprocessing(in ir.Input) string {
	resize := ""
	if in.ResizeShort > 0 {
		resize = fmt.Sprintf("resized so that the short side has %d pixels, and ", in.ResizeShort)
	}
	return fmt.Sprintf("A frame is %scropped to the %dx%d pixels at its centre.\nThe package normalises its bytes.", resize, in.Shape.H, in.Shape.W)
}

// frameOrder says what a frame's channels are.
func frameOrder(g *ir.Graph) string {
	if g.Input.Order == ir.Flow {
		return "flow in x and y"
	}
	return "red, green, blue"
}

// example writes a test file whose example shows in the documentation.
func (t *tables) example() *jen.File {
	pkg := t.options.Package
	f := t.file()
	f.Comment("Classify a clip of raw frames and print the class with the highest score.")
	f.Func().Id("Example").Params().Block(
		jen.List(jen.Id("m"), jen.Err()).Op(":=").Id("Open").Call(jen.Lit(pkg+".safetensors")),
		jen.If(jen.Err().Op("!=").Nil()).Block(jen.Qual("log", "Fatal").Call(jen.Err())),
		jen.Defer().Id("m").Dot("Close").Call(),
		jen.Id("frames").Op(":=").Make(jen.Index().Uint8(), jen.Id("ClipLen")).Comment("T x H x W x C, from a decoder"),
		jen.Id("logits").Op(":=").Make(jen.Index().Float32(), jen.Id("Classes")),
		jen.If(jen.Err().Op(":=").Id("m").Dot("NewSession").Call().Dot("Classify").Call(jen.Id("logits"), jen.Id("frames")), jen.Err().Op("!=").Nil()).Block(
			jen.Qual("log", "Fatal").Call(jen.Err()),
		),
		jen.Id("best").Op(":=").Lit(0),
		jen.For(jen.List(jen.Id("class"), jen.Id("score")).Op(":=").Range().Id("logits")).Block(
			jen.If(jen.Id("score").Op(">").Id("logits").Index(jen.Id("best"))).Block(jen.Id("best").Op("=").Id("class")),
		),
		jen.Qual("fmt", "Println").Call(jen.Lit("class"), jen.Id("best")),
	)
	return f
}

// network writes what all plans share: the input and the parameters.
func (t *tables) network() *jen.File {
	f := t.file()
	in := t.graph.Input
	floats := func(values []float64) jen.Code {
		return jen.Index().Float64().ValuesFunc(func(g *jen.Group) {
			for _, v := range values {
				g.Lit(v)
			}
		})
	}
	var params []jen.Code
	for _, p := range t.graph.Params {
		params = append(params, jen.Values(jen.Lit(p.Name), list(p.Shape)))
	}
	lit := fields{
		field("name", jen.Lit(t.graph.Name)), field("clip", shape(in.Shape)),
		field("bgr", jen.Lit(in.Order == ir.BGR)), field("scale", jen.Lit(in.Scale)),
		field("mean", floats(in.Mean)), field("std", floats(in.Std)),
		field("params", table("param", params)),
	}
	f.Comment("theNetwork is the input and the parameters, as the checkpoint names them.")
	f.Var().Id("theNetwork").Op("=").Id("network").Add(rows(lit))
	return f
}

// stubs declares the assembly functions of one instruction set.
func (t *tables) stubs(f *jen.File, p *ir.Plan, s *isa) {
	pointers := func(names ...jen.Code) *jen.Statement { return jen.List(names...).Op("*").Float32() }
	for i := range p.Kernels {
		k := &p.Kernels[i]
		var params []jen.Code
		switch k.Kind {
		case ir.KernelConv:
			params = []jen.Code{
				pointers(jen.Id("in"), jen.Id("weights"), jen.Id("bias"), jen.Id("res"), jen.Id("out")),
				jen.List(jen.Id("tiles"), jen.Id("taps")).Int(),
			}
		case ir.KernelPool:
			params = []jen.Code{
				pointers(jen.Id("in"), jen.Id("out")),
				jen.List(jen.Id("pixels"), jen.Id("tapsT"), jen.Id("tapsH"), jen.Id("tapsW")).Int(),
				jen.Id("scale").Float32(),
			}
		case ir.KernelSpread:
			params = []jen.Code{pointers(jen.Id("in"), jen.Id("out")), jen.List(jen.Id("tiles"), jen.Id("vectors")).Int()}
		case ir.KernelGather:
			params = []jen.Code{
				pointers(jen.Id("in"), jen.Id("bias"), jen.Id("res"), jen.Id("out")),
				jen.List(jen.Id("tiles"), jen.Id("vectors"), jen.Id("rows"), jen.Id("cols")).Int(),
			}
		default:
			continue
		}
		f.Comment("//go:noescape")
		f.Func().Id(s.symbol(k)).Params(params...)
		f.Line()
	}
}

// isaAMD64 writes which plans the processor can run.
func (t *tables) isaAMD64() *jen.File {
	f := t.file()
	has := func(names ...string) *jen.Statement {
		s := jen.Null()
		for i, n := range names {
			if i > 0 {
				s = s.Op("&&")
			}
			s = s.Qual(cpuPackage, "X86").Dot("Has" + n)
		}
		return s
	}
	candidate := func(plan string, available jen.Code) jen.Code {
		return jen.Values(jen.Op("&").Id(plan), available)
	}
	f.Comment("candidates lists the plans, the preferred first.")
	f.Func().Id("candidates").Params().Index().Id("candidate").Block(
		jen.Return(table("candidate", []jen.Code{
			candidate("avx512Plan", has("AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL")),
			candidate("avx2Plan", has("AVX2", "FMA")),
			candidate("genericPlan", jen.True()),
		})),
	)
	return f
}

func (t *tables) isaOther() *jen.File {
	f := t.file()
	f.HeaderComment("//go:build !amd64")
	f.Comment("candidates lists the plans: on this architecture the portable one.")
	f.Func().Id("candidates").Params().Index().Id("candidate").Block(
		jen.Return(table("candidate", []jen.Code{jen.Values(jen.Op("&").Id("genericPlan"), jen.True())})),
	)
	return f
}
