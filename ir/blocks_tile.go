package ir

import (
	"fmt"
	"math"
)

// BlockTile is the tile of results of a block of threads, at so many positions
// and output channels.
type BlockTile struct{ Positions, Channels int }

// BlockTiles returns the tiles that conv kernels have code for, and how their
// warps share them: down the positions and along the channels.
func BlockTiles() []BlockTile {
	return []BlockTile{{128, 128}, {128, 64}, {64, 64}, {64, 32}, {32, 32}}
}

// Warps returns how many warps share a tile, down its positions and along its
// channels: each has 32 x 64 results at most, which leaves registers for what
// they are made of.
func (t BlockTile) Warps() (positions, channels int) {
	switch t {
	case BlockTile{128, 128}:
		return 4, 2
	case BlockTile{128, 64}:
		return 4, 1
	}
	return 2, 2
}

// Shared returns the bytes of shared memory that a tile takes: both operands of
// the steps that are under way.
func (t BlockTile) Shared(depth, stages, valueBytes int) int {
	return (t.Positions + t.Channels) * depth * valueBytes * stages
}

// stepBytes is the least that a step takes of a reduction: rows of tiles meet in whole
// sectors of memory.
const stepBytes = 64

// longestStep is how many bytes of the reduction a step takes at most, of each position and
// channel: small tiles take longer steps, for each costs a barrier.
func (t BlockTile) longestStep() int {
	switch t {
	case BlockTile{64, 64}, BlockTile{64, 32}:
		return 2 * stepBytes
	case BlockTile{32, 32}:
		return 4 * stepBytes
	}
	return stepBytes
}

// steps returns how many values of an op's reduction a step takes with a tile, and how many
// steps are under way. Pixels have whole steps, as far as that can be. The steps that are
// on their way from memory hide its latency behind the one that is multiplied.
func (s *scheduler) steps(op *plannedOp, t BlockTile) (depth, stages int) {
	size := s.m.Blocks.ValueBytes
	for bytes := t.longestStep(); bytes > stepBytes; bytes /= 2 {
		whole := func(v BufferID) bool { return s.reductionPitch(v)*size%bytes == 0 }
		depth = bytes / size
		if whole(op.in) && (op.project == nil || whole(op.res)) && t.Shared(depth, 3, size) <= s.m.Blocks.Shared {
			return depth, 3
		}
	}
	return stepBytes / size, 4
}

// fusedDepth is how many values a step takes in a block of layers.
func (s *scheduler) fusedDepth() int { return stepBytes / s.m.Blocks.ValueBytes }

// chosenTile is a tile and how many blocks it makes of a layer.
type chosenTile struct {
	BlockTile
	blocks int
}

// blockTile chooses the tile that keeps the multiprocessors busiest: blocks
// run in waves, and a block takes as long as its products, or as the operands
// that it fetches for them.
func (s *scheduler) blockTile(op *plannedOp) (chosenTile, error) {
	out := s.g.Values[op.Out].Shape
	positions := s.frames(op) * out.H * out.W * s.m.Blocks.Clips
	best, least := chosenTile{}, math.Inf(1)
	for _, t := range BlockTiles() {
		if depth, stages := s.steps(op, t); t.Shared(depth, stages, s.m.Blocks.ValueBytes) > s.m.Blocks.Shared {
			continue
		}
		blocks := ceilDiv(positions, t.Positions) * ceilDiv(out.C, t.Channels)
		one := float64(t.Positions*t.Channels + fetchCost*(t.Positions+t.Channels))
		if cost := float64(ceilDiv(blocks, s.m.Cores)) * one; cost < least {
			best, least = chosenTile{t, blocks}, cost
		}
	}
	if best.blocks == 0 {
		return best, fmt.Errorf("%s: no tile of results has room in %d bytes of shared memory", op.Name, s.m.Blocks.Shared)
	}
	return best, nil
}
