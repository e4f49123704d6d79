package ir

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// InterpretPlan runs a plan in float64, tile by tile and kernel call by
// kernel call, on an arena laid out as the plan says. Memory that nobody has
// written is NaN, and so is a worker's scratch memory at the start of each
// tile: what a plan reads too early or from the wrong place shows in its
// result. The clip is C x T x H x W, normalised; results come by output and
// tap name, each in C, T, H, W order, as [Interpret] gives them.
func InterpretPlan(p *Plan, weights map[string][]float32, clip []float32) (map[string][]float64, error) {
	in := p.Graph.Input.Shape
	if len(clip) != in.Elems() {
		return nil, fmt.Errorf("clip has %d values, the network takes %d (%dx%dx%dx%d)", len(clip), in.Elems(), in.C, in.T, in.H, in.W)
	}
	ip := &planInterpreter{p: p, clip: clip, arena: make([]float64, p.ArenaLen)}
	fillNaN(ip.arena)
	var err error
	if ip.packed, err = packFloat64(p, weights); err != nil {
		return nil, err
	}
	for i := range p.Regions {
		ip.region(&p.Regions[i])
	}
	out := make(map[string][]float64)
	for _, o := range p.Outputs {
		out[o.Name] = ip.read(&p.Buffers[o.Buffer])
	}
	return out, nil
}

type planInterpreter struct {
	p      *Plan
	clip   []float32
	packed []float64
	arena  []float64
}

func fillNaN(s []float64) {
	for i := range s {
		s[i] = math.NaN()
	}
}

// packFloat64 lays out all weights as their packs say.
func packFloat64(p *Plan, weights map[string][]float32) ([]float64, error) {
	packed := make([]float64, p.PackedLen)
	for i := range p.Packs {
		pk := &p.Packs[i]
		w, bias, err := FoldConv(pk.Conv, p.Graph, weights)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pk.Op, err)
		}
		copy(packed[pk.Bias:], bias)
		if pk.Transform.Parts() > 1 {
			packParts(p, pk, packed, w)
			continue
		}
		taps, transform := pk.Conv.Taps(), newPlanTransform(pk.Transform)
		for first := 0; first < pk.Conv.Out; first += pk.Channels {
			panel, outs := packed[pk.Weights+first/pk.Channels*pk.PanelLen():], min(pk.Channels, pk.Conv.Out-first)
			for c := range pk.In {
				kernels := make([]float64, taps*outs) // [tap][output channel]
				for o := range outs {
					for t, x := range w[((first+o)*pk.In+c)*taps:][:taps] {
						kernels[t*outs+o] = x
					}
				}
				if pk.Transform != (Transform{}) && !pk.Transform.Late() {
					kernels = transform.weights(kernels, pk.Conv.Window, outs)
				}
				for t := range len(kernels) / outs {
					for o, x := range kernels[t*outs:][:outs] {
						panel[pk.inPanel(o, t, c)] = x
					}
				}
			}
		}
		if err := packProjection(p, pk, packed, weights); err != nil {
			return nil, err
		}
	}
	return packed, nil
}

// packParts lays out the weights of a pointwise convolution whose channels a
// transform cuts in parts.
func packParts(p *Plan, pk *Pack, packed, w []float64) {
	parts, lanes := pk.Transform.Parts(), p.Machine.Lanes
	m := pk.Transform.T.Matrices().Weights[0]
	in, width := pk.In/parts, pk.Channels/parts
	for o := range pk.Conv.Out {
		if o/lanes%parts > 0 {
			continue // goes with the channel a vector before
		}
		panel := packed[pk.Weights+o/pk.Channels*pk.PanelLen():]
		column := o%pk.Channels/(parts*lanes)*lanes + o%lanes
		for c := range in {
			for point, row := range m {
				sum := 0.0
				for i, x := range row {
					sum += x * w[(o+i%parts*lanes)*pk.In+i/parts*in+c]
				}
				panel[(point*in+c)*width+column] = sum
			}
		}
	}
}

// packProjection adds what a pack has of a projected shortcut.
func packProjection(p *Plan, pk *Pack, packed []float64, weights map[string][]float32) error {
	if pk.Project == nil {
		return nil
	}
	w, bias, err := FoldConv(*pk.Project, p.Graph, weights)
	if err != nil {
		return fmt.Errorf("%s: %w", pk.Op, err)
	}
	for o := range pk.Conv.Out {
		for c := range pk.ProjectIn {
			packed[pk.Weights+pk.ProjectAt(o, c)] = w[o*pk.ProjectIn+c]
		}
		packed[pk.Bias+o] += bias[o]
	}
	return nil
}

// region runs all tiles of a region, in no particular order: they are
// independent, or the plan is wrong.
func (ip *planInterpreter) region(r *Region) {
	n := r.Tiles()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n.Elems()) {
		wg.Go(func() {
			w := &planWorker{planInterpreter: ip, scratch: make([]float64, ip.p.ScratchLen)}
			for i := int(next.Add(1)) - 1; i < n.Elems(); i = int(next.Add(1)) - 1 {
				w.tile(r, i, n)
			}
		})
	}
	wg.Wait()
}

type planWorker struct {
	*planInterpreter
	scratch []float64
	corner  Shape // of the region's tile
	lo, hi  Shape // the extent of the step under way
}

func (w *planWorker) tile(r *Region, i int, n Shape) {
	lo, hi := r.tile(i, n)
	w.corner = lo
	fillNaN(w.scratch)
	for i := range r.Steps {
		w.lo, w.hi = r.extent(&r.Steps[i], lo, hi)
		w.step(&r.Steps[i])
		w.clearBorder(&r.Steps[i])
	}
}

// clearBorder zeroes the border around what a step has written, all channels of
// it with the first ones.
func (w *planWorker) clearBorder(st *Step) {
	b, to := &w.p.Buffers[st.Out], st.OutShape
	e := b.Edges()
	if e == (Edges{}) || w.lo.C > 0 {
		return
	}
	for t := w.lo.T; t < w.hi.T; t++ {
		if w.lo.H == 0 && w.lo.W == 0 {
			first := b.At(t, 0, 0, 0)
			clear(w.arena[first-e.Before : first])
		}
		for h := w.lo.H; h < w.hi.H && w.hi.W == to.W; h++ {
			end, n := b.At(t, h, to.W, 0), e.Between
			if h == to.H-1 {
				n = e.Behind
			}
			clear(w.arena[end : end+n])
		}
	}
}

func (w *planWorker) step(st *Step) {
	k := &w.p.Kernels[st.Kernel]
	switch {
	case k.Kind == KernelIngest:
		w.ingest(st)
	case k.Kind == KernelSoftmax:
		w.softmax(st)
	case st.Winograd != nil:
		w.winograd(st, k)
	case k.Block != (Block{}):
		w.block(st, k)
	default:
		width := k.Vectors * w.p.Machine.Lanes
		for c := w.lo.C; c < w.hi.C; c += width {
			for t := w.lo.T; t < w.hi.T; t++ {
				w.frame(st, k, t, c)
			}
		}
	}
}

// frame runs one panel of channels over one frame of the tile.
func (w *planWorker) frame(st *Step, k *Kernel, t, c int) {
	switch st.Run {
	case RunPixels:
		for h := w.lo.H; h < w.hi.H; h++ {
			w.run(st, k, t, h, c, w.hi.W-w.lo.W)
		}
	case RunFlat:
		w.run(st, k, t, w.lo.H, c, (w.hi.H-w.lo.H)*(w.hi.W-w.lo.W))
	case RunRows:
		w.run(st, k, t, w.lo.H, c, w.hi.H-w.lo.H)
	}
}

func (w *planWorker) run(st *Step, k *Kernel, t, h, c, units int) {
	if k.Kind == KernelPool {
		for i := range units {
			w.poolPixel(st, k, t, h, w.lo.W+i, c)
		}
		return
	}
	whole := k.Units(st.Run)
	tile := k
	for done := 0; done < units; done += tile.Units(st.Run) {
		if units-done < whole {
			tile = &w.p.Kernels[st.Tails[units-done]]
		}
		if st.Run == RunRows {
			w.convTile(st, tile, t, h+done, w.lo.W, c)
		} else {
			w.convTile(st, tile, t, h, w.lo.W+done, c)
		}
	}
}

// memory returns the space a buffer lies in and the place of position
// (t, h, w), counted from what the tile needs first in scratch.
func (w *planWorker) memory(id BufferID, t, h, x int) ([]float64, int) {
	b := &w.p.Buffers[id]
	if b.Space == Scratch {
		from := func(corner int, a Axis) int { return corner*a.Stride - a.Pad }
		return w.scratch, b.At(t-from(w.corner.T, b.Cover.T), h-from(w.corner.H, b.Cover.H), x-from(w.corner.W, b.Cover.W), 0)
	}
	return w.arena, b.At(t, h, x, 0)
}

// convTile is one register tile: see [Kernel].
func (w *planWorker) convTile(st *Step, k *Kernel, t, h, x, c int) {
	win, pk := st.Window, &w.p.Packs[st.Pack]
	lo, hi := win.T.Range(t, st.InShape.T)
	in, at := w.memory(st.In, t*win.T.Stride-win.T.Pad+lo, h*win.H.Stride-win.H.Pad, x*win.W.Stride-win.W.Pad)
	out, to := w.memory(st.Out, t, h, x)
	var res []float64
	var from int
	if st.Res != NoBuffer {
		res, from = w.memory(st.Res, t*st.Every.T, h*st.Every.H, x*st.Every.W)
	}
	weights := w.packed[pk.Weights+c/pk.Channels*pk.PanelLen()+lo*k.TapsH*k.TapsW*k.K*pk.Channels:]
	acc := make([]float64, pk.Channels)
	for r := range k.Rows {
		for q := range k.Cols {
			clear(acc)
			w.reduce(acc, k, in, at+r*k.In.Row+q*k.In.Pixel, weights, hi-lo)
			if k.K2 > 0 {
				second := Kernel{K: k.K2, TapsH: 1, TapsW: 1}
				w.reduce(acc, &second, res, from+r*k.Res.Row+q*k.Res.Pixel, weights[(hi-lo)*k.TapsH*k.TapsW*k.K*len(acc):], 1)
			}
			if res != nil && k.K2 == 0 {
				w.epilogue(acc, k, w.packed[pk.Bias+c:], res[from+r*k.Res.Row+q*k.Res.Pixel+c:])
			} else {
				w.epilogue(acc, k, w.packed[pk.Bias+c:], nil)
			}
			copy(out[to+r*k.Out.Row+q*k.Out.Pixel+c:], acc)
		}
	}
}

func (w *planWorker) reduce(acc []float64, k *Kernel, in []float64, at int, weights []float64, tapsT int) {
	n := len(acc)
	for kt := range tapsT {
		for kh := range k.TapsH {
			for kw := range k.TapsW {
				row := in[at+kt*k.StepT+kh*k.StepH+kw*k.StepW:][:k.K]
				for _, x := range row {
					wk := weights[:n]
					for j := range acc {
						acc[j] += x * wk[j]
					}
					weights = weights[n:]
				}
			}
		}
	}
}

func (w *planWorker) epilogue(acc []float64, k *Kernel, bias, res []float64) {
	for _, e := range strings.Fields(k.Epi) {
		for j := range acc {
			switch e {
			case EpiBias.String():
				acc[j] += bias[j]
			case EpiReLU.String():
				acc[j] = reluNaN(acc[j])
			case EpiAdd.String():
				acc[j] += res[j]
			}
		}
	}
}

// reluNaN is max(x, 0) that keeps NaN.
func reluNaN(x float64) float64 {
	if x < 0 {
		return 0
	}
	return x
}

func (w *planWorker) poolPixel(st *Step, k *Kernel, t, h, x, c int) {
	win, s := st.Window, st.InShape
	t0, t1 := win.T.Range(t, s.T)
	h0, h1 := win.H.Range(h, s.H)
	w0, w1 := win.W.Range(x, s.W)
	in, at := w.memory(st.In, t*win.T.Stride-win.T.Pad, h*win.H.Stride-win.H.Pad, x*win.W.Stride-win.W.Pad)
	out, to := w.memory(st.Out, t, h, x)
	for j := c; j < c+k.Vectors*w.p.Machine.Lanes; j++ {
		sum, most := 0.0, math.Inf(-1)
		for kt := t0; kt < t1; kt++ {
			for kh := h0; kh < h1; kh++ {
				for kw := w0; kw < w1; kw++ {
					v := in[at+kt*k.StepT+kh*k.StepH+kw*k.StepW+j]
					sum, most = sum+v, max(most, v)
				}
			}
		}
		if k.Pool == PoolAverage {
			most = sum / float64((t1-t0)*(h1-h0)*(w1-w0))
		}
		out[to+j] = most
	}
}

// ingest copies the tile of the clip, which is C x T x H x W.
func (w *planWorker) ingest(st *Step) {
	s := st.InShape
	for t := w.lo.T; t < w.hi.T; t++ {
		for h := w.lo.H; h < w.hi.H; h++ {
			for x := w.lo.W; x < w.hi.W; x++ {
				out, to := w.memory(st.Out, t, h, x)
				for c := range s.C {
					out[to+c] = float64(w.clip[((c*s.T+t)*s.H+h)*s.W+x])
				}
			}
		}
	}
}

func (w *planWorker) softmax(st *Step) {
	in, at := w.memory(st.In, 0, 0, 0)
	out, to := w.memory(st.Out, 0, 0, 0)
	softmax(out[to:to+st.OutShape.C], in[at:at+st.OutShape.C])
}

// read gives a buffer's contents in C, T, H, W order.
func (ip *planInterpreter) read(b *Buffer) []float64 {
	s := b.Shape
	out := make([]float64, 0, s.Elems())
	for c := range s.C {
		for t := range s.T {
			for h := range s.H {
				for x := range s.W {
					out = append(out, ip.arena[b.At(t, h, x, c)])
				}
			}
		}
	}
	return out
}
