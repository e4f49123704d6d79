package support

import "math"

// cudaPlan is how the network runs on a GPU. Maps of n clips lie n times as far
// from the arena's start as those of one, clip after clip, and are n times as long.
type cudaPlan struct {
	isa         string // what files of packed weights call it
	fingerprint uint64 // of what packed weights depend on, and of the kernels that read them
	precision   precision
	packed      int // bytes of the packed weights
	packs       []cudaPack
	schedules   []cudaSchedule
}

// cudaSchedule is how runs of some clips are launched. Schedules have other tiles,
// and weights laid out for them.
type cudaSchedule struct {
	clips    int          // the most that a session of this schedule has; the last has as many as it likes
	arena    int          // bytes a clip
	launches []cudaLaunch // the first takes the caller's clip, in float32
	frames   string       // the kernel that takes bytes in its place
	outputs  []cudaOutput
}

// precision is what maps and weights consist of.
type precision uint8

const (
	bfloat16 precision = iota
	half
	single
)

func (p precision) bytes() int {
	if p == single {
		return 4
	}
	return 2
}

// cudaPack is where one layer's weights go: panels of pack.width output
// channels, each [step][output channel][depth], where the steps go through
// [tap][pitch] and then through projectPitch channels of a projected shortcut.
// Places are in bytes. The biases are float32 values.
type cudaPack struct {
	pack
	depth, pitch, projectPitch int
	rowTaps, leadTaps          int // taps of a row of the window as they are laid out, and zeros before its own
}

// steps returns the number of steps of both parts of the reduction.
func (p *cudaPack) steps() (own, project int) {
	up := func(n int) int { return (n + p.depth - 1) / p.depth }
	return up(p.taps[0] * p.taps[1] * p.rowTaps * p.pitch), up(p.projectPitch)
}

// place returns where the weight of output channel o at place k of the
// reduction lies, in values from the start of the weights.
func (p *cudaPack) place(o, k int) int {
	own, project := p.steps()
	panel := (own + project) * p.width * p.depth
	return o/p.width*panel + (k/p.depth*p.width+o%p.width)*p.depth + k%p.depth
}

// cudaLaunch is a call of a kernel. Blocks share the units of all clips.
type cudaLaunch struct {
	kernel          string
	threads, shared int
	units, per      int // of one clip, and of a block
	columns         int // blocks of the same units
	in, second, out span
	weights, bias   span
}

// span is a part of a memory, in bytes; of length 0 it is none.
type span struct{ offset, len int }

// blocks returns how many blocks so many clips take.
func (l *cudaLaunch) blocks(clips int) int { return (l.units*clips + l.per - 1) / l.per * l.columns }

// cudaOutput is where an output's maps lie. Pixels are pitch values apart.
type cudaOutput struct {
	name  string
	shape shape
	pitch int
	wide  bool // float32, whatever the precision
	span  span
}

// output returns the output of a name, or nil.
func (c *cudaSchedule) output(name string) *cudaOutput {
	for i := range c.outputs {
		if c.outputs[i].name == name {
			return &c.outputs[i]
		}
	}
	return nil
}

// tileUnits is how many units blocks may count beyond the last there is.
const tileUnits = 256

// most returns how many clips kernels can count, in 32 bits.
func (c *cudaSchedule) most() int {
	most := math.MaxInt32
	for i := range c.launches {
		most = min(most, (math.MaxInt32-tileUnits)/c.launches[i].units)
	}
	return most
}

// lengths returns a plan for the CPU that has the outputs and nothing else.
func (p *cudaPlan) lengths() *plan {
	l := new(plan)
	for _, o := range p.schedules[0].outputs {
		l.outputs = append(l.outputs, output{name: o.name, shape: o.shape})
	}
	return l
}
