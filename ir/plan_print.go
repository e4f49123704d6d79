package ir

import (
	"fmt"
	"strings"
)

// String dumps the plan: buffers with their place and life, kernels, then
// regions with their tiles and steps, in execution order.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan %s for %s: arena %d, scratch %d, packed %d floats\n",
		p.Graph.Name, p.Machine.Name, p.ArenaLen, p.ScratchLen, p.PackedLen)
	for i := range p.Buffers {
		if buf := &p.Buffers[i]; buf.Last >= buf.First {
			fmt.Fprintf(&b, "buffer b%d %s %v %v+%d pixel %d row %d frame %d border %v life %d..%d\n",
				i, buf.Name, buf.Shape, buf.Space, buf.Base, buf.Pixel, buf.Row, buf.Frame,
				buf.Border, buf.First, buf.Last)
		}
	}
	for i := range p.Kernels {
		fmt.Fprintf(&b, "kernel %v\n", &p.Kernels[i])
	}
	for i := range p.Regions {
		r := &p.Regions[i]
		fmt.Fprintf(&b, "region %d %s: space %v tile %v (%s)\n", i, r.Name, r.Space, r.Tile, r.Why)
		for j := range r.Steps {
			p.printStep(&b, &r.Steps[j])
		}
	}
	for _, o := range p.Outputs {
		kind := "output"
		if o.Tap {
			kind = "tap"
		}
		fmt.Fprintf(&b, "%s %s = b%d\n", kind, o.Name, o.Buffer)
	}
	return b.String()
}

// String says what the kernel is: its name, register tile, taps and distances,
// and behind a bar its epilogue.
func (k *Kernel) String() string {
	var b strings.Builder
	b.WriteString(k.Name)
	if k.Block != (Block{}) {
		printBlock(&b, k)
		return b.String()
	}
	switch k.Kind {
	case KernelConv, KernelPool:
		fmt.Fprintf(&b, ": tile %dx%d pixels x %d vectors, taps %dx%dx%d by %d/%d/%d, in %d,%d out %d,%d",
			k.Rows, k.Cols, k.Vectors, k.TapsT, k.TapsH, k.TapsW, k.StepT, k.StepH, k.StepW,
			k.In.Pixel, k.In.Row, k.Out.Pixel, k.Out.Row)
	case KernelSpread, KernelGather:
		fmt.Fprintf(&b, ": %v, points by %d, in %d,%d out %d,%d",
			k.Transform, k.StepT, k.In.Pixel, k.In.Row, k.Out.Pixel, k.Out.Row)
		if k.To > 0 {
			fmt.Fprintf(&b, ", frames %d..%d", k.From, k.To)
		}
	}
	if k.Kind == KernelConv {
		if k.Transform.Late() {
			fmt.Fprintf(&b, ", %v", k.Transform)
		}
		fmt.Fprintf(&b, ", k %d", k.K)
		if k.K2 > 0 {
			fmt.Fprintf(&b, "+%d", k.K2)
		}
	}
	if k.Res.Pixel != 0 {
		fmt.Fprintf(&b, ", res %d,%d", k.Res.Pixel, k.Res.Row)
	}
	if k.Epi != "" {
		fmt.Fprintf(&b, " | %s", k.Epi)
	}
	return b.String()
}

func (p *Plan) printStep(b *strings.Builder, st *Step) {
	fmt.Fprintf(b, "  %s: b%d -> b%d %s", st.Op, st.In, st.Out, p.Kernels[st.Kernel].Name)
	if st.Res != NoBuffer {
		fmt.Fprintf(b, " + b%d", st.Res)
		if st.Every != NoSkip {
			fmt.Fprintf(b, "/%dx%dx%d", st.Every.T, st.Every.H, st.Every.W)
		}
	}
	fmt.Fprintf(b, " %v", st.Run)
	for left, id := range st.Tails {
		if id != NoKernel {
			fmt.Fprintf(b, " tail %d %s", left, p.Kernels[id].Name)
		}
	}
	if st.Cover != UnitWindow {
		fmt.Fprintf(b, " covers %v", st.Cover)
	}
	for _, a := range []struct {
		ask  bool
		name string
	}{{st.Ahead.In, "in"}, {st.Ahead.Res, "res"}, {st.Ahead.Out, "out"}} {
		if a.ask {
			b.WriteString(" ahead " + a.name)
		}
	}
	if w := st.Winograd; w != nil {
		fmt.Fprintf(b, " by %d rows: b%d, b%d", w.Rows, w.Points, w.Sums)
		for i := range w.Spread {
			fmt.Fprintf(b, " %s %s", p.Kernels[w.Spread[i]].Name, p.Kernels[w.Gather[i]].Name)
		}
		if w.Weights != NoBuffer {
			fmt.Fprintf(b, " weights b%d", w.Weights)
		}
	}
	b.WriteByte('\n')
}
