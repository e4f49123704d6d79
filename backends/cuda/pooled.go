package cuda

import "github.com/p3dc/p3dc/ir"

// pooled reports whether a fused region is a convolution and its pool.
func pooled(p *ir.Plan, r *ir.Region) bool {
	return p.Kernels[r.Steps[len(r.Steps)-1].Kernel].Kind == ir.KernelPool
}

// pooled writes the constants of a convolution and of its pool, and their kernel.
func (e *emitter) pooled(r *ir.Region, name string) {
	p, text := e.plan, e.constants(name)
	conv, pool := &p.Kernels[r.Steps[0].Kernel], &p.Kernels[r.Steps[1].Kernel]
	id := r.Steps[1].In
	m := &p.Buffers[id]
	total, maps := p.Shared(r)
	e.Line("struct %s_0 {", text)
	e.convolution(conv)
	e.Line("};")
	e.Line("struct %s_1 {", text)
	e.maps(pool, "Value")
	e.window(pool.Block.Window)
	e.Line("    static constexpr bool AVERAGE = %t;", pool.Pool == ir.PoolAverage)
	e.tile("Map", id, total-maps)
	e.axes("Begin", m.Cover.T.Stride, m.Cover.H.Stride, m.Cover.W.Stride)
	e.axes("Before", m.Cover.T.Pad, m.Cover.H.Pad, m.Cover.W.Pad)
	e.Line("    static constexpr int FRAMES = %d, ROWS = %d, COLS = %d;", r.Tile.T, r.Tile.H, r.Tile.W)
	e.Line("};")
	e.Line("KERNEL(%d) %s(%s) {", Threads(conv), name, parameters)
	e.Line("    PooledConvolution<%s_0, %s_1>::run(in, out, weights, bias);", text, text)
	e.Line("}")
	e.Line("")
}
