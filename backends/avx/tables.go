package avx

import (
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// tables writes the Go files of a package. Field names are those of the
// support code's plan.go.
type tables struct {
	options codegen.Options
	graph   *ir.Graph
	lines   []ir.Line // of all plans' transforms
}

func (t *tables) file() *jen.File {
	f := jen.NewFile(t.options.Package)
	f.HeaderComment("// " + t.options.Header())
	return f
}

// field is one key: value of a composite literal.
func field(name string, value jen.Code) jen.Code { return jen.Id(name).Op(":").Add(value) }

// fields are those of a composite literal.
type fields []jen.Code

// int adds a field that is not zero.
func (f *fields) int(name string, n int) {
	if n != 0 {
		*f = append(*f, field(name, jen.Lit(n)))
	}
}

func (f *fields) add(name string, value jen.Code) { *f = append(*f, field(name, value)) }

// rows is a composite literal's body with one item a line.
func rows(items []jen.Code) *jen.Statement {
	return jen.Custom(jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}, items...)
}

// table is a slice literal with one item a line.
func table(elem string, items []jen.Code) *jen.Statement {
	return jen.Index().Id(elem).Add(rows(items))
}

// list is a slice literal of integers.
func list(ns []int) *jen.Statement {
	var items []jen.Code
	for _, n := range ns {
		items = append(items, jen.Lit(n))
	}
	return jen.Index().Int().Values(items...)
}

func shape(s ir.Shape) *jen.Statement {
	return jen.Id("shape").Values(jen.Lit(s.T), jen.Lit(s.H), jen.Lit(s.W), jen.Lit(s.C))
}

// planVar names the table of a machine's plan.
func planVar(m *ir.Machine) string { return m.Name + "Plan" }

// plan writes one machine's plan; s is nil for the portable path, whose
// kernels have no assembly.
func (t *tables) plan(p *ir.Plan, s *isa) *jen.File {
	f := t.file()
	if s != nil {
		f.HeaderComment("//go:build amd64")
	}
	name := planVar(&p.Machine)
	var lit fields
	lit.add("isa", jen.Lit(p.Machine.Name))
	lit.int("arena", p.ArenaLen)
	lit.int("scratch", p.ScratchLen)
	lit.int("packed", p.PackedLen)
	used, index := usedBuffers(p)
	lit.add("buffers", table("buffer", buffers(used)))
	lit.add("packs", table("pack", t.packs(p)))
	lit.add("kernels", table("kernel", kernels(p, s)))
	lit.add("regions", table("region", regions(p, index)))
	if s != nil {
		lit.add("prefetch", jen.Id(s.prefetch()))
	}
	lit.add("outputs", table("output", outputs(p, index)))
	f.Commentf("%s is how the network runs on %s.", name, p.Machine.Name)
	f.Var().Id(name).Op("=").Id("plan").Add(rows(lit))
	return f
}

// usedBuffers lists the buffers that have a place, and numbers them.
func usedBuffers(p *ir.Plan) ([]*ir.Buffer, map[ir.BufferID]int) {
	var used []*ir.Buffer
	index := map[ir.BufferID]int{ir.NoBuffer: int(ir.NoBuffer)}
	for i := range p.Buffers {
		if b := &p.Buffers[i]; b.Last >= b.First {
			index[ir.BufferID(i)] = len(used)
			used = append(used, b)
		}
	}
	return used, index
}

func buffers(used []*ir.Buffer) []jen.Code {
	var items []jen.Code
	for i, b := range used {
		var lit fields
		lit.int("offset", b.Offset)
		lit.int("frame", b.Frame)
		lit.int("row", b.Row)
		lit.int("pixel", b.Pixel)
		if e := b.Edges(); e != (ir.Edges{}) {
			lit.add("edges", jen.Id("edges").Values(jen.Lit(e.Before), jen.Lit(e.Between), jen.Lit(e.Behind)))
		}
		if b.Space == ir.Scratch {
			lit.add("scratch", jen.True())
			lit.add("cover", jen.Index(jen.Lit(2)).Id("axis").Values(axis(b.Cover.T), axis(b.Cover.H)))
		}
		items = append(items, jen.Commentf("%d: %s, %v", i, b.Name, b.Shape).Line().Values(lit...))
	}
	return items
}

func (t *tables) packs(p *ir.Plan) []jen.Code {
	var items []jen.Code
	for i := range p.Packs {
		pk := &p.Packs[i]
		lit := packedConv(pk.Conv, pk.In, pk.Channels/pk.Transform.Parts())
		lit.add("weights", jen.Lit(pk.Weights))
		lit.add("bias", jen.Lit(pk.Bias))
		if pk.Transform != (ir.Transform{}) {
			lit.add("transform", t.transform(pk.Transform))
		}
		if pk.Transform.Parts() > 1 {
			lit.add("lanes", jen.Lit(p.Machine.Lanes))
		}
		if pk.Project != nil {
			lit.add("project", jen.Op("&").Id("pack").Values(packedConv(*pk.Project, pk.ProjectIn, pk.Channels)...))
		}
		items = append(items, jen.Values(lit...))
	}
	return items
}

// packedConv lists what packing needs of a convolution of so many input
// channels in panels of so many output channels.
func packedConv(c ir.Conv, in, width int) fields {
	gamma, beta, mean, variance, epsilon := ir.NoParam, ir.NoParam, ir.NoParam, ir.NoParam, 0.0
	if n := c.Norm; n != nil {
		gamma, beta, mean, variance, epsilon = n.Gamma, n.Beta, n.Mean, n.Var, n.Epsilon
	}
	return fields{
		field("weight", jen.Lit(int(c.Weight))), field("conv", jen.Lit(int(c.Bias))),
		field("gamma", jen.Lit(int(gamma))), field("beta", jen.Lit(int(beta))),
		field("mean", jen.Lit(int(mean))), field("vari", jen.Lit(int(variance))),
		field("epsilon", jen.Lit(epsilon)),
		field("out", jen.Lit(c.Out)), field("in", jen.Lit(in)), field("width", jen.Lit(width)),
		field("taps", jen.Index(jen.Lit(3)).Int().Values(jen.Lit(c.T.Kernel), jen.Lit(c.H.Kernel), jen.Lit(c.W.Kernel))),
	}
}

// kindName is the support code's name of a kernel's kind.
func kindName(k *ir.Kernel) string {
	switch {
	case k.Kind == ir.KernelConv:
		return "kindConv"
	case k.Kind == ir.KernelIngest:
		return "kindIngest"
	case k.Kind == ir.KernelSoftmax:
		return "kindSoftmax"
	case k.Kind == ir.KernelSpread:
		return "kindSpread"
	case k.Kind == ir.KernelGather:
		return "kindGather"
	case k.Pool == ir.PoolAverage:
		return "kindAveragePool"
	}
	return "kindMaxPool"
}

// functionFields are the support code's names of the kernels' functions.
var functionFields = map[ir.KernelKind]string{
	ir.KernelConv: "conv", ir.KernelPool: "pool",
	ir.KernelSpread: "spread", ir.KernelGather: "gather",
}

func kernels(p *ir.Plan, s *isa) []jen.Code {
	var items []jen.Code
	for i := range p.Kernels {
		k := &p.Kernels[i]
		lit := fields{field("kind", jen.Id(kindName(k)))}
		if name, ok := functionFields[k.Kind]; ok && s != nil {
			if k.Transform.Late() && k.Kind == ir.KernelConv {
				name = "late"
			}
			lit.add(name, jen.Id(s.symbol(k)))
		}
		lit.int("rows", k.Rows)
		lit.int("cols", k.Cols)
		lit.int("width", k.Vectors*p.Machine.Lanes)
		lit.int("k", k.K)
		lit.int("k2", k.K2)
		lit.int("points", k.Points)
		lit.int("tapsH", k.TapsH)
		lit.int("tapsW", k.TapsW)
		lit.int("stepT", k.StepT)
		lit.int("stepH", k.StepH)
		lit.int("stepW", k.StepW)
		lit.pitch("in", k.In)
		lit.pitch("out", k.Out)
		lit.pitch("res", k.Res)
		lit.int("from", k.From)
		lit.int("to", k.To)
		if k.Epi != "" {
			var steps []jen.Code
			for _, e := range strings.Fields(k.Epi) {
				steps = append(steps, jen.Id(epilogueNames[e]))
			}
			lit.add("epi", jen.Index().Id("epi").Values(steps...))
		}
		items = append(items, jen.Values(lit...))
	}
	return items
}

func (f *fields) pitch(name string, p ir.Pitch) {
	if p != (ir.Pitch{}) {
		f.add(name, jen.Id("pitch").Values(jen.Lit(p.Pixel), jen.Lit(p.Row)))
	}
}

// epilogueNames are the support code's names of the epilogue steps.
var epilogueNames = map[string]string{
	ir.EpiBias.String(): "epiBias", ir.EpiReLU.String(): "epiReLU", ir.EpiAdd.String(): "epiAdd",
}

// runNames are the support code's names of the runs.
var runNames = map[ir.Run]string{ir.RunPixels: "runPixels", ir.RunFlat: "runFlat", ir.RunRows: "runRows"}

func regions(p *ir.Plan, index map[ir.BufferID]int) []jen.Code {
	var items []jen.Code
	for i := range p.Regions {
		r := &p.Regions[i]
		lit := fields{
			field("name", jen.Lit(r.Name)), field("space", shape(r.Space)), field("tile", shape(r.Tile)),
			field("steps", table("step", steps(r, index))),
		}
		items = append(items, jen.Values(lit...))
	}
	return items
}

func steps(r *ir.Region, index map[ir.BufferID]int) []jen.Code {
	var items []jen.Code
	for i := range r.Steps {
		st := &r.Steps[i]
		lit := fields{field("name", jen.Lit(st.Op)), field("kernel", jen.Lit(int(st.Kernel)))}
		if st.Tails != nil {
			lit.add("tails", list(kernelIDs(st.Tails)))
		}
		if st.Run != ir.RunPixels {
			lit.add("run", jen.Id(runNames[st.Run]))
		}
		lit.add("maxTiles", jen.Lit(st.MaxTiles))
		lit.add("in", jen.Lit(index[st.In]))
		lit.add("out", jen.Lit(index[st.Out]))
		lit.add("res", jen.Lit(index[st.Res]))
		if st.Res != ir.NoBuffer {
			lit.add("every", jen.Index(jen.Lit(3)).Int().Values(jen.Lit(st.Every.T), jen.Lit(st.Every.H), jen.Lit(st.Every.W)))
		}
		lit.add("pack", jen.Lit(int(st.Pack)))
		lit.add("window", window(st.Window))
		lit.add("cover", window(st.Cover))
		lit.add("from", shape(st.InShape))
		lit.add("to", shape(st.OutShape))
		if st.Ahead != (ir.Ahead{}) {
			lit.add("ahead", jen.Id("ahead").Values(jen.Lit(st.Ahead.In), jen.Lit(st.Ahead.Res), jen.Lit(st.Ahead.Out)))
		}
		if w := st.Winograd; w != nil {
			transforms := fields{
				field("points", jen.Lit(index[w.Points])), field("sums", jen.Lit(index[w.Sums])), field("rows", jen.Lit(w.Rows)),
				field("spread", list(kernelIDs(w.Spread))), field("gather", list(kernelIDs(w.Gather))),
				field("maxSpread", jen.Lit(w.MaxSpread)), field("maxGather", jen.Lit(w.MaxGather)),
			}
			if w.Weights != ir.NoBuffer {
				transforms.add("weights", jen.Lit(index[w.Weights]))
			}
			lit.add("winograd", jen.Op("&").Id("winogradStep").Values(transforms...))
		}
		items = append(items, jen.Values(lit...))
	}
	return items
}

func kernelIDs(ids []ir.KernelID) []int {
	ns := make([]int, len(ids))
	for i, id := range ids {
		ns[i] = int(id)
	}
	return ns
}

func window(w ir.Window) jen.Code {
	return jen.Index(jen.Lit(3)).Id("axis").Values(axis(w.T), axis(w.H), axis(w.W))
}

func axis(a ir.Axis) jen.Code {
	return jen.Values(jen.Lit(a.Kernel), jen.Lit(a.Stride), jen.Lit(a.Pad))
}

func outputs(p *ir.Plan, index map[ir.BufferID]int) []jen.Code {
	var items []jen.Code
	for _, o := range p.Outputs {
		lit := fields{
			field("name", jen.Lit(o.Name)), field("buffer", jen.Lit(index[o.Buffer])),
			field("shape", shape(p.Buffers[o.Buffer].Shape)),
		}
		items = append(items, jen.Values(lit...))
	}
	return items
}
