package cuda

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// pooled reports whether a fused region is a convolution and its pool.
func pooled(p *ir.Plan, r *ir.Region) bool {
	return p.Kernels[r.Steps[len(r.Steps)-1].Kernel].Kind == ir.KernelPool
}

// pooled writes the constants of a convolution and of its pool, and their kernel.
func (e *emitter) pooled(r *ir.Region, name string) {
	p, text := e.plan, e.constants(name)
	load, conv, pool := &p.Kernels[r.Steps[0].Kernel], &p.Kernels[r.Steps[1].Kernel], &p.Kernels[r.Steps[2].Kernel]
	source, id := r.Steps[0].Out, r.Steps[1].Out
	m, w := &p.Buffers[id], e.laidOut(conv)
	total, _ := p.Shared(r)
	e.Line("struct %s {", text)
	e.using("Value", e.value(false))
	e.read(load)
	e.using("Out", "Nothing")
	e.using("Second", "Nothing")
	e.tile("Source", source)
	pad := ir.Shape{}   // what is computed begins where Source does
	if r.Space.T == 1 { // which has all frames
		pad.T, w.T = w.T.Pad, ir.Axis{}
	}
	e.axes("Begin", w.T.Stride, w.H.Stride, w.W.Stride)
	e.axes("Before", w.T.Pad, w.H.Pad, w.W.Pad)
	e.axes("Every", 1, 1, 1)
	e.tiled(conv, r, m.Shape.H, m.Shape.W)
	e.Line("};")
	e.layer(&r.Steps[1], text+"_0", 0, pad)
	e.Line("struct %s_1 {", text)
	e.maps(pool, "Value")
	e.window(pool.Block.Window)
	e.Line("    static constexpr bool AVERAGE = %t;", pool.Pool == ir.PoolAverage)
	e.tile("Map", id)
	e.axes("Begin", m.Cover.T.Stride, m.Cover.H.Stride, m.Cover.W.Stride)
	e.axes("Before", m.Cover.T.Pad, m.Cover.H.Pad, m.Cover.W.Pad)
	e.Line("    static constexpr int FRAMES = %d, ROWS = %d, COLS = %d;", r.Tile.T, r.Tile.H, r.Tile.W)
	e.Line("};")
	e.function(name, Threads(p, conv), total, fmt.Sprintf("PooledConvolution<%s, %s_0, %s_1>::run(in, out, weights, bias)", text, text, text))
	e.Line("")
}
