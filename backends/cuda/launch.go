package cuda

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// warpLanes are the threads of a warp.
const warpLanes = 32

// Launch is a call of a kernel: so many blocks of threads, with shared memory.
type Launch struct {
	Op      string // the layer
	Kernel  string
	Blocks  int
	Threads int
	Shared  int // bytes
	// The operands, in bytes; one of length 0 is none. The first launch's In is
	// the caller's clips.
	In, Second, Out Span
	Weights, Bias   Span
}

// Span is a part of a memory: the arena or, for weights and biases, that of
// the packed weights.
type Span struct{ Offset, Len int }

// Launches lists what a run of so many clips launches, in order.
func Launches(p *ir.Plan, clips int) []Launch {
	var list []Launch
	for i := range p.Regions {
		for j := range p.Regions[i].Steps {
			list = append(list, launch(p, &p.Regions[i].Steps[j], clips))
		}
	}
	return list
}

func launch(p *ir.Plan, st *ir.Step, clips int) Launch {
	k := &p.Kernels[st.Kernel]
	l := Launch{
		Op: st.Op, Kernel: KernelName(p, k), Threads: Threads(k), Shared: shared(p, k), Blocks: blocks(p, k, clips),
		Out: Map(p, st.Out, clips),
	}
	if k.Kind == ir.KernelIngest {
		l.In = Span{Len: 4 * clips * k.Block.In.Elems()}
	} else {
		l.In = Map(p, st.In, clips)
	}
	if st.Res != ir.NoBuffer {
		l.Second = Map(p, st.Res, clips)
	}
	if st.Pack != ir.NoPack {
		pk, size := &p.Packs[st.Pack], p.Machine.Blocks.ValueBytes
		l.Weights = Span{pk.Weights * size, pk.Panels() * pk.PanelLen() * size}
		l.Bias = Span{pk.Bias * size, pk.Panels() * pk.Channels * 4}
	}
	return l
}

// Map returns where the maps of so many clips lie in the arena, clip after clip.
func Map(p *ir.Plan, id ir.BufferID, clips int) Span {
	b, size := &p.Buffers[id], p.Machine.Blocks.ValueBytes
	at := b.Offset * clips * size
	if b.Wide {
		size = 4
	}
	return Span{at, b.Shape.Pixels() * b.Pixel * clips * size}
}

// ArenaBytes returns the size of the arena of so many clips.
func ArenaBytes(p *ir.Plan, clips int) int { return p.ArenaLen * clips * p.Machine.Blocks.ValueBytes }

// Threads returns the size of a kernel's blocks.
func Threads(k *ir.Kernel) int {
	switch k.Kind {
	case ir.KernelConv:
		down, along := (ir.BlockTile{Positions: k.Cols, Channels: k.Vectors * laneValues(k)}).Warps()
		return down * along * warpLanes
	case ir.KernelLinear, ir.KernelSoftmax:
		return 8 * warpLanes
	case ir.KernelPool, ir.KernelIngest:
		return k.Cols
	}
	panic(fmt.Sprintf("BUG: no CUDA kernel for a %v", k.Kind))
}

// stepBytes is how much of the reduction a step takes, of each row of a tile.
const stepBytes = 64

// laneValues returns how many values of a conv kernel's operands 16 bytes hold.
func laneValues(k *ir.Kernel) int { return k.Block.Depth * accessBytes / stepBytes }

func shared(p *ir.Plan, k *ir.Kernel) int {
	if k.Kind != ir.KernelConv {
		return 0
	}
	return blockTile(p, k).Shared(k.Block.Depth, k.Block.Stages, p.Machine.Blocks.ValueBytes)
}

func blocks(p *ir.Plan, k *ir.Kernel, clips int) int {
	out := k.Block.Out
	positions := clips * out.Pixels()
	switch k.Kind {
	case ir.KernelConv:
		t := blockTile(p, k)
		return ceilDiv(positions, t.Positions) * ceilDiv(out.C, t.Channels)
	case ir.KernelPool:
		return ceilDiv(positions*k.Out.Pixel/2, Threads(k))
	case ir.KernelLinear:
		return ceilDiv(clips*k.Out.Pixel*warpLanes, Threads(k))
	case ir.KernelSoftmax:
		return ceilDiv(clips*warpLanes, Threads(k))
	}
	return ceilDiv(positions, Threads(k))
}

func ceilDiv(n, d int) int { return (n + d - 1) / d }
