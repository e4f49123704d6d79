package ir

import (
	"fmt"
	"strings"
)

// block checks a kernel of a block of threads.
func (v *planVerifier) block(k *Kernel) {
	b := &k.Block
	if !b.In.Valid() || !b.Out.Valid() || k.Cols < 1 {
		v.fail(k.Name, "%v from %v by %d positions", b.Out, b.In, k.Cols)
	}
	if k.Kind != KernelConv {
		return
	}
	if made := b.Window.Out(b.In, b.Out.C); made != b.computed(b.Out) {
		v.fail(k.Name, "windows %v on %v make %v, not %d frames for %v", b.Window, b.In, made, b.Frames(), b.Out)
	}
	m := &v.p.Machine
	t := BlockTile{k.Cols, k.Vectors * m.Lanes}
	if b.RowTaps < b.LeadTaps+b.Window.W.Kernel {
		v.fail(k.Name, "rows of %d taps hold %d and %d zeros before them", b.RowTaps, b.Window.W.Kernel, b.LeadTaps)
	}
	if w := b.Window.W; v.p.Machine.HalfAccess(k.In.Pixel) && (b.In.W|b.RowTaps|w.Stride|w.Pad+b.LeadTaps)%2 != 0 {
		v.fail(k.Name, "reads pixels in twos: %d in a row, %d taps from %d before the first on, every %d", b.In.W, b.RowTaps, w.Pad+b.LeadTaps, w.Stride)
	}
	if b.Depth < 1 || b.Stages < 2 {
		v.fail(k.Name, "%d steps of %d values under way", b.Stages, b.Depth)
	} else if n := t.Shared(b.Depth, b.Stages, m.Blocks.ValueBytes); n > m.Blocks.Shared {
		v.fail(k.Name, "takes %d bytes of shared memory, a block may have %d", n, m.Blocks.Shared)
	}
}

// blockStep checks that a step's operands are what its kernel takes them for.
func (v *planVerifier) blockStep(r *Region, st *Step, k *Kernel) {
	p, b := v.p, &k.Block
	operand := func(id BufferID, want Shape, pixel int, wide bool) {
		buf := &p.Buffers[id]
		if buf.Space == Scratch && b.Tile != (Shape{}) { // a part of it
			want.H, want.W = buf.Cover.H.reach(b.Tile.H), buf.Cover.W.reach(b.Tile.W)
			if r.Space.T > 1 { // else all frames
				want.T = buf.Cover.T.reach(b.Tile.T)
			}
		}
		if buf.Shape != want || buf.Pixel != pixel || buf.Wide != wide || buf.Border != (Border{}) {
			v.fail(st.Op, "%s takes %s for %v with pixels of %d, it is %v with pixels of %d",
				k.Name, buf.Name, want, pixel, buf.Shape, buf.Pixel)
		}
	}
	if k.Kind == KernelIngest {
		return
	}
	operand(st.In, b.In, k.In.Pixel, b.WideIn)
	operand(st.Out, b.Out, k.Out.Pixel, b.WideOut)
	if st.Res != NoBuffer {
		operand(st.Res, b.Res, k.Res.Pixel, false)
	}
	if b.Tile == (Shape{}) && r.Space.Elems() != b.Out.Elems() {
		v.fail(st.Op, "%s computes %v, its region %v", k.Name, b.Out, r.Space)
	}
	if k.Kind == KernelConv {
		v.blockPack(st, k)
	}
}

// blockPack checks that a convolution's weights are laid out as its kernel reads them.
func (v *planVerifier) blockPack(st *Step, k *Kernel) {
	p, b := v.p, &k.Block
	if st.Pack < 0 || int(st.Pack) >= len(p.Packs) {
		v.fail(st.Op, "%s with pack %d, of which there are %d", k.Name, st.Pack, len(p.Packs))
		return
	}
	pk, pitch := &p.Packs[st.Pack], k.In.Pixel
	if p.Buffers[st.In].Space == Scratch && !p.Machine.HalfAccess(pitch) {
		pitch = roundUp(b.In.C, p.Machine.Lanes) // without what keeps pixels apart
	}
	if pk.InPitch != pitch || k.K2 > 0 && pk.ProjectPitch != k.Res.Pixel {
		v.fail(st.Op, "pack %d has %d places a tap and %d for what is projected, pixels take %d and %d", st.Pack, pk.InPitch, pk.ProjectPitch, pitch, k.Res.Pixel)
	}
	if pk.Channels != k.Vectors*p.Machine.Lanes || pk.Depth != b.Depth || pk.RowTaps != b.RowTaps || pk.LeadTaps != b.LeadTaps {
		v.fail(st.Op, "%s with pack %d, whose panels are others", k.Name, st.Pack)
	}
}

// printBlock writes what a kernel of a block of threads is.
func printBlock(b *strings.Builder, k *Kernel) {
	fmt.Fprintf(b, ": block of %d positions x %d vectors, %v -> %v %v, in %d out %d",
		k.Cols, k.Vectors, k.Block.In, k.Block.Out, k.Block.Window, k.In.Pixel, k.Out.Pixel)
	if k.Kind == KernelConv {
		fmt.Fprintf(b, ", %d stages of %d", k.Block.Stages, k.Block.Depth)
	}
	if k.Block.Res != (Shape{}) {
		fmt.Fprintf(b, ", res %v pixel %d", k.Block.Res, k.Res.Pixel)
		if k.K2 > 0 {
			b.WriteString(" projected")
		}
	}
	if k.Epi != "" {
		fmt.Fprintf(b, " | %s", k.Epi)
	}
	if k.Block.Pairs {
		b.WriteString(", the larger of each two frames")
	}
}
