package cuda

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// warpLanes are the threads of a warp.
const warpLanes = 32

// Launch is a call of a kernel: blocks of threads, with shared memory.
type Launch struct {
	Op              string // the layer, or the first and the last of those in one kernel
	Kernel          string
	Threads, Shared int // of a block; bytes
	// Units are what blocks share of one clip, Per of them each; those of
	// several clips are strung together. Columns blocks have the same units.
	Units, Per, Columns int
	// The maps of one clip: those of n clips lie n times as far from the arena's
	// start and are n times as long. A Len of 0 is none. The first launch's In is
	// no part of the arena, but the caller's clip, in float32.
	In, Second, Out Span
	Weights, Bias   Span // in the packed weights
}

// Span is a part of a memory, in bytes.
type Span struct{ Offset, Len int }

// Blocks returns how many blocks so many clips take.
func (l *Launch) Blocks(clips int) int { return ceilDiv(l.Units*clips, l.Per) * l.Columns }

// Launches lists what a run launches, in order.
func Launches(p *ir.Plan) []Launch {
	var list []Launch
	names := fusedKernels(p)
	for i := range p.Regions {
		if names[i] != "" {
			list = append(list, launchBlock(p, &p.Regions[i], names[i]))
			continue
		}
		l := launch(p, &p.Regions[i].Steps[0])
		l.Op = p.Regions[i].Name
		list = append(list, l)
	}
	return list
}

func launch(p *ir.Plan, st *ir.Step) Launch {
	k := &p.Kernels[st.Kernel]
	l := Launch{Kernel: KernelName(p, k), Threads: Threads(p, k), Shared: shared(p, k), Out: Map(p, st.Out)}
	l.Units, l.Per, l.Columns = units(p, k)
	if k.Kind == ir.KernelIngest {
		l.In = Span{Len: 4 * k.Block.In.Elems()}
	} else {
		l.In = Map(p, st.In)
	}
	if st.Res != ir.NoBuffer {
		l.Second = Map(p, st.Res)
	}
	if st.Pack != ir.NoPack {
		l.Weights, l.Bias = weights(p, st), biases(p, st)
	}
	return l
}

// weights and biases return where a step's parameters lie in the packed weights.
func weights(p *ir.Plan, st *ir.Step) Span {
	pk, size := &p.Packs[st.Pack], p.Machine.Blocks.ValueBytes
	return Span{pk.Weights * size, pk.Panels() * pk.PanelLen() * size}
}

func biases(p *ir.Plan, st *ir.Step) Span {
	pk := &p.Packs[st.Pack]
	return Span{pk.Bias * p.Machine.Blocks.ValueBytes, pk.Panels() * pk.Channels * 4}
}

// Map returns where the map of one clip lies in the arena of one clip.
func Map(p *ir.Plan, id ir.BufferID) Span {
	b, size := &p.Buffers[id], p.Machine.Blocks.ValueBytes
	at := b.Offset * size
	if b.Wide {
		size = 4
	}
	return Span{at, b.Shape.Pixels() * b.Pixel * size}
}

// ArenaBytes returns the size of the arena of one clip.
func ArenaBytes(p *ir.Plan) int { return p.ArenaLen * p.Machine.Blocks.ValueBytes }

// Threads returns the size of a kernel's blocks.
func Threads(p *ir.Plan, k *ir.Kernel) int {
	switch k.Kind {
	case ir.KernelConv:
		down, along := blockTile(p, k).Warps()
		return down * along * warpLanes
	case ir.KernelLinear, ir.KernelSoftmax:
		return 8 * warpLanes
	case ir.KernelPool, ir.KernelIngest:
		return k.Cols
	}
	panic(fmt.Sprintf("BUG: no CUDA kernel for a %v", k.Kind))
}

func shared(p *ir.Plan, k *ir.Kernel) int {
	if k.Kind != ir.KernelConv {
		return 0
	}
	return blockTile(p, k).Shared(k.Block.Depth, k.Block.Stages, p.Machine.Blocks.ValueBytes)
}

// units returns what a kernel's blocks share, how many of them a block has, and
// how many blocks have the same.
func units(p *ir.Plan, k *ir.Kernel) (units, per, columns int) {
	out := k.Block.Out
	switch k.Kind {
	case ir.KernelConv:
		t := blockTile(p, k)
		return out.Pixels(), t.Positions * out.T / k.Block.Frames(), ceilDiv(out.C, t.Channels)
	case ir.KernelPool: // a thread makes two values
		return out.Pixels() * k.Out.Pixel / 2, Threads(p, k), 1
	case ir.KernelLinear: // a warp makes one
		return k.Out.Pixel, Threads(p, k) / warpLanes, 1
	case ir.KernelSoftmax: // a warp makes a clip's
		return 1, Threads(p, k) / warpLanes, 1
	}
	return out.Pixels(), Threads(p, k), 1
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }
