package cuda

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// Plan schedules a fused graph for GPUs. It fails where an op has no kernel.
func Plan(g *ir.Graph, p Precision) (*ir.Plan, error) {
	return ir.ScheduleBlocks(g, p.Machine(), ir.FuseAuto)
}

// Plans schedules a fused graph for sessions of one clip, of a few, and then, as [Plan]
// does, for those of more: tiles are smaller where there are few, so that all
// multiprocessors have work. Where tiles do not differ, the plan for more is the only one.
func Plans(g *ir.Graph, p Precision) ([]*ir.Plan, error) {
	var plans []*ir.Plan
	for _, clips := range []int{1, fewClips, manyClips} {
		m := p.Machine()
		m.Blocks.Clips = clips
		plan, err := ir.ScheduleBlocks(g, m, ir.FuseAuto)
		if err != nil {
			return nil, err
		}
		if n := len(plans); n > 0 && reflect.DeepEqual(plans[n-1].Kernels, plan.Kernels) && reflect.DeepEqual(plans[n-1].Packs, plan.Packs) {
			plans = plans[:n-1]
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// Source returns the CUDA source of plans that [Plans] or [Plan] made for the
// precision: the device code, then each kernel with its constants, blocks of layers
// last. The same input gives the same bytes.
func Source(p Precision, o codegen.Options, plans ...*ir.Plan) []byte {
	plan := plans[len(plans)-1]
	e := &emitter{Printer: new(codegen.Printer), plan: plan, precision: p}
	e.Line("// %s", o.Header())
	e.Line("//")
	e.Line("// %s in %s. Kernels take the input, what is added or projected, the", plan.Graph.Name, p)
	e.Line("// result, weights, biases and how many clips there are; those without one of")
	e.Line("// them get a null pointer.")
	e.Line("")
	e.Line("%s", deviceCode())
	e.kernels()
	for _, e.plan = range plans[:len(plans)-1] {
		// Kernels have names of their own; their constants need not.
		space := strings.TrimSuffix(prefix(e.plan), "_")
		e.Line("// For %d clips at once.", e.plan.Machine.Blocks.Clips)
		e.Line("namespace %s {", space)
		e.kernels()
		e.Line("}")
		e.Line("using namespace %s;", space)
	}
	return e.Bytes()
}

// kernels writes a plan's kernels.
func (e *emitter) kernels() {
	for i, own := range alone(e.plan) {
		if own {
			e.kernel(ir.KernelID(i))
		}
	}
	e.blocks()
}

type emitter struct {
	*codegen.Printer
	plan      *ir.Plan
	precision Precision
}

// kernel writes a kernel's constants, and the kernel.
func (e *emitter) kernel(id ir.KernelID) {
	k := &e.plan.Kernels[id]
	e.Line("// %s", e.users(id))
	switch k.Kind {
	case ir.KernelConv:
		e.conv(k)
	case ir.KernelPool:
		e.pool(k)
	case ir.KernelLinear:
		e.linear(k)
	case ir.KernelSoftmax:
		e.softmax(k)
	case ir.KernelIngest:
		e.ingest(k)
	default:
		panic(fmt.Sprintf("BUG: no CUDA kernel for a %v", k.Kind))
	}
	e.Line("")
}

// users names the layers that a kernel computes.
func (e *emitter) users(id ir.KernelID) string {
	var names []string
	for _, r := range e.plan.Regions {
		for _, st := range r.Steps {
			if st.Kernel == id {
				names = append(names, r.Name)
			}
		}
	}
	return listed(names)
}

// listed returns the first of some names, and how many more there are.
func listed(names []string) string {
	if len(names) > 3 {
		names = append(names[:2], fmt.Sprintf("and %d more", len(names)-2))
	}
	return strings.Join(names, ", ")
}

// open and close write what is around a layer's constants.
func (e *emitter) open(k *ir.Kernel) { e.Line("struct %s {", layerName(k)) }

func (e *emitter) close(k *ir.Kernel, call string) {
	e.Line("};")
	e.entry(k, KernelName(e.plan, k), call)
}

func (e *emitter) entry(k *ir.Kernel, name, call string) {
	e.function(name, Threads(e.plan, k), shared(e.plan, k), call)
}

// function writes a kernel.
func (e *emitter) function(name string, threads, shared int, call string) {
	e.Line("KERNEL(%d, %d) %s(PARAMETERS) {", threads, resident(threads, shared), name)
	e.Line("    %s;", call)
	e.Line("}")
}

// resident returns how many blocks a multiprocessor should have at once: twelve warps, if they
// have room in the shared memory of compute capability 9.0. ptxas, if it is not told, would
// rather spill registers than have one block less.
func resident(threads, shared int) int {
	const memory, own, most = 228 << 10, 1 << 10, 12 * warpLanes
	return max(1, min(memory/(shared+own), ceilDiv(most, threads)))
}

// layerName is the name of a kernel's constants.
func layerName(k *ir.Kernel) string { return strings.ToUpper(k.Name[:1]) + k.Name[1:] }

// constants is the name of a fused kernel's constants.
func (e *emitter) constants(kernel string) string {
	name := strings.TrimPrefix(kernel, prefix(e.plan))
	return strings.ToUpper(name[:1]) + name[1:]
}

// KernelName returns the name of a kernel in the source.
func KernelName(plan *ir.Plan, k *ir.Kernel) string { return prefix(plan) + k.Name }

// prefix begins the names of a plan's kernels, so that several can be linked.
func prefix(plan *ir.Plan) string {
	name := strings.ReplaceAll(plan.Graph.Name, "-", "_") + "_"
	if n := plan.Machine.Blocks.Clips; n != manyClips {
		name += fmt.Sprintf("of%d_", n)
	}
	return name
}

// value returns the type of an operand's values.
func (e *emitter) value(wide bool) string {
	if wide {
		return "Wide"
	}
	return e.precision.value()
}

func (e *emitter) using(name, typ string) { e.Line("    using %s = %s;", name, typ) }

func (e *emitter) axes(name string, t, h, w int) {
	e.using(name, fmt.Sprintf("Axes<%d, %d, %d>", t, h, w))
}

func (e *emitter) extent(name string, s ir.Shape, pixel int) {
	e.using(name, fmt.Sprintf("Extent<%d, %d, %d, %d, %d>", s.T, s.H, s.W, s.C, pixel))
}

func (e *emitter) window(w ir.Window) {
	e.axes("Taps", w.T.Kernel, w.H.Kernel, w.W.Kernel)
	e.axes("Stride", w.T.Stride, w.H.Stride, w.W.Stride)
	e.axes("Pad", w.T.Pad, w.H.Pad, w.W.Pad)
}

// finish writes the epilogue, step by step.
func (e *emitter) finish(epi string) {
	e.Line("    static DEVICE float finish(float x, float bias, float other) {")
	for _, step := range strings.Fields(epi) {
		switch step {
		case ir.EpiBias.String():
			e.Line("        x += bias;")
		case ir.EpiReLU.String():
			e.Line("        x = relu(x);")
		case ir.EpiAdd.String():
			e.Line("        x += other;")
		default:
			panic("BUG: epilogue step " + step)
		}
	}
	e.Line("        return x;")
	e.Line("    }")
}
