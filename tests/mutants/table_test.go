package mutants

import "slices"

// table has all mutants, and survivors those that no suite notices, with the
// reason.
var (
	table     = slices.Concat(passes, schedules, convs, others, support, lowering)
	survivors = map[string]string{
		"a phase that lacks a tap has all": "equivalent: the phase's weights at that point are zero, so that only an infinity in the clip would show",
	}
)

// passes are mutants of what is computed.
var passes = []mutant{
	{name: "a batch norm's mean is added", file: "ir/foldweights.go", old: "shift[i] -= mean[i] * scale[i]", new: "shift[i] += mean[i] * scale[i]", first: "own"},
	{name: "a bias before a batch norm is not scaled", file: "ir/foldweights.go", old: "b[o] = b[o]*scale[o] + shift[o]", new: "b[o] = b[o] + shift[o]", first: "own"},
	{name: "a batch norm's weights are not scaled", file: "ir/foldweights.go", old: "w[i] *= scale[o]", new: "w[i] *= 1", first: "own"},
	{name: "epilogues in reverse", file: "ir/fuse.go", old: "append(append(fused.Epi, step), op.Epi...)", new: "append(append([]EpiStep{step}, fused.Epi...), op.Epi...)", first: "own"},
	{name: "a value with several readers is fused away", file: "ir/fuse.go", old: "!ok || p <= index || f.uses[v] != 1", new: "!ok || p <= index", first: "own"},
	{name: "a projection strides across instead of down", file: "ir/project.go", old: "Skip{conv.T.Stride, conv.H.Stride, conv.W.Stride}", new: "Skip{conv.T.Stride, conv.W.Stride, conv.H.Stride}", first: "own"},
	{name: "a projection does not stride over frames", file: "ir/project.go", old: "Skip{conv.T.Stride, conv.H.Stride, conv.W.Stride}", new: "Skip{1, conv.H.Stride, conv.W.Stride}", first: "own"},
	{name: "narrowed residuals keep their frames", file: "ir/demand.go", old: "e.Every = Skip{e.Every.T * n.T, ", new: "e.Every = Skip{e.Every.T, ", first: "own"},
	{name: "taps are narrowed", file: "ir/demand.go", old: "if o.Value == v {", new: "if o.Value == v && v < 0 {", first: "own"},
	{name: "a flattened map is read across before down", file: "ir/flatten.go", old: "Axis{s.T, 1, 0}, Axis{s.H, 1, 0}, Axis{s.W, 1, 0}", new: "Axis{s.T, 1, 0}, Axis{s.W, 1, 0}, Axis{s.H, 1, 0}", first: "own"},
}

// schedules are mutants of the plan.
var schedules = []mutant{
	{name: "no border on the right", file: "ir/layout.go", old: "Border{conv.H.Pad, conv.W.Pad, conv.H.Pad, conv.W.Pad}", new: "Border{conv.H.Pad, conv.W.Pad, conv.H.Pad, 0}", first: "own"},
	{name: "no border below", file: "ir/layout.go", old: "Border{conv.H.Pad, conv.W.Pad, conv.H.Pad, conv.W.Pad}", new: "Border{conv.H.Pad, conv.W.Pad, 0, conv.W.Pad}", first: "own"},
	{name: "the border's last row is not cleared", file: "ir/layout.go", old: "Behind:  b.Border.Right*b.Pixel + b.Border.Bottom*b.Row", new: "Behind:  b.Border.Right * b.Pixel", first: "own"},
	{name: "the border on the left is not cleared", file: "ir/layout.go", old: "Between: (b.Border.Left + b.Border.Right) * b.Pixel", new: "Between: b.Border.Right * b.Pixel", first: "own"},
	{name: "an input that is added has no room for vectors", file: "ir/layout.go", old: "tight = tight && (e.Kind != EpiAdd || e.Arg != 0)", new: "tight = tight && (e.Kind != EpiAdd || e.Arg >= 0)", first: "own"},
	{name: "buffers share memory a region too early", file: "ir/memory.go", old: "a.First <= b.Last && b.First <= a.Last", new: "a.First < b.Last && b.First < a.Last", first: "own"},
	{name: "a sum overwrites what another step reads", file: "ir/memory.go", old: "if again || alias[other.In] == st.Res {", new: "if again {", first: "own"},
	{name: "outputs do not live to the end", file: "ir/memory.go", old: "p.Buffers[o.Buffer].Last = len(p.Regions)", new: "p.Buffers[o.Buffer].Last += 0", first: "own"},
	{name: "points and sums share scratch memory", file: "ir/memory.go", old: "touch(w.Sums, r)", new: "touch(w.Points, r)", first: "own"},
	{name: "scratch rows begin too late", file: "ir/build.go", old: "cover.H.Pad += more", new: "cover.H.Pad += more / 2", first: "own"},
	{name: "the wrong tail", file: "ir/build.go", old: "t.cols = left", new: "t.cols = max(1, left-1)", first: "own"},
	{name: "rows of a register tile do not stride", file: "ir/build.go", old: "k.In.Row, k.Out.Row = w.H.Stride*in.Row, out.Row", new: "k.In.Row, k.Out.Row = in.Row, out.Row", first: "own"},
	{name: "a residual's pixels do not stride", file: "ir/build.go", old: "k.Res.Pixel = op.every.W * s.plan.Buffers[op.res].Pixel", new: "k.Res.Pixel = s.plan.Buffers[op.res].Pixel", first: "own"},
	{name: "a pool's pixels do not stride", file: "ir/build.go", old: "op.window.W.Stride * in.Pixel", new: "in.Pixel", first: "own"},
	{name: "a tile covers its own rows alone", file: "ir/cover.go", old: "from.H, to.H = st.Cover.H.Span(lo.H, hi.H, st.OutShape.H)", new: "from.H, to.H = lo.H, min(hi.H, st.OutShape.H)", first: "own"},
}

// convs are mutants of the convolutions that are emitted.
var convs = []mutant{
	{name: "products go to another vector", file: "backends/avx/conv.go", old: "c.Op(op, c.weight(v), c.pixel(), c.acc(p, v))", new: "c.Op(op, c.weight(v), c.pixel(), c.acc(p, v/2))"},
	{name: "pixels of the first row alone", file: "backends/avx/conv.go", old: "return p/c.k.Cols*by.Row + p%c.k.Cols*by.Pixel", new: "return p % c.k.Cols * by.Pixel"},
	{name: "no bias", file: "backends/avx/conv.go", old: "bias := len(steps) > 0 &&", new: "bias := len(steps) > 9 &&"},
	{name: "no ReLU", file: "backends/avx/conv.go", old: "\t\t\tc.relu()\n", new: ""},
	{name: "ReLU makes a NaN zero", file: "backends/avx/conv.go", old: `c.Op("VMAXPS", c.acc(p, v), zero, c.acc(p, v))`, new: `c.Op("VMAXPS", zero, c.acc(p, v), c.acc(p, v))`, first: "kernels"},
	{name: "the first vector of a residual for all", file: "backends/avx/conv.go", old: "bytesAt(4*c.at(p, k.Res)+v*c.isa.bytes(), regRes)", new: "bytesAt(4*c.at(p, k.Res), regRes)"},
	{name: "one tap less", file: "backends/avx/conv.go", old: `c.loop(k.TapsW, regTapW, "column"`, new: `c.loop(max(1, k.TapsW-1), regTapW, "column"`},
	{name: "frames too far apart", file: "backends/avx/conv.go", old: "c.advance(regIn, k.StepT-moved)", new: "c.advance(regIn, k.StepT+0*moved)"},
	{name: "the last channel is left out", file: "backends/avx/conv.go", old: "if rest := channels % unroll; rest > 0 {", new: "if rest := channels % unroll; rest > 1 {"},
	{name: "weights are read twice", file: "backends/avx/conv.go", old: "c.advance(regWeights, n*width)", new: "c.advance(regWeights, (n-1)*width)"},
	{name: "points' results lie too close", file: "backends/avx/conv.go", old: "imm(4*c.k.Out.Row)", new: "imm(2*c.k.Out.Row)"},
	{name: "the next rows are the second ones", file: "backends/avx/conv.go", old: "c.advance(reg, c.k.Rows*by.Row)", new: "c.advance(reg, by.Row)"},
	{name: "reads a vector behind the weights", file: "backends/avx/conv.go", old: "func (c *convEmitter) finish() {\n", new: "func (c *convEmitter) finish() {\n\tc.Op(\"VMOVUPS\", bytesAt(0, regWeights), c.weight(0))\n", first: "kernels"},
	{name: "reads a value behind a pixel", file: "backends/avx/conv.go", old: "\tc.lastPart()\n", new: "\tc.lastPart()\n\tif k.TapsT*k.TapsH*k.TapsW == 1 {\n\t\tc.Op(\"VBROADCASTSS\", mem(c.at(k.Pixels()-1, k.In), regIn), c.weight(0))\n\t}\n", first: "kernels"},
	{name: "parts of long sums are added twice", file: "backends/avx/parts.go", old: "\t\tc.zero(c.acc(p, v))\n", new: "", first: "kernels"},
	{name: "upper halves of registers are not cleared", file: "backends/avx/kernel.go", old: "\te.Op(\"VZEROUPPER\")\n", new: "", first: "asmforms"},
}

// others are mutants of pools and transforms that are emitted.
var others = []mutant{
	{name: "averages are sums", file: "backends/avx/pool.go", old: `p.Op("VMULPS", p.extra(2*p.k.Vectors), p.acc(v), p.acc(v))`, new: `p.Op("VMOVAPS", p.acc(v), p.acc(v))`},
	{name: "a pool's rows are columns", file: "backends/avx/pool.go", old: `e.advance("R8", k.StepH)`, new: `e.advance("R8", k.StepW)`},
	{name: "a maximum drops a NaN on AVX2", file: "backends/avx/pool.go", old: `p.Op("VBLENDVPS", isNaN, acc, most, acc)`, new: `p.Op("VMOVAPS", most, acc)`, first: "kernels"},
	{name: "a maximum drops a NaN on AVX-512", file: "backends/avx/pool.go", old: `p.Op("VMAXPS", x, acc, "K1", acc)`, new: `p.Op("VMAXPS", x, acc, acc)`, first: "kernels"},
	{name: "a pool stores a vector too many", file: "backends/avx/pool.go", old: `		p.Op("VMOVUPS", p.acc(v), bytesAt(v*p.isa.bytes(), "DI"))`, new: "\t\tp.Op(\"VMOVUPS\", p.acc(v), bytesAt(v*p.isa.bytes(), \"DI\"))\n\t\tp.Op(\"VMOVUPS\", p.acc(v), bytesAt((v+1)*p.isa.bytes(), \"DI\"))", first: "kernels"},
	{name: "the first part's bias for both", file: "backends/avx/winograd.go", old: "w.add(acc, mem(behind, regBiases))", new: "w.add(acc, mem(0, regBiases))"},
	{name: "results beyond the map are stored", file: "backends/avx/winograd.go", old: `w.Op("CMPQ", count, imm(i))`, new: `w.Op("CMPQ", count, imm(i-1))`},
	{name: "a difference the other way round", file: "backends/avx/product.go", old: `w.Op("VSUBPS", w.temp(0), y(0), y(1))`, new: `w.Op("VSUBPS", y(0), w.temp(0), y(1))`},
	{name: "a transform's residuals lie too close", file: "backends/avx/winograd.go", old: "e.advance(regRes, k.Cols*k.Res.Pixel)", new: "e.advance(regRes, k.Res.Pixel)"},
	{name: "a phase that lacks a tap has all", file: "backends/avx/phases.go", old: "p.Op(\"VBLENDPS\", imm(lacking), p.temp(0), p.result(0), p.result(0))", new: "p.Op(\"VBLENDPS\", imm(0), p.temp(0), p.result(0), p.result(0))"},
}

// support are mutants of the Go code that every package carries.
var support = []mutant{
	{name: "half of the border before a map is not cleared", file: "codegen/support/step.go", old: "first-b.edges.before : first", new: "first-b.edges.before/2 : first"},
	{name: "the border behind a map is not cleared", file: "codegen/support/step.go", old: "if h == st.to.h-1 {", new: "if h == st.to.h {"},
	{name: "skipped frames have the first weights", file: "codegen/support/step.go", old: "pk.panelLen()+lo*k.tapsH*k.tapsW*k.k*k.width:]", new: "pk.panelLen():]"},
	{name: "panels project other channels", file: "codegen/support/step.go", old: "if k.k2 == 0 {", new: "if k.k2 >= 0 {"},
	{name: "windows over the right edge are whole", file: "codegen/support/step.go", old: "return lo == 0 && hi == st.window[2].kernel", new: "return lo == 0 && hi > 0"},
	{name: "an average counts what is not on the map", file: "codegen/support/step.go", old: "scale := 1 / float32(nt*nh*nw)", new: "scale := 1 / float32(win[0].kernel*win[1].kernel*win[2].kernel)"},
	{name: "some points are kept that were not made", file: "codegen/support/winograd.go", old: "if w.same && n == all {", new: "if w.same {"},
	{name: "points of another clip are kept", file: "codegen/support/worker.go", old: "k/grid.c == last/grid.c && clip == w.clip", new: "k/grid.c == last/grid.c", first: "own"},
	{name: "points of frames off the map are not cleared", file: "codegen/support/winograd.go", old: "+phase*n:][:n])", new: "+phase*n:][:0])"},
	{name: "packing leaves the mean out", file: "codegen/support/pack.go", old: "float64((bias-get(p.mean, 0))*scale)", new: "float64(bias*scale)"},
	{name: "a projection's bias replaces the layer's", file: "codegen/support/pack.go", old: "bias += more", new: "bias = more"},
	{name: "blue and red are not exchanged", file: "codegen/support/ingest.go", old: "a, b, c := row[x-2], row[x-1], row[x]\n\t\tif bgr {", new: "a, b, c := row[x-2], row[x-1], row[x]\n\t\tif bgr && x < 0 {", first: "own"},
	{name: "probabilities do not sum to one", file: "codegen/support/softmax.go", old: "sum += math.Exp(float64(v) - most)", new: "sum += math.Exp(float64(v))"},
	{name: "the portable ReLU makes a NaN zero", file: "codegen/support/generic.go", old: "if acc[j] < 0 {", new: "if !(acc[j] > 0) {", first: "kernels"},
	{name: "taps come in another order", file: "codegen/support/pack.go", old: "lanes[(i%taps*block+i/taps)*p.width+lane]", new: "lanes[((taps-1-i%taps)*block+i/taps)*p.width+lane]"},
}

// lowering are mutants of what a text means, which all ways to compute share.
var lowering = []mutant{
	{name: "T is S", file: "dsl/block.go", old: `t := b.part("temporal", n, fromT, out, temporal, strideT)`, new: `t := b.part("temporal", n, fromT, out, spatial, strideT)`, first: "own"},
	{name: "B sums before the second ReLU", file: "dsl/block.go", old: "sum(b.act(s(x)), b.act(t(x)))", new: "sum(b.act(s(x)), t(x))", first: "own"},
	{name: "C's T reads the block's input", file: "dsl/block.go", old: "return sum(y, b.act(t(y)))", new: "return sum(y, b.act(t(x)))", first: "own"},
	{name: "basic blocks have a ReLU before the sum", file: "dsl/block.go", old: "return second(first(x, true), false)", new: "return second(first(x, true), true)", first: "own"},
}
