package card

import (
	"slices"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Region is some layers that run tile by tile.
type Region struct {
	Number int
	Why    string // what the schedule weighed
	// Algorithms says how each of several layers is computed, where that is not
	// directly; of a single one Why says it.
	Algorithms string
	Part       float64 // of the predicted time of all regions, in percent
	Steps      []Step
}

// Step is a layer of a region: the maps that it reads and writes, and the code
// that it runs.
type Step struct {
	Layer   string
	In, Out string
	Adds    string // what it adds or projects, "" without
	Scratch bool   // its result stays in the thread's scratch memory
	Kernels []string
}

// Regions lists the regions in the order in which they run.
func (c *Card) Regions() []Region {
	var all []Region
	total := 0.0
	for i := range c.Plan.Regions {
		total += c.Plan.Regions[i].Cycles
	}
	for i := range c.Plan.Regions {
		r := &c.Plan.Regions[i]
		region := Region{Number: i, Why: r.Why, Part: percent(r.Cycles, total)}
		if strings.Contains(r.Algorithm, "+") {
			region.Algorithms = strings.ReplaceAll(r.Algorithm, "+", ", ")
		}
		for j := range r.Steps {
			region.Steps = append(region.Steps, c.step(&r.Steps[j]))
		}
		all = append(all, region)
	}
	return all
}

func (c *Card) step(st *ir.Step) Step {
	s := Step{
		Layer: st.Op, In: c.buffer(st.In), Out: c.buffer(st.Out), Adds: c.buffer(st.Res),
		Scratch: c.Plan.Buffers[st.Out].Space == ir.Scratch,
	}
	for _, id := range kernels(st) {
		s.Kernels = append(s.Kernels, c.Plan.Kernels[id].Name)
	}
	return s
}

func (c *Card) buffer(id ir.BufferID) string {
	if id == ir.NoBuffer {
		return ""
	}
	return c.Plan.Buffers[id].Name
}

// kernels lists what a step runs, each once: the transform of its input, its
// own kernel with those for what a run leaves, the transform of its sums.
func kernels(st *ir.Step) []ir.KernelID {
	ids := append([]ir.KernelID{st.Kernel}, st.Tails...)
	if w := st.Winograd; w != nil {
		ids = slices.Concat(w.Spread, ids, w.Gather)
	}
	var each []ir.KernelID
	for _, id := range ids {
		if id != ir.NoKernel && !slices.Contains(each, id) {
			each = append(each, id)
		}
	}
	return each
}

// Kernel is a piece of unique code.
type Kernel struct {
	Name, Does string
	Steps      int // how many steps run it
}

// Kernels lists the kernels of the plan.
func (c *Card) Kernels() []Kernel {
	all := make([]Kernel, len(c.Plan.Kernels))
	for i := range all {
		k := &c.Plan.Kernels[i]
		all[i].Name = k.Name
		all[i].Does = k.String()[len(k.Name):]
		if len(all[i].Does) > 2 {
			all[i].Does = all[i].Does[2:] // behind the colon
		}
	}
	for i := range c.Plan.Regions {
		for j := range c.Plan.Regions[i].Steps {
			for _, id := range kernels(&c.Plan.Regions[i].Steps[j]) {
				all[id].Steps++
			}
		}
	}
	return all
}
