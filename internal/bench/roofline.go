package bench

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

// RooflineResult is what the regions of a network's plan reach beside what the
// machine can do at most.
type RooflineResult struct {
	Network string
	ISA     string
	Threads int
	Runs    int

	// The ceilings, on as many threads, no more than there are cores, measured
	// just before and just after: the better counts. PeakGFLOPS and PeakISA are
	// as in [Result]; MemoryGBs and L2GBs are 1e9 bytes a second that the same
	// vectors read from memory and from the second-level caches.
	PeakGFLOPS float64
	PeakISA    string
	MemoryGBs  float64
	L2GBs      float64

	Regions []RooflineRegion // in the order in which they run
}

// RooflineRegion is a region of the plan and what it does on one clip.
type RooflineRegion struct {
	Name string
	// Kind is what its multiply-adds are of: stem, pointwise, spatial, temporal,
	// 3-D or linear, each once in the order in which they run, with " + " between
	// them; "" where there are none.
	Kind     string
	FLOPs    int64   // that are really done: see ir.StepWork
	Bytes    int64   // that have to be moved at least, likewise
	MedianMS float64 // of all runs
}

// GFLOPS returns the rate of the arithmetic that is done.
func (r *RooflineRegion) GFLOPS() float64 { return float64(r.FLOPs) / r.MedianMS / 1e6 }

// Intensity returns the operations a byte.
func (r *RooflineRegion) Intensity() float64 { return float64(r.FLOPs) / float64(r.Bytes) }

// Roofline builds a network's package and measures each region of its plan, as
// [Layers] does, and the machine's ceilings. It fails where there is nothing to
// measure these with.
func Roofline(ctx context.Context, net *dsl.Network, o Options) (r *RooflineResult, err error) {
	err = openPlan(ctx, net, o, func(c *harness.Process, plan *ir.Plan, o Options) error {
		r, err = measureRoofline(c, plan, o)
		return err
	})
	return r, err
}

func measureRoofline(c *harness.Process, plan *ir.Plan, o Options) (*RooflineResult, error) {
	ceiling, err := peak(c, o)
	if err != nil {
		return nil, err
	}
	if ceiling.ISA == "" {
		return nil, errors.New("this processor has no ceilings to measure: that takes AVX-512, or AVX2 with FMA")
	}
	before, err := c.Bandwidth(ceiling.ISA, o.workers())
	if err != nil {
		return nil, err
	}
	layers, err := measureLayers(c, plan, o)
	if err != nil {
		return nil, err
	}
	after, err := c.Bandwidth(ceiling.ISA, o.workers())
	if err != nil {
		return nil, err
	}
	r := &RooflineResult{
		Network: layers.Network, ISA: layers.ISA, Threads: layers.Threads, Runs: layers.Runs,
		PeakGFLOPS: max(ceiling.FLOPS/1e9, layers.PeakGFLOPS), PeakISA: ceiling.ISA,
		MemoryGBs: max(before.Memory, after.Memory) / 1e9, L2GBs: max(before.L2, after.L2) / 1e9,
	}
	r.fill(plan, layers.Regions)
	return r, nil
}

// fill puts together what the regions do and how long that took.
func (r *RooflineResult) fill(p *ir.Plan, measured []RegionResult) {
	for i := range p.Regions {
		region := RooflineRegion{Name: p.Regions[i].Name, Kind: kindOf(p, &p.Regions[i]), MedianMS: measured[i].MedianMS}
		for _, w := range p.RegionWork(&p.Regions[i]) {
			region.FLOPs += w.FLOPs
			region.Bytes += w.Bytes()
		}
		r.Regions = append(r.Regions, region)
	}
}

// kindOf names what a region's multiply-adds are of.
func kindOf(p *ir.Plan, r *ir.Region) string {
	var kinds []string
	for i := range r.Steps {
		st := &r.Steps[i]
		if st.Pack == ir.NoPack {
			continue
		}
		if k := stepKind(p.Graph, st); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return strings.Join(kinds, " + ")
}

// stepKind names what a step with weights computes. The stem is what reads the
// network's input.
func stepKind(g *ir.Graph, st *ir.Step) string {
	i := slices.IndexFunc(g.Ops, func(op ir.Op) bool { return op.Name == st.Op })
	conv, ok := g.Ops[i].Attr.(ir.Conv)
	inTime, inSpace := conv.T.Kernel > 1, conv.H.Kernel > 1 || conv.W.Kernel > 1
	switch {
	case !ok:
		return "linear"
	case g.Ops[i].In[0] == 0:
		return "stem"
	case inTime && inSpace:
		return "3-D"
	case inTime:
		return "temporal"
	case inSpace:
		return "spatial"
	}
	return "pointwise"
}
