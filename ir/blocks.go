package ir

import (
	"fmt"
	"math"
)

// ScheduleBlocks plans how a fused graph runs on a machine whose workers are
// blocks of threads. An op that is a region of its own has for its space the
// layer's positions strung together, over all clips of a launch, by channels.
// The layers of a block, behind its reduction, may be one region: a tile is some
// rows and columns of the picture with all frames and channels, and what flows
// between the layers stays in shared memory. The larger of each pair of frames, as
// a pool behind a stage takes it, is the end of the epilogue before it.
//
// Maps have no borders: a block asks for what lies on padding by itself. Pixels
// are padded to accesses of 16 bytes, with zeros, but those of a clip to half of that
// where all that reads it takes them in twos. Outputs of a single position are float32 values.
//
// It fails where an op has no kernel, a tile no room in shared memory, or a map more bytes
// than a kernel counts, naming the op.
func ScheduleBlocks(g *Graph, m Machine, f Fusion) (*Plan, error) {
	s, err := newScheduler(g, m)
	if err != nil {
		return nil, err
	}
	s.foldPairs()
	s.plan.Buffers = s.blockLayouts()
	if err := s.countable(); err != nil {
		return nil, err
	}
	s.plan.Regions = append(s.plan.Regions, s.blockIngest())
	for i := 0; i < len(s.ops); i++ {
		if d, ok := s.fuse(i, f); ok {
			s.plan.Regions = append(s.plan.Regions, s.fusedRegion(&d))
			i = d.end - 1
			continue
		}
		r, err := s.blockRegion(&s.ops[i])
		if err != nil {
			return nil, err
		}
		s.plan.Regions = append(s.plan.Regions, r)
	}
	planMemory(s.plan)
	if err := s.plan.Verify(); err != nil {
		panic(fmt.Sprintf("BUG: schedule of %s for %s: %v", g.Name, m.Name, err))
	}
	return s.plan, nil
}

// inputLanes is the pitch of a clip's pixels where they are read in twos: most have three
// channels.
const inputLanes = 4

// inTwos reports whether the clip's pixels may be half an access, because all that read them
// are convolutions that reach each two of a row together, see rowTaps.
func (s *scheduler) inTwos() bool {
	if s.g.Input.Shape.C > inputLanes || s.m.Lanes != 2*inputLanes || s.g.Input.Shape.W%2 != 0 {
		return false
	}
	for _, r := range s.readers[0] {
		op := &s.ops[r]
		if _, conv := op.Attr.(Conv); !conv || op.res != NoBuffer || op.window.W.Stride%2 != 0 {
			return false
		}
	}
	return true
}

// blockLayouts lays out every value. Lengths are in values of a feature map,
// wide buffers take as many as they need.
func (s *scheduler) blockLayouts() []Buffer {
	bufs := make([]Buffer, len(s.g.Values))
	for i, v := range s.g.Values {
		pixel := roundUp(v.Shape.C, s.m.Lanes)
		if i == 0 && s.inTwos() {
			pixel = inputLanes
		}
		bufs[i] = newBuffer(v.Name, v.Shape, Border{}, pixel)
		bufs[i].Wide = s.wide(BufferID(i))
		bufs[i].Len = s.place(v.Shape.Pixels()*pixel, bufs[i].Wide)
	}
	return bufs
}

// countable fails where kernels, which count bytes of a clip's map in 32 bits, cannot reach
// all of it from wherever an op's window begins.
func (s *scheduler) countable() error {
	for i := range s.ops {
		op := &s.ops[i]
		for _, id := range []BufferID{op.in, op.res, op.out} {
			if id == NoBuffer {
				continue
			}
			b := &s.plan.Buffers[id]
			frames := b.Shape.T
			if id == op.in {
				frames += op.window.T.Kernel + 1 // rows and columns beside a frame are less than one
			}
			if bytes := frames * b.Shape.H * b.Shape.W * b.Pixel * s.m.Blocks.ValueBytes; bytes > math.MaxInt32 {
				return fmt.Errorf("%s: its kernel would count %d bytes of a clip's %v of %s, padded to %d channels; it counts %d", op.Name, bytes, b.Shape, b.Name, b.Pixel, math.MaxInt32)
			}
		}
	}
	return nil
}

// place returns the length of so many values, narrow or wide, as whole accesses.
func (s *scheduler) place(n int, wide bool) int {
	if wide {
		n *= ceilDiv(4, s.m.Blocks.ValueBytes)
	}
	return roundUp(n, s.m.Lanes)
}

// wide reports whether a value is kept in float32: outputs of one position, as
// far as nothing reads them but what follows at the same position.
func (s *scheduler) wide(v BufferID) bool {
	output := false
	for _, o := range s.g.Outputs {
		output = output || o.Value == ValueID(v)
	}
	if !output || s.g.Values[v].Shape.Pixels() != 1 || v == 0 {
		return false
	}
	for _, r := range s.readers[v] {
		switch s.ops[r].Attr.(type) {
		case Linear, Softmax:
			if s.ops[r].res == v {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// blockIngest is the region that brings the caller's clip into the layout.
func (s *scheduler) blockIngest() Region {
	in := s.g.Input.Shape
	k := s.kernel(Kernel{
		Kind: KernelIngest, Rows: 1, Cols: blockThreads, Vectors: 1,
		Out: Pitch{Pixel: s.plan.Buffers[0].Pixel}, Block: Block{In: in, Out: in, Window: UnitWindow, Every: NoSkip},
	})
	return Region{
		Name: "input", Space: in, Tile: in, Why: "the caller's clip, normalised",
		Steps: []Step{{
			Op: "input", Kernel: k, In: 0, Out: 0, Res: NoBuffer, Every: NoSkip, Pack: NoPack,
			Window: UnitWindow, Cover: UnitWindow, InShape: in, OutShape: in, MaxTiles: 1,
		}},
	}
}

// blockThreads is the size of blocks of kernels that have a thread for each
// access of their result.
const blockThreads = 256

// blockKernel returns what an op's kernel has whatever it computes.
func (s *scheduler) blockKernel(op *plannedOp) Kernel {
	k := Kernel{
		Kind: op.kind, Rows: 1, Pool: op.pool, Epi: op.epi,
		In: Pitch{Pixel: s.plan.Buffers[op.in].Pixel}, Out: Pitch{Pixel: s.plan.Buffers[op.out].Pixel},
		TapsT: op.window.T.Kernel, TapsH: op.window.H.Kernel, TapsW: op.window.W.Kernel,
		Block: Block{
			Window: op.window, In: s.g.Values[op.in].Shape, Out: s.g.Values[op.Out].Shape, Every: op.every,
			Pairs: op.paired != nil, WideIn: s.plan.Buffers[op.in].Wide, WideOut: s.plan.Buffers[op.out].Wide,
		},
	}
	if op.res != NoBuffer {
		k.Block.Res, k.Res.Pixel = s.g.Values[op.res].Shape, s.plan.Buffers[op.res].Pixel
	}
	return k
}

// tiledConv adds a convolution's tile and reduction.
func (s *scheduler) tiledConv(k *Kernel, op *plannedOp, tile BlockTile, depth, stages int) {
	k.Cols, k.Vectors, k.K = tile.Positions, ceilDiv(tile.Channels, s.m.Lanes), k.Block.In.C
	if op.project != nil {
		k.K2 = k.Block.Res.C
	}
	k.Block.Depth, k.Block.Stages = depth, stages
	k.Block.RowTaps, k.Block.LeadTaps = s.rowTaps(op)
}

func (s *scheduler) blockRegion(op *plannedOp) (Region, error) {
	in, out := s.g.Values[op.in].Shape, s.g.Values[op.Out].Shape
	k := s.blockKernel(op)
	st := Step{
		Op: op.Name, Run: RunFlat, In: op.in, Out: op.out, Res: op.res, Every: op.every, Pack: NoPack,
		Window: op.window, Cover: UnitWindow, InShape: in, OutShape: Shape{1, 1, out.Pixels(), out.C}, MaxTiles: 1,
	}
	r := Region{Name: op.Name, Space: st.OutShape, Algorithm: directName}
	if op.paired != nil {
		r.Name += ".." + op.lastName()
	}
	switch _, linear := op.Attr.(Linear); {
	case linear:
		k.Kind, k.Cols, k.Vectors, k.K = KernelLinear, 1, 1, in.C
		st.Pack = s.addPack(op, 1, s.plan.Buffers[op.in].Pixel)
		s.placePacks(st.Pack)
		r.Tile, r.Why = Shape{1, 1, 1, 8}, "a warp for each channel"
	case op.kind == KernelConv:
		tile, err := s.blockTile(op)
		if err != nil {
			return r, err
		}
		depth, stages := s.steps(op, tile.BlockTile)
		s.tiledConv(&k, op, tile.BlockTile, depth, stages)
		st.Pack = s.addPack(op, tile.Channels, depth)
		s.placePacks(st.Pack)
		r.Tile = Shape{1, 1, tile.Positions * out.T / k.Block.Frames(), tile.Channels}
		r.Why = fmt.Sprintf("%d blocks for %d clips on %d multiprocessors", tile.blocks, s.m.Blocks.Clips, s.m.Cores)
	case op.kind == KernelPool:
		k.Cols, k.Vectors = blockThreads, 1
		r.Tile, r.Why = Shape{1, 1, r.Space.W, min(s.m.Lanes, out.C)}, "a thread for each access"
	default:
		k.Cols, k.Vectors = 1, 1
		r.Tile, r.Why = r.Space, "a warp for each clip"
	}
	st.Kernel = s.kernel(k)
	r.Steps = []Step{st}
	return r, nil
}

// rowTaps returns how many taps the rows of an op's window have in its reduction, and how
// many of them, all zero, are before the window's own. Of pixels that are half an access
// each two are on the map or beside it, from an even column on: there are an even number.
func (s *scheduler) rowTaps(op *plannedOp) (row, lead int) {
	if w := op.window.W; s.narrowPixels(op.in) {
		return roundUp(w.Pad%2+w.Kernel, 2), w.Pad % 2
	}
	return op.window.W.Kernel, 0
}

// addPack adds an op's weights and biases, yet without a place.
func (s *scheduler) addPack(op *plannedOp, channels, depth int) PackID {
	p := Pack{
		Op: op.Name, Conv: op.conv, In: s.g.Values[op.in].Shape.C, Channels: channels,
		Depth: depth, InPitch: s.reductionPitch(op.in),
	}
	p.RowTaps, p.LeadTaps = s.rowTaps(op)
	if op.project != nil {
		p.Project, p.ProjectIn, p.ProjectPitch = op.project, s.g.Values[op.res].Shape.C, s.plan.Buffers[op.res].Pixel
	}
	s.plan.Packs = append(s.plan.Packs, p)
	return PackID(len(s.plan.Packs) - 1)
}

// placePacks reserves the places of some packs: the weights of all of them follow
// one another, which are one stream to a fused block, and then the biases.
func (s *scheduler) placePacks(ids ...PackID) {
	for _, id := range ids {
		p := &s.plan.Packs[id]
		p.Weights = s.plan.PackedLen
		s.plan.PackedLen += s.place(p.Panels()*p.PanelLen(), false)
	}
	for _, id := range ids {
		p := &s.plan.Packs[id]
		p.Bias = s.plan.PackedLen
		s.plan.PackedLen += s.place(p.Panels()*p.Channels, true)
	}
}
