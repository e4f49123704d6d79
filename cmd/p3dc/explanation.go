package main

import (
	"fmt"
	"strings"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// explanation is what "explain --json" prints. The names of its fields are
// part of the tool's interface; docs/cli.md describes them.
type explanation struct {
	Network string              `json:"network"`
	Source  string              `json:"source"`
	ISA     string              `json:"isa"`
	Layers  []layerExplanation  `json:"layers"`
	Regions []regionExplanation `json:"regions"`
	Totals  totals              `json:"totals"`
}

// layerExplanation is one layer as it runs. Shapes are CxTxHxW, windows
// TxHxW.
type layerExplanation struct {
	Name          string `json:"name"`
	Kind          string `json:"kind"`
	Input         string `json:"input"`
	Output        string `json:"output"`
	Epilogue      string `json:"epilogue"`
	FLOPs         int64  `json:"flops"`
	ExecutedFLOPs int64  `json:"executed_flops"`
	WeightBytes   int64  `json:"weight_bytes"`
	BytesMoved    int64  `json:"bytes_moved"`
	Region        int    `json:"region"`
	Kernel        string `json:"kernel"`
}

// regionExplanation is how the layers of one region are cut and why so. Space
// and tile are CxTxHxW, with the word all where each layer takes all that it
// has of an axis.
type regionExplanation struct {
	Fused bool   `json:"fused"`
	Space string `json:"space"`
	Tile  string `json:"tile"`
	Tiles int    `json:"tiles"`
	Why   string `json:"why"`
}

// totals are the sums over all layers, and the memory of a program.
type totals struct {
	FLOPs         int64 `json:"flops"`
	ExecutedFLOPs int64 `json:"executed_flops"`
	WeightBytes   int64 `json:"weight_bytes"`
	BytesMoved    int64 `json:"bytes_moved"`
	PackedBytes   int   `json:"packed_bytes"`
	ArenaBytes    int   `json:"arena_bytes"`
	ScratchBytes  int   `json:"scratch_bytes"`
}

// explain puts together what a plan says of each layer.
func explain(n *network, p *ir.Plan) *explanation {
	x := &explanation{Network: n.Name, Source: n.source, ISA: p.Machine.Name}
	ops := make(map[string]*ir.Op, len(p.Graph.Ops))
	for i := range p.Graph.Ops {
		ops[p.Graph.Ops[i].Name] = &p.Graph.Ops[i]
	}
	for i := range p.Regions {
		r := &p.Regions[i]
		fused := len(r.Steps) > 1
		x.Regions = append(x.Regions, regionExplanation{
			Fused: fused, Space: cutText(r, r.Space), Tile: cutText(r, r.Tile), Tiles: r.Tiles().Elems(), Why: r.Why,
		})
		work := p.RegionWork(r)
		for j := range r.Steps {
			st := &r.Steps[j]
			l := explainLayer(p, st, ops[st.Op], work[j])
			l.Region = i
			x.Layers = append(x.Layers, l)
			x.Totals.FLOPs += l.FLOPs
			x.Totals.ExecutedFLOPs += l.ExecutedFLOPs
			x.Totals.WeightBytes += l.WeightBytes
			x.Totals.BytesMoved += l.BytesMoved
		}
	}
	x.Totals.PackedBytes = floatBytes * p.PackedLen
	x.Totals.ArenaBytes = floatBytes * p.ArenaLen
	x.Totals.ScratchBytes = floatBytes * p.ScratchLen
	return x
}

// cutText formats the space or the tile of a region, CxTxHxW. The layers of a
// fused one differ in channels, most also in frames, and a tile takes all of
// them.
func cutText(r *ir.Region, s ir.Shape) string {
	switch {
	case len(r.Steps) == 1:
		return units.Shape(s)
	case r.Space.C != 1:
		panic(fmt.Sprintf("BUG: a fused region cut in channels: %v", r.Space))
	case r.Space.T == 1:
		return fmt.Sprintf("allxallx%dx%d", s.H, s.W)
	}
	return fmt.Sprintf("allx%dx%dx%d", s.T, s.H, s.W)
}

// explainLayer explains a step. op is nil for what brings in the caller's clip.
func explainLayer(p *ir.Plan, st *ir.Step, op *ir.Op, work ir.StepWork) layerExplanation {
	l := layerExplanation{
		Name: st.Op, Kernel: p.Kernels[st.Kernel].Name,
		ExecutedFLOPs: work.FLOPs, WeightBytes: work.WeightBytes, BytesMoved: work.Bytes(),
	}
	if op == nil {
		in := p.Graph.Input.Shape
		l.Kind, l.Input, l.Output = "input", units.Shape(in), units.Shape(in)
		return l
	}
	in, out := p.Graph.Values[op.In[0]].Shape, p.Graph.Values[op.Out].Shape
	l.Kind, l.Input, l.Output, l.Epilogue = kindText(op.Attr), units.Shape(in), units.Shape(out), epilogueText(op.Epi)
	l.FLOPs = p.Graph.FLOPs(op)
	return l
}

// kindText names what an op computes, with its window's extent and stride.
func kindText(a ir.Attr) string {
	switch a := a.(type) {
	case ir.Conv:
		return "conv " + units.Window(a.Window)
	case ir.Pool:
		return a.Kind.String() + " pool " + units.Window(a.Window)
	case ir.Linear:
		return "linear"
	case ir.Softmax:
		return "softmax"
	}
	panic(fmt.Sprintf("BUG: a plan with %T", a))
}

// epilogueText lists an epilogue's steps in order.
func epilogueText(steps []ir.EpiStep) string {
	var names []string
	for _, e := range steps {
		names = append(names, e.Kind.String())
	}
	return strings.Join(names, " ")
}
