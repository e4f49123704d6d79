package cuda

import (
	"strconv"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

func (e *emitter) conv(k *ir.Kernel) {
	e.open(k)
	e.convolution(k)
	e.close(k, "Convolution<"+layerName(k)+">::run(in, second, out, weights, bias, clips)")
}

// convolution writes a convolution's constants.
func (e *emitter) convolution(k *ir.Kernel) {
	b, tile := &k.Block, blockTile(e.plan, k)
	down, along := tile.Warps()
	adds := strings.Contains(k.Epi, ir.EpiAdd.String())
	e.using("Value", e.value(false))
	e.using("Result", e.value(b.WideOut))
	e.read(k)
	e.extent("Out", b.Out, k.Out.Pixel)
	e.window(e.laidOut(k))
	if adds || k.K2 > 0 {
		e.extent("Second", b.Res, k.Res.Pixel)
	} else {
		e.using("Second", "Nothing")
	}
	e.axes("Every", b.Every.T, b.Every.H, b.Every.W)
	e.Line("    static constexpr bool ADDS = %t, PROJECTS = %t, PAIRS = %t;", adds, k.K2 > 0, b.Pairs)
	e.Line("    static constexpr int POSITIONS = %d, CHANNELS = %d, WARPS_P = %d, WARPS_C = %d, STEP = %d, STAGES = %d;",
		tile.Positions, tile.Channels, down, along, b.Depth*e.precision.Bytes(), b.Stages)
	e.finish(k.Epi)
}

// read writes the extents of what a convolution reads: where its pixels are half an
// access, two of them are one to the device code.
func (e *emitter) read(k *ir.Kernel) {
	in, pixel := k.Block.In, k.In.Pixel
	if e.plan.Machine.HalfAccess(pixel) {
		in.W, pixel = in.W/2, 2*pixel
	}
	e.extent("In", in, pixel)
}

// laidOut returns the window of a convolution as its taps are laid out, over what read
// writes.
func (e *emitter) laidOut(k *ir.Kernel) ir.Window {
	w := k.Block.LaidOut()
	if e.plan.Machine.HalfAccess(k.In.Pixel) {
		w.W = halved(w.W)
	}
	return w
}

// halved returns an axis over twos.
func halved(a ir.Axis) ir.Axis {
	return ir.Axis{Kernel: a.Kernel / 2, Stride: a.Stride / 2, Pad: a.Pad / 2}
}

// blockTile returns the tile of a conv kernel.
func blockTile(p *ir.Plan, k *ir.Kernel) ir.BlockTile {
	return ir.BlockTile{Positions: k.Cols, Channels: k.Vectors * p.Machine.Lanes}
}

// maps writes what a kernel reads and writes: the types of the values, that of
// the input under the given name, and the extents.
func (e *emitter) maps(k *ir.Kernel, in string) {
	e.using(in, e.value(k.Block.WideIn))
	e.using("Result", e.value(k.Block.WideOut))
	e.extent("In", k.Block.In, k.In.Pixel)
	e.extent("Out", k.Block.Out, k.Out.Pixel)
}

func (e *emitter) pool(k *ir.Kernel) {
	e.open(k)
	e.maps(k, "Value")
	e.window(k.Block.Window)
	e.Line("    static constexpr bool AVERAGE = %t;", k.Pool == ir.PoolAverage)
	e.threads(k)
	e.close(k, "pool<"+layerName(k)+">(in, out, clips)")
}

func (e *emitter) linear(k *ir.Kernel) {
	e.open(k)
	e.using("Value", e.value(false))
	e.maps(k, "Source")
	e.threads(k)
	e.finish(k.Epi)
	e.close(k, "linear<"+layerName(k)+">(in, out, weights, bias, clips)")
}

func (e *emitter) softmax(k *ir.Kernel) {
	e.open(k)
	e.maps(k, "Value")
	e.threads(k)
	e.close(k, "softmax<"+layerName(k)+">(in, out, clips)")
}

// ingest writes the two kernels that take the caller's clips.
func (e *emitter) ingest(k *ir.Kernel) {
	in := &e.plan.Graph.Input
	e.open(k)
	e.using("Value", e.value(false))
	e.extent("Out", k.Block.Out, k.Out.Pixel)
	e.Line("    static constexpr bool SWAPS = %t;", in.Order == ir.BGR)
	e.threads(k)
	var scales, shifts []float64
	for c := range in.Mean {
		scales = append(scales, in.Scale/in.Std[c])
		shifts = append(shifts, -in.Mean[c]/in.Std[c])
	}
	e.byChannel("scale", scales)
	e.byChannel("shift", shifts)
	e.close(k, "ingest_floats<"+layerName(k)+">(in, out, clips)")
	e.entry(k, FramesKernel(e.plan), "ingest_frames<"+layerName(k)+">(in, out, clips)")
}

// FramesKernel returns the name of the kernel that takes clips of bytes, in
// place of the first launch's.
func FramesKernel(plan *ir.Plan) string {
	return prefix(plan) + "frames"
}

// byChannel writes a function that returns one of a few constants.
func (e *emitter) byChannel(name string, values []float64) {
	text := literal(values[len(values)-1])
	for c := len(values) - 2; c >= 0; c-- {
		text = "c == " + strconv.Itoa(c) + " ? " + literal(values[c]) + " : " + text
	}
	e.Line("    static DEVICE float %s(int c) { return %s; }", name, text)
}

// literal returns a float32 constant that reads back as the same.
func literal(x float64) string {
	s := strconv.FormatFloat(x, 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s + "f"
}

func (e *emitter) threads(k *ir.Kernel) {
	e.Line("    static constexpr int THREADS = %d;", Threads(e.plan, k))
}
