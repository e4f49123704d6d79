package support

// network is what all plans of a package have in common.
type network struct {
	name   string
	clip   shape // of the input: frames, rows, columns, channels
	bgr    bool  // the network wants blue first; frames always come red first
	scale  float64
	mean   []float64 // by the network's channels, in units of scale
	std    []float64
	params []param
}

// shape is the extent of a feature map: frames, rows, columns, channels.
type shape struct{ t, h, w, c int }

func (s shape) elems() int { return s.t * s.h * s.w * s.c }

// param is one tensor of the weights file.
type param struct {
	name  string
	shape []int
}

// plan is how the network runs on one instruction set. Lengths and distances
// are in float32 values.
type plan struct {
	isa     string
	arena   int // length of a session's memory
	scratch int // length of a worker's
	packed  int // length of the packed weights
	buffers []buffer
	packs   []pack
	kernels []kernel
	regions []region
	// prefetch is nil on the portable path.
	prefetch prefetchFunc
	outputs  []output
}

// none is the index of a buffer or pack that a step does not have, and of a
// parameter that a pack does not have.
const none = -1

// buffer is the place of a feature map: position (t, h, w), channel c lies at
// offset + t·frame + h·row + w·pixel + c of the arena or, counted from the
// first frame and row that cover has of the tile, of the worker's scratch memory.
type buffer struct {
	offset, frame, row, pixel int
	edges                     edges
	scratch                   bool
	cover                     [2]axis // over frames and rows
}

// edges are the parts of a buffer's border of zeros, which stands in for padding
// in space: the lengths before position 0 of a frame, between the end of a row
// and the next row, and behind the end of a frame's last row.
type edges struct{ before, between, behind int }

func (b *buffer) at(t, h, w int) int { return b.offset + t*b.frame + h*b.row + w*b.pixel }

// pack is where one layer's weights go: panels of width output channels, each
// [tap][input channel][width], then the biases. A convolution by Winograd's
// algorithm has [point][phase][input channel][width], if it is late
// [input channel][tap][width]. Where its transform cuts
// channels in parts, a panel has width channels of each part, a vector of each
// after the other, and the input channels are cut half and half.
type pack struct {
	weight, conv            int // parameters: the weight, and the bias before the norm
	gamma, beta, mean, vari int // parameters of the batch norm
	epsilon                 float64
	out, in, width          int
	lanes                   int        // of a vector, where transform cuts channels in parts
	taps                    [3]int     // over frames, rows, columns
	transform               *transform // nil for the weights as they are
	project                 *pack      // a projected shortcut, behind the weights of each panel; nil without
	weights, bias           int        // places in the packed weights
}

func (p *pack) panels() int { return (p.out + p.panelWidth() - 1) / p.panelWidth() }

// parts returns in how many parts input and output channels are cut.
func (p *pack) parts() int {
	if p.transform != nil {
		return p.transform.parts()
	}
	return 1
}

// panelWidth returns the output channels in a panel.
func (p *pack) panelWidth() int { return p.parts() * p.width }

// panelLen returns the distance between panels.
func (p *pack) panelLen() int {
	n := p.ownLen()
	if p.project != nil {
		n += p.project.ownLen()
	}
	return n
}

// ownLen returns the length of a panel without a projected shortcut's weights.
func (p *pack) ownLen() int { return p.places() * p.in / p.parts() * p.width }

// places returns how many weights there are for each pair of channels, or of
// channels of one part.
func (p *pack) places() int {
	if p.transform != nil && !p.transform.late() {
		return p.transform.points() * p.transform.phases()
	}
	return p.tapCount()
}

func (p *pack) tapCount() int { return p.taps[0] * p.taps[1] * p.taps[2] }

// pointLen returns the distance between the weights of neighbouring points.
func (p *pack) pointLen() int { return p.transform.phases() * p.in / p.parts() * p.width }

// kind tells the kernels apart.
type kind uint8

const (
	kindConv kind = iota
	kindMaxPool
	kindAveragePool
	kindIngest
	kindSoftmax
	kindSpread
	kindGather
)

// convFunc computes consecutive register tiles: sums of taps frames' products
// from in on and, where the kernel projects a shortcut, of its channels from res
// on, then the epilogue with bias and res. The kernel of a transform's products
// takes the number of points for taps: it computes the tiles of each, one point
// after the other.
type convFunc func(in, weights, bias, res, out *float32, tiles, taps int)

// poolFunc reduces a window of tapsT x tapsH x tapsW for each of consecutive
// pixels. An average is multiplied by scale.
type poolFunc func(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32)

// spreadFunc makes the patches of neighbouring tiles into points.
type spreadFunc func(in, out *float32, tiles, vectors int)

// gatherFunc makes the sums at the points of neighbouring tiles into
// rows x cols results each, with bias and res for the epilogue.
type gatherFunc func(in, bias, res, out *float32, tiles, vectors, rows, cols int)

// lateFunc computes the products of a late transform on consecutive tiles, for some
// rows of points from the row-th on. Their weights are sums of the panel's taps, of
// which what a row's points share goes to made. The lines that it asks for lie a
// panel behind ahead.
type lateFunc func(in, panel, made, ahead, out *float32, tiles, row, rows int)

// kernel is a piece of code and what its caller must know of it. On the
// portable path the functions are nil, and the distances say what to do.
type kernel struct {
	kind                kind
	conv                convFunc
	pool                poolFunc
	spread              spreadFunc
	gather              gatherFunc
	late                lateFunc
	rows, cols, width   int // the register tile: pixels, channels
	points              int // how many points' products there are; 0 where a result is complete
	k, k2               int // the reduction's length at one tap, and over a projected shortcut
	tapsH, tapsW        int
	stepT, stepH, stepW int
	in, out, res        pitch
	epi                 []epi
	from, to            int // of a line over time, what lies on the map
}

// pitch is the distance of neighbouring output pixels and rows.
type pitch struct{ pixel, row int }

// units returns how many steps of a run one register tile covers.
func (k *kernel) units(r run) int {
	if r == runRows {
		return k.rows
	}
	return k.cols
}

// epi is a step of a kernel's epilogue.
type epi uint8

const (
	epiBias epi = iota
	epiReLU
	epiAdd
)

// run is how a kernel's tiles follow one another: along the pixels of a row,
// through all rows of the tile, or downwards in whole rows.
type run uint8

const (
	runPixels run = iota
	runFlat
	runRows
)

// region is a grid of tiles that workers take in any order. Where its space has
// one frame or channel, a step takes all that it has: tiles of several layers
// are complete in channels, and most are in time.
type region struct {
	name        string
	space, tile shape
	steps       []step
}

func (r *region) grid() shape {
	up := func(n, d int) int { return (n + d - 1) / d }
	return shape{up(r.space.t, r.tile.t), up(r.space.h, r.tile.h), up(r.space.w, r.tile.w), up(r.space.c, r.tile.c)}
}

// corners returns the corners of the k-th tile.
func (r *region) corners(k int) (lo, hi shape) {
	n, size := r.grid(), r.tile
	lo = shape{k / (n.h * n.w * n.c) * size.t, k / (n.w * n.c) % n.h * size.h, k / n.c % n.w * size.w, k % n.c * size.c}
	hi = shape{
		min(lo.t+size.t, r.space.t), min(lo.h+size.h, r.space.h),
		min(lo.w+size.w, r.space.w), min(lo.c+size.c, r.space.c),
	}
	return lo, hi
}

// extent returns what a step computes on the tile with the given corners.
func (r *region) extent(st *step, lo, hi shape) (from, to shape) {
	from, to = lo, hi
	from.t, to.t = 0, st.to.t
	if r.space.t > 1 {
		from.t, to.t = st.cover[0].visits(lo.t, hi.t, st.to.t)
	}
	from.h, to.h = st.cover[1].visits(lo.h, hi.h, st.to.h)
	from.w, to.w = st.cover[2].visits(lo.w, hi.w, st.to.w)
	if r.space.c == 1 {
		from.c, to.c = 0, st.to.c
	}
	return from, to
}

// step is one operation on a tile.
type step struct {
	name         string
	kernel       int
	tails        []int // by the units left over: the kernel for them
	run          run
	maxTiles     int    // in one call, which cannot be interrupted
	in, out, res int    // buffers
	every        [3]int // which frames, rows and columns of res are added
	pack         int
	window       [3]axis // over frames, rows, columns
	cover        [3]axis // where the positions lie that a tile needs
	from, to     shape   // extents of input and output
	ahead        ahead
	winograd     *winogradStep
}

// reads returns the corners of the input that a part of the result is made of,
// and adds those of the other operand.
func (st *step) reads(from, to shape) (lo, hi shape) {
	lo.t, hi.t = st.window[0].visits(from.t, to.t, st.from.t)
	lo.h, hi.h = st.window[1].visits(from.h, to.h, st.from.h)
	lo.w, hi.w = st.window[2].visits(from.w, to.w, st.from.w)
	return lo, hi
}

func (st *step) adds(from, to shape) (lo, hi shape) {
	e := st.every
	lo = shape{t: from.t * e[0], h: from.h * e[1], w: from.w * e[2]}
	hi = shape{t: (to.t-1)*e[0] + 1, h: (to.h-1)*e[1] + 1, w: (to.w-1)*e[2] + 1}
	return lo, hi
}

// winogradStep is what a convolution by Winograd's algorithm has besides the
// kernel of its products: scratch memory for points and sums of so many rows of
// tiles, and the transforms by the place of their tile in time.
type winogradStep struct {
	points, sums         int // buffers
	rows                 int
	spread, gather       []int // kernels
	maxSpread, maxGather int   // tiles in one call
	weights              int   // of a late transform: a buffer for a row of points' weights
}

// axis is a window's extent, stride and padding.
type axis struct{ kernel, stride, pad int }

// span returns the taps [lo, hi) of output position o that fall on one of n
// input positions and not on padding.
func (a axis) span(o, n int) (lo, hi int) {
	start := o*a.stride - a.pad
	return max(0, -start), min(a.kernel, n-start)
}

// start returns the first position that the window at i visits, on the map or not.
func (a axis) start(i int) int { return i*a.stride - a.pad }

// visits returns the range of n positions that windows at [lo, hi) visit.
func (a axis) visits(lo, hi, n int) (from, to int) {
	return max(0, lo*a.stride-a.pad), min(n, (hi-1)*a.stride-a.pad+a.kernel)
}

// output is a feature map that outlives the run.
type output struct {
	name   string
	buffer int
	shape  shape
}
