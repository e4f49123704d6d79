package ir

import (
	"errors"
	"fmt"
)

// Verify checks the rules that hold for every plan: operands exist, register
// tiles fit the machine, tails cover what runs leave over, panels cover the
// channels, nothing lies outside its memory, buffers that are alive together
// do not overlap, and zero borders reach as far as kernels read.
// It returns all faults joined, or nil.
func (p *Plan) Verify() error {
	v := planVerifier{p: p}
	for i := range p.Kernels {
		v.kernel(&p.Kernels[i])
	}
	for r := range p.Regions {
		for s := range p.Regions[r].Steps {
			v.step(&p.Regions[r], &p.Regions[r].Steps[s])
		}
		if p.Machine.Blocks != (BlockMachine{}) && len(p.Regions[r].Steps) > 1 && v.errs == nil {
			v.fusedRegion(&p.Regions[r])
		}
	}
	v.memory()
	return errors.Join(v.errs...)
}

type planVerifier struct {
	p    *Plan
	errs []error
}

func (v *planVerifier) fail(where, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
}

func (v *planVerifier) kernel(k *Kernel) {
	if k.Block != (Block{}) {
		v.block(k)
		return
	}
	switch k.Kind {
	case KernelConv:
		if k.Rows < 1 || k.Cols < 1 || k.Vectors < 1 {
			v.fail(k.Name, "an empty register tile, %dx%d pixels x %d vectors", k.Rows, k.Cols, k.Vectors)
		}
		if !v.p.Machine.Fits(k.Pixels(), k.Vectors) {
			v.fail(k.Name, "a register tile of %d pixels x %d vectors does not fit %d registers", k.Pixels(), k.Vectors, v.p.Machine.Registers)
		}
		if k.K < 1 || k.TapsT < 1 || k.TapsH < 1 || k.TapsW < 1 {
			v.fail(k.Name, "an empty reduction")
		}
	case KernelPool:
		if most := maxPoolVectors(k.Pool); k.Vectors < 1 || k.Vectors > most {
			v.fail(k.Name, "%d vectors, not 1 to %d", k.Vectors, most)
		}
	}
}

func (v *planVerifier) step(r *Region, st *Step) {
	p := v.p
	operands := []BufferID{st.In, st.Out}
	if st.Res != NoBuffer {
		operands = append(operands, st.Res)
	}
	for _, id := range operands {
		if id < 0 || int(id) >= len(p.Buffers) {
			v.fail(st.Op, "operand %d does not exist", id)
			return
		}
	}
	if st.Kernel < 0 || int(st.Kernel) >= len(p.Kernels) || st.MaxTiles < 1 {
		v.fail(st.Op, "kernel %d, %d tiles a call", st.Kernel, st.MaxTiles)
		return
	}
	k := &p.Kernels[st.Kernel]
	if k.Block != (Block{}) {
		v.blockStep(r, st, k)
		return
	}
	if k.Kind == KernelConv || k.Kind == KernelPool {
		v.panels(r, st, k)
	}
	if st.Winograd != nil && st.Pack >= 0 && int(st.Pack) < len(p.Packs) {
		v.transform(r, st)
	}
}

// transform checks that the border is wide enough for the last patches, that
// there are kernels for all tiles along time, and room for what a late one makes
// of the weights.
func (v *planVerifier) transform(r *Region, st *Step) {
	p, w := v.p, st.Winograd
	pack := &p.Packs[st.Pack]
	in := &p.Buffers[st.In]
	if need := pack.Transform.patchBorder(pack.Conv, st.InShape, st.OutShape); in.Space == Arena && in.Border.or(need) != in.Border {
		v.fail(st.Op, "patches reach %v beyond the map, its border is %v", need, in.Border)
	}
	if parts := p.Machine.Lanes * pack.Transform.Parts(); parts > p.Machine.Lanes && (pack.In%parts != 0 || pack.Conv.Out%parts != 0 || st.OutShape.T%pack.Transform.T.Results != 0) {
		v.fail(st.Op, "%d to %d channels of %d frames are not cut in parts of whole vectors and whole tiles", pack.In, pack.Conv.Out, st.OutShape.T)
	}
	if k := pack.In * pack.Transform.W.Taps * p.Machine.Lanes; pack.Transform.Late() && (w.Weights == NoBuffer || p.Buffers[w.Weights].Len < k) {
		v.fail(st.Op, "no room for the weights of a row of points, %d values", k)
	}
	times := 1
	if pack.Transform.T.Size() > 1 {
		times = ceilDiv(st.OutShape.T, pack.Transform.T.Results)
	}
	if len(w.Spread) != times || len(w.Gather) != times || w.Rows < 1 || w.MaxSpread < 1 || w.MaxGather < 1 {
		v.fail(st.Op, "%d and %d transforms for %d tiles along time, %d rows at once, %d and %d tiles a call",
			len(w.Spread), len(w.Gather), times, w.Rows, w.MaxSpread, w.MaxGather)
	}
}

// panels checks that panels fit the output's pixels, the tiles and the weights.
func (v *planVerifier) panels(r *Region, st *Step, k *Kernel) {
	p := v.p
	width := k.Vectors * p.Machine.Lanes
	if st.Winograd != nil && st.Pack >= 0 && int(st.Pack) < len(p.Packs) {
		width *= p.Packs[st.Pack].Transform.Parts()
	}
	if n := roundUp(st.OutShape.C, width); n > p.Buffers[st.Out].Pixel {
		v.fail(st.Op, "panels of %d channels store %d, a pixel has room for %d", width, n, p.Buffers[st.Out].Pixel)
	}
	if r.Space.C > 1 && r.Tile.C%width != 0 && r.Tile.C < r.Space.C {
		v.fail(st.Op, "a tile of %d channels cuts a panel of %d", r.Tile.C, width)
	}
	if k.Kind == KernelConv {
		if st.Pack < 0 || int(st.Pack) >= len(p.Packs) || p.Packs[st.Pack].Channels != width {
			v.fail(st.Op, "panels of %d channels, pack %d", width, st.Pack)
			return
		}
		v.tails(r, st, k)
	}
}

func (v *planVerifier) tails(r *Region, st *Step, k *Kernel) {
	units := k.Units(st.Run)
	if units < 1 {
		return // reported with the kernel
	}
	runs := runLengths
	if st.Winograd != nil {
		runs = func(r *Region, st *Step) []int {
			return productRuns(r, st, v.p.Packs[st.Pack].Transform, v.p.Buffers[st.Winograd.Points].Shape.W)
		}
	}
	for _, run := range runs(r, st) {
		left := run % units
		if left == 0 {
			continue
		}
		if left >= len(st.Tails) || st.Tails[left] < 0 || int(st.Tails[left]) >= len(v.p.Kernels) {
			v.fail(st.Op, "no kernel for the last %d of a run of %d", left, run)
		} else if t := &v.p.Kernels[st.Tails[left]]; t.Units(st.Run) != left {
			v.fail(st.Op, "tail %s covers %d units, not %d", t.Name, t.Units(st.Run), left)
		}
	}
}

func (v *planVerifier) memory() {
	p := v.p
	for i := range p.Buffers {
		b := &p.Buffers[i]
		if b.Last < b.First {
			continue
		}
		room := p.ArenaLen
		if b.Space == Scratch {
			room = p.ScratchLen
		}
		if b.Base < 0 || b.Base+b.Len > room {
			v.fail(b.Name, "lies at %d..%d of %d in the %v", b.Base, b.Base+b.Len, room, b.Space)
		}
		for j := range i {
			o := &p.Buffers[j]
			if o.Last < o.First || o.Space != b.Space || o.Base >= b.Base+b.Len || b.Base >= o.Base+o.Len {
				continue
			}
			if overlap(o, b) && !(b.Space == Scratch && v.takeTurns(BufferID(j), BufferID(i))) {
				v.fail(b.Name, "shares memory with %s, which is alive at the same time", o.Name)
			}
		}
	}
}
