package ir

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Fusion says which ops may share a region.
type Fusion int

// The ways to fuse.
const (
	FuseAuto   Fusion = iota // where the cost model expects it to pay
	FuseNever                // layer by layer
	FuseAlways               // as many ops a region as can be
)

// ScheduleOptions are the choices that a caller may take from the planner.
type ScheduleOptions struct {
	Fusion   Fusion
	Winograd Winograd
	Tuning   Tuning // takes the place of both, for the machines that it has
}

// Schedule plans how a fused graph runs on a machine. It fails where an op
// has no kernel, naming it.
func Schedule(g *Graph, m Machine, o ScheduleOptions) (*Plan, error) {
	s, err := newScheduler(g, m)
	if err != nil {
		return nil, err
	}
	if err := s.tune(o.Tuning[m.Name]); err != nil {
		return nil, err
	}
	if err := s.chooseTransforms(o.Winograd); err != nil {
		return nil, err
	}
	s.plan.Regions = append(s.plan.Regions, s.ingest())
	drafts, err := s.tunedDrafts()
	if err != nil {
		return nil, err
	}
	if drafts == nil {
		drafts = s.partition(o.Fusion)
	}
	for _, d := range drafts {
		r := s.region(d)
		r.Algorithm, r.Cycles = s.algorithm(&d), d.cycles
		s.plan.Regions = append(s.plan.Regions, r)
	}
	planMemory(s.plan)
	lookAhead(s.plan)
	if err := s.plan.Verify(); err != nil {
		panic(fmt.Sprintf("BUG: schedule of %s for %s: %v", g.Name, m.Name, err))
	}
	return s.plan, nil
}

// newScheduler returns the planner of a graph before any choice is made.
func newScheduler(g *Graph, m Machine) (*scheduler, error) {
	s := &scheduler{
		m: m, g: g,
		plan:    &Plan{Graph: g, Machine: m, Buffers: layouts(g)},
		kept:    make([]bool, len(g.Values)),
		kernels: make(map[Kernel]KernelID),
		effort:  make(map[Transform][2]int),
		tiles:   make(map[tileProblem]tileCost),
	}
	ops := make([]plannedOp, len(g.Ops))
	for i := range g.Ops {
		var err error
		if ops[i], err = newPlannedOp(g, i); err != nil {
			return nil, err
		}
	}
	s.setOps(ops)
	s.keep(g.Outputs, false)
	s.keep(g.Taps, true)
	return s, nil
}

type scheduler struct {
	m       Machine
	g       *Graph
	plan    *Plan
	ops     []plannedOp
	readers [][]int // by value: the ops that read it
	kept    []bool  // by value: an output or tap
	kernels map[Kernel]KernelID
	effort  map[Transform][2]int // what transformOps has found
	tiles   map[tileProblem]tileCost
	chosen  map[int]chosen // by a region's first op, of a tuning
	weighed *[]draft       // where not nil, all cuts that were weighed
}

// setOps makes these the ops that are planned.
func (s *scheduler) setOps(ops []plannedOp) {
	s.ops, s.readers = ops, make([][]int, len(s.g.Values))
	for i := range ops {
		for _, v := range []BufferID{ops[i].in, ops[i].res} {
			if v != NoBuffer {
				s.readers[v] = append(s.readers[v], i)
			}
		}
	}
}

func (s *scheduler) keep(outs []Output, tap bool) {
	for _, o := range outs {
		s.kept[o.Value] = true
		s.plan.Outputs = append(s.plan.Outputs, PlanOutput{Name: o.Name, Buffer: BufferID(o.Value), Tap: tap})
	}
}

// plannedOp is an op as the planner sees it: a kernel of one input, maybe a
// second operand that its epilogue adds, and a result. Before memory is
// planned a value's buffer has the value's number.
type plannedOp struct {
	*Op
	kind         KernelKind
	window       Window
	conv         Conv // of a linear layer: a convolution with one tap
	pool         PoolKind
	in, out, res BufferID
	every        Skip  // which positions of res
	project      *Conv // of res, nil where res is added as it is
	epi          string
	transform    Transform
	points       int       // of the transform whose products it computes
	late         Transform // likewise, where it is late
	paired       *Op       // the pool over pairs of frames that is part of it, nil without
}

func newPlannedOp(g *Graph, i int) (plannedOp, error) {
	op := &g.Ops[i]
	p := plannedOp{Op: op, in: BufferID(op.In[0]), out: BufferID(op.Out), res: NoBuffer, every: NoSkip, window: UnitWindow}
	switch a := op.Attr.(type) {
	case Conv:
		p.kind, p.conv, p.window = KernelConv, a, a.Window
	case Linear:
		p.kind, p.conv = KernelConv, a.asConv()
	case Pool:
		p.kind, p.pool, p.window = KernelPool, a.Kind, a.Window
	case Softmax:
		p.kind = KernelSoftmax
	default:
		return p, fmt.Errorf("%s: no kernel computes %T by itself; it must follow a convolution or a linear layer", op.Name, op.Attr)
	}
	var steps []string
	for _, e := range op.Epi {
		if e.Kind == EpiProject { // sums of products, not a step of the kernel's epilogue
			p.project = e.Conv
			if len(steps) == 0 && hasBias(*e.Conv) {
				steps = append(steps, EpiBias.String())
			}
		} else {
			steps = append(steps, e.Kind.String())
		}
		if !e.reads() {
			continue
		}
		if p.res != NoBuffer {
			return p, fmt.Errorf("%s: a kernel adds one value, the epilogue has two", op.Name)
		}
		p.res, p.every = BufferID(e.Arg), e.Every
	}
	if len(steps) > 0 && p.kind != KernelConv {
		return p, fmt.Errorf("%s: a %v has no epilogue, found %s", op.Name, p.kind, strings.Join(steps, ", "))
	}
	p.epi = strings.Join(steps, " ")
	return p, nil
}

// reachesOut reports whether a window needs pixels beside the one it is at.
func reachesOut(w Window) bool { return w.H != Unit || w.W != Unit }

// partition cuts the ops into the contiguous segments with the least
// predicted time: best[j] is that of the first j ops.
func (s *scheduler) partition(f Fusion) []draft {
	n := len(s.ops)
	best := make([]float64, n+1)
	last := make([]draft, n+1)
	for j := 1; j <= n; j++ {
		best[j] = math.Inf(1)
		for i := j - 1; i >= 0 && s.fusable(i, j); i-- {
			if f == FuseNever && i < j-1 {
				break
			}
			d, ok := s.draft(i, j)
			if !ok {
				continue
			}
			c := best[i] + d.cycles
			if f == FuseAlways {
				c = best[i] + 1 // the fewest regions
			}
			if c < best[j] {
				best[j], last[j] = c, d
			}
		}
	}
	var drafts []draft
	for j := n; j > 0; j = last[j].first {
		drafts = append(drafts, last[j])
	}
	slices.Reverse(drafts)
	for i := range drafts {
		s.compare(&drafts[i])
	}
	return drafts
}

// compare adds to a fused draft's reason what its ops would cost apart.
func (s *scheduler) compare(d *draft) {
	if d.end-d.first == 1 {
		return
	}
	apart := 0.0
	for i := d.first; i < d.end; i++ {
		one, _ := s.draft(i, i+1)
		apart += one.cycles
	}
	d.why += fmt.Sprintf("; apart %.0f", apart/1e3)
}

// mostOps is how many ops a region has at most. Those of the presets have up to
// five, even where all that can is fused; without a bound the time for planning
// grows with the cube of a chain's length.
const mostOps = 8

// fusable reports whether the ops [i, j) may be one region: every op but the
// first continues one before it, and only pools need of it more pixels than
// the tile has, which are then computed by two tiles. Softmax wants all
// channels of a value at once and stays alone.
func (s *scheduler) fusable(i, j int) bool {
	if j-i > mostOps {
		return false
	}
	for k := i; k < j && j-i > 1; k++ {
		op := &s.ops[k]
		if op.kind == KernelSoftmax {
			return false
		}
		if k == i {
			continue
		}
		if reachesOut(op.window) && op.kind != KernelPool {
			return false
		}
		if op.every != NoSkip && s.writtenBy(op.res, i, k) {
			return false
		}
		if !s.writtenBy(op.in, i, k) && (op.res == NoBuffer || !s.writtenBy(op.res, i, k)) {
			return false
		}
	}
	return true
}

// writtenBy reports whether one of the ops [i, k) writes the value.
func (s *scheduler) writtenBy(v BufferID, i, k int) bool {
	for ; i < k; i++ {
		if s.ops[i].out == v {
			return true
		}
	}
	return false
}

// local reports whether a value lives and dies within the ops [i, j), so that
// it need not leave the tile's scratch memory.
func (s *scheduler) local(v BufferID, i, j int) bool {
	if s.kept[v] || !s.writtenBy(v, i, j) {
		return false
	}
	for _, r := range s.readers[v] {
		if r < i || r >= j {
			return false
		}
	}
	return true
}
