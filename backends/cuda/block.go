package cuda

import (
	"fmt"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// fused reports whether a region is several ops in one kernel: a block of layers, or
// a convolution and its pool.
func fused(r *ir.Region) bool { return len(r.Steps) > 1 }

// fusedKernels returns the names of the kernels of fused regions, by region, ""
// for the others. Regions whose layers and places in shared memory are the same share
// one.
func fusedKernels(p *ir.Plan) []string {
	names, known := make([]string, len(p.Regions)), map[string]string{}
	for i := range p.Regions {
		r := &p.Regions[i]
		if !fused(r) {
			continue
		}
		key := ""
		for _, st := range r.Steps {
			key += fmt.Sprint(" ", st.Kernel)
			for _, id := range []ir.BufferID{st.In, st.Out, st.Res} {
				if id != ir.NoBuffer && p.Buffers[id].Space == ir.Scratch {
					key += fmt.Sprint(",", p.Buffers[id].Base)
				}
			}
		}
		if known[key] == "" {
			what := "block"
			if pooled(p, r) {
				what = "pooled"
			}
			known[key] = fmt.Sprintf("%s%dx%d_%d", what, r.Tile.H, r.Tile.W, len(known))
		}
		names[i] = prefix(p) + known[key]
	}
	return names
}

// alone reports, by kernel, whether it is a CUDA kernel by itself, and not a
// layer of a fused one.
func alone(p *ir.Plan) []bool {
	list := make([]bool, len(p.Kernels))
	for i := range p.Kernels {
		list[i] = p.Kernels[i].Block.Tile == (ir.Shape{})
	}
	return list
}

// Entries lists the names of a plan's CUDA kernels, in the order of the source.
func Entries(p *ir.Plan) []string {
	names := []string{FramesKernel(p)}
	for i, own := range alone(p) {
		if own {
			names = append(names, KernelName(p, &p.Kernels[i]))
		}
	}
	for _, name := range fusedKernels(p) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// blocks writes the kernels of fused regions.
func (e *emitter) blocks() {
	names, users := fusedKernels(e.plan), map[string][]string{}
	for i, name := range names {
		users[name] = append(users[name], e.plan.Regions[i].Name)
	}
	for i, name := range names {
		if name == "" || slices.Index(names, name) < i {
			continue
		}
		e.Line("// %s", listed(users[name]))
		if r := &e.plan.Regions[i]; pooled(e.plan, r) {
			e.pooled(r, name)
		} else {
			e.block(r, name)
		}
	}
}

// block writes the constants of a fused region and of its layers, and its kernel.
func (e *emitter) block(r *ir.Region, name string) {
	p := e.plan
	load, steps, last := &r.Steps[0], r.Steps[1:], &r.Steps[len(r.Steps)-1]
	k := &p.Kernels[last.Kernel]
	total, _ := p.Shared(r)
	text := e.constants(name)
	e.Line("struct %s {", text)
	e.using("Value", e.value(false))
	e.extent("In", p.Kernels[load.Kernel].Block.In, p.Buffers[load.In].Pixel)
	e.extent("Out", k.Block.Out, k.Out.Pixel)
	if last.Res != ir.NoBuffer && p.Buffers[last.Res].Space == ir.Arena {
		e.extent("Second", k.Block.Res, k.Res.Pixel)
	} else {
		e.using("Second", "Nothing")
	}
	source := &p.Buffers[load.Out]
	e.tile("Source", load.Out)
	e.axes("Begin", 1, source.Cover.H.Stride, source.Cover.W.Stride)
	e.axes("Before", 0, source.Cover.H.Pad, source.Cover.W.Pad)
	e.axes("Every", last.Every.T, last.Every.H, last.Every.W)
	e.tiled(k, r, r.Tile.H, r.Tile.W)
	e.Line("};")
	var layers []string
	for i := range steps {
		layers = append(layers, fmt.Sprintf("%s_%d", text, i))
		from, w := &p.Buffers[steps[i].In].Cover, &steps[i].Window
		e.layer(&steps[i], layers[i], p.Packs[steps[i].Pack].Bias-p.Packs[steps[0].Pack].Bias,
			ir.Shape{T: w.T.Pad, H: from.H.Pad - w.H.Pad, W: from.W.Pad - w.W.Pad})
	}
	// The last layer comes first: C++ wants the list of the others behind it.
	layers = append([]string{layers[len(layers)-1]}, layers[:len(layers)-1]...)
	e.function(name, Threads(p, k), total, fmt.Sprintf("fused_block<%s, %s>(in, second, out, weights, bias)", text, strings.Join(layers, ", ")))
	e.Line("")
}

// tiled writes how a block of threads shares the work of a fused region: rows and columns
// that are computed at once, as kernel k has them, and where in shared memory things lie.
func (e *emitter) tiled(k *ir.Kernel, r *ir.Region, rows, cols int) {
	tile := blockTile(e.plan, k)
	down, along := tile.Warps()
	total, maps := e.plan.Shared(r)
	e.Line("    static constexpr int ROWS = %d, COLS = %d, POSITIONS = %d, CHANNELS = %d, WARPS_P = %d, WARPS_C = %d, STAGES = %d;",
		rows, cols, tile.Positions, tile.Channels, down, along, k.Block.Stages)
	e.Line("    static constexpr int STAGES_AT = %d, ZEROS_AT = %d;", maps, total-accessBytes)
	e.Line("    static constexpr bool PROJECTS = %t;", k.K2 > 0)
}

// layer writes the constants of a layer of a block, whose biases begin so many
// places of the packed weights behind the block's; pad is as device/block.cu has it.
func (e *emitter) layer(st *ir.Step, name string, bias int, pad ir.Shape) {
	k := &e.plan.Kernels[st.Kernel]
	adds := strings.Contains(k.Epi, ir.EpiAdd.String())
	e.Line("struct %s {", name)
	e.tile("From", st.In)
	if e.plan.Buffers[st.Out].Space == ir.Scratch {
		e.tile("To", st.Out)
	} else {
		e.using("To", fmt.Sprintf("Tile<%d, 0, 0, %d, 0, -1>", k.Block.Frames(), ceilDiv(k.Block.Out.C, e.plan.Machine.Lanes)))
	}
	if adds && e.plan.Buffers[st.Res].Space == ir.Scratch {
		e.tile("Add", st.Res)
	} else {
		e.using("Add", "Tile<0, 0, 0, 0, 0, -1>")
	}
	w := e.laidOut(k)
	e.axes("Taps", w.T.Kernel, w.H.Kernel, w.W.Kernel)
	e.axes("Stride", w.T.Stride, w.H.Stride, w.W.Stride)
	e.axes("Pad", pad.T, pad.H, pad.W)
	e.using("Result", e.value(k.Block.WideOut))
	e.Line("    static constexpr bool ADDS = %t, PAIRS = %t;", adds, k.Block.Pairs)
	e.Line("    static constexpr int BIAS = %d;", bias*e.precision.Bytes()/4)
	e.finish(k.Epi)
	e.Line("};")
}

// tile writes the part of a map that lies in shared memory.
func (e *emitter) tile(name string, id ir.BufferID) {
	b, lanes := &e.plan.Buffers[id], e.plan.Machine.Lanes
	cols, pixel := b.Shape.W, b.Pixel
	if e.plan.Machine.HalfAccess(pixel) {
		cols, pixel = cols/2, 2*pixel
	}
	e.using(name, fmt.Sprintf("Tile<%d, %d, %d, %d, %d, %d>", b.Shape.T, b.Shape.H, cols,
		ceilDiv(b.Shape.C, lanes), pixel/lanes, b.Offset*e.precision.Bytes()))
}

// launchBlock returns the call of a fused region's kernel.
func launchBlock(p *ir.Plan, r *ir.Region, name string) Launch {
	load, first, last := &r.Steps[0], &r.Steps[1], &r.Steps[len(r.Steps)-1]
	l := launch(p, last)
	l.Op, l.Kernel = r.Name, name
	l.Shared, _ = p.Shared(r)
	l.Units, l.Per, l.Columns = r.Tiles().Elems(), 1, 1
	l.In = Map(p, load.In)
	if pooled(p, r) {
		l.Threads = Threads(p, &p.Kernels[first.Kernel])
		l.Weights, l.Bias = weights(p, first), biases(p, first)
		return l
	}
	if last.Res != ir.NoBuffer && p.Buffers[last.Res].Space == ir.Scratch {
		l.Second = Span{}
	}
	l.Weights, l.Bias = upTo(weights(p, first), l.Weights), upTo(biases(p, first), l.Bias)
	return l
}

// upTo returns what lies from the begin of one part of a memory to another's end.
func upTo(a, b Span) Span { return Span{a.Offset, b.Offset + b.Len - a.Offset} }
