package ir

import "fmt"

// Plan is how a graph runs on one kind of machine: regions executed in order,
// each a grid of independent tiles that workers take, each tile an ordered
// list of steps, each step the calls of one kernel over the tile.
type Plan struct {
	Graph   *Graph
	Machine Machine
	Buffers []Buffer
	Packs   []Pack
	Kernels []Kernel
	Regions []Region
	Outputs []PlanOutput
	// Sizes in float32 values: the arena and the packed weights of the whole
	// network, and the scratch memory of one worker.
	ArenaLen, PackedLen, ScratchLen int
}

// Indices into the lists of a Plan; the No... values mean absent.
type (
	BufferID int
	KernelID int
	PackID   int
)

// The ids of things that a step does not have.
const (
	NoBuffer BufferID = -1
	NoKernel KernelID = -1
	NoPack   PackID   = -1
)

// PlanOutput is where an output or tap lies when the run is over.
type PlanOutput struct {
	Name   string
	Buffer BufferID
	Tap    bool
}

// Space is the memory that a buffer lies in.
type Space int

// The memories.
const (
	Arena   Space = iota // one a session, shared by its workers
	Scratch              // one a worker, contents lost between tiles
)

// String returns the memory's name.
func (s Space) String() string { return [...]string{"arena", "scratch"}[s] }

// Buffer is the place and layout of a feature map: position (t, h, w, c) lies
// at Offset + t·Frame + h·Row + w·Pixel + c, in float32 values. Offset is
// that of position 0, behind the border's rows and columns.
// A scratch buffer holds what one tile needs: t and h count from the first
// position of Cover there, w too in a plan for blocks, else from the start of the
// row.
//
// Pixel may be larger than Shape.C: channels are padded to whole vectors, and
// kernels write those too, but no kernel reduces over them.
type Buffer struct {
	Name              string
	Shape             Shape
	Space             Space
	Cover             Window // of a scratch buffer: see Step.Cover
	Wide              bool   // float32 values, in a plan for blocks whose values are narrower
	Border            Border
	Pixel, Row, Frame int
	Base, Len         int // the memory taken, border included
	Offset            int
	First, Last       int // regions of the first write and the last read
}

// Border is how many rows and columns of zeros lie around each frame.
type Border struct{ Top, Left, Bottom, Right int }

// String formats the border as TOPxLEFT, followed by the other two sides
// where they differ.
func (b Border) String() string {
	s := fmt.Sprintf("%dx%d", b.Top, b.Left)
	if b.Top != b.Bottom || b.Left != b.Right {
		s += fmt.Sprintf("..%dx%d", b.Bottom, b.Right)
	}
	return s
}

// Pack is one op's weights as kernels read them: panels of Channels output
// channels, each [tap][input channel][Channels], the last panel padded with
// zeros; then the biases, padded likewise. With Winograd's algorithm the
// panels have [point][phase][input channel][Channels]; if it is late, they have
// [input channel][tap][Channels]. Where a transform cuts
// channels in parts, these are those of one part: the output channels of a panel
// are a vector of each part after the other, the input channels half and half. For
// blocks of threads panels have [step][Channels][Depth], where the steps go
// through [tap][InPitch], padded with zeros: what tensor cores multiply follows
// one another along the reduction. The biases of such a pack are float32 values.
type Pack struct {
	Op        string
	Conv      Conv // of a Linear: the same as a convolution of one tap
	In        int  // input channels
	Channels  int  // output channels in a panel
	Transform Transform
	// Project is a pointwise convolution of ProjectIn channels that adds to the
	// same sums: its weights follow in each panel, and biases are summed. Nil
	// without.
	Project   *Conv
	ProjectIn int
	// Depth is how many values a step of a reduction by blocks takes, 0 on a
	// CPU; the pitches are the distances of the inputs' pixels.
	Depth                 int
	InPitch, ProjectPitch int
	// RowTaps is how many taps a row of the window has in a reduction by blocks, of which
	// LeadTaps are zeros before the window's own; those behind them are zeros, too.
	RowTaps, LeadTaps int
	Weights           int // offset of the panels in the packed weights
	Bias              int // offset of the biases
}

// Panels returns the number of panels.
func (p *Pack) Panels() int { return (p.Conv.Out + p.Channels - 1) / p.Channels }

// PanelLen returns the length of one panel.
func (p *Pack) PanelLen() int {
	if p.Depth > 0 {
		own, project := p.Steps()
		return (own + project) * p.Channels * p.Depth
	}
	if p.Transform == (Transform{}) || p.Transform.Late() {
		return (p.Conv.Taps()*p.In + p.ProjectIn) * p.Channels
	}
	return p.Transform.Points() * p.PointLen()
}

// Steps returns how many steps a reduction by blocks has: over the taps and
// channels of its input, and over the channels of what it projects.
func (p *Pack) Steps() (own, project int) {
	return ceilDiv(p.Conv.T.Kernel*p.Conv.H.Kernel*p.RowTaps*p.InPitch, p.Depth), ceilDiv(p.ProjectPitch, p.Depth)
}

// At returns the place, counted from Weights, of the weight of output channel
// o, tap t (point and phase of a transform) and input channel c.
func (p *Pack) At(o, t, c int) int {
	return o/p.Channels*p.PanelLen() + p.inPanel(o%p.Channels, t, c)
}

// inPanel is At within a panel, of whose output channels o is one.
func (p *Pack) inPanel(o, t, c int) int {
	if p.Depth > 0 {
		kernel := p.Conv.W.Kernel
		return p.stepInPanel(o, (t/kernel*p.RowTaps+p.LeadTaps+t%kernel)*p.InPitch+c)
	}
	place := t*p.In + c
	if p.Transform.Late() {
		place = c*p.Conv.Taps() + t
	}
	return place*p.Channels + o
}

// ProjectAt returns the place, counted from Weights, of the projection's weight
// of output channel o and input channel c.
func (p *Pack) ProjectAt(o, c int) int {
	if p.Depth > 0 {
		own, _ := p.Steps()
		return o/p.Channels*p.PanelLen() + p.stepInPanel(o%p.Channels, own*p.Depth+c)
	}
	return o/p.Channels*p.PanelLen() + (p.Conv.Taps()*p.In+c)*p.Channels + o%p.Channels
}

// stepInPanel is inPanel for a place k of a reduction by blocks.
func (p *Pack) stepInPanel(o, k int) int {
	return (k/p.Depth*p.Channels+o)*p.Depth + k%p.Depth
}

// PointLen returns the distance between the weights of neighbouring points.
func (p *Pack) PointLen() int {
	parts := p.Transform.Parts()
	return p.Transform.Phases() * p.In / parts * p.Channels / parts
}

// KernelKind tells the kernels apart.
type KernelKind int

// The kernels.
const (
	KernelConv    KernelKind = iota
	KernelPool               // maximum or average over a window
	KernelIngest             // the caller's clip into the input buffer
	KernelSoftmax            // scores into probabilities
	KernelSpread             // tiles of a map into Winograd's points
	KernelGather             // sums at Winograd's points into tiles of a map
	KernelLinear             // a linear layer by blocks of threads; on a CPU it is a conv
	KernelLoad               // a tile of a map into scratch memory
)

// String returns the kernel kind's name.
func (k KernelKind) String() string {
	return [...]string{"conv", "pool", "ingest", "softmax", "spread", "gather", "linear", "load"}[k]
}

// Kernel is a piece of unique code. All distances are constants in it, in
// float32 values.
//
// A conv kernel computes a register tile of Rows x Cols pixels by Vectors
// vectors of channels:
//
//	acc[p][n] = sum over kt < taps, kh < TapsH, kw < TapsW, k < K of
//	    in[p + kt·StepT + kh·StepH + kw·StepW + k] * weights[kt][kh][kw][k][n]
//
// where kt's count is given at each call, so that taps on padding frames are
// skipped; then, where K2 is not 0, the sum over as many channels of a second
// input, a projected shortcut, which lies where what EpiAdd adds does
// otherwise; then the epilogue. It repeats this for a given number of tiles.
//
// The kernel of a transform's products does so for a given number of points, one
// after the other: their inputs lie StepT apart, their sums Out.Row, and their
// weights follow one another.
//
// With a late Transform it does so for rows of points, and makes the weights itself,
// of a panel's taps.
//
// A pool kernel reduces, for each of a given number of pixels, a window of
// given extents to Vectors vectors of channels.
//
// The Winograd kernels transform a given number of neighbouring tiles, a vector
// of channels at a time; points lie StepT apart. Along time, tiles are
// neighbours as pixels of a row are, their inputs or results lie Row apart, and
// those in [From, To) are on the map: an input that is not is 0. See Transform.
type Kernel struct {
	Name       string
	Kind       KernelKind
	Rows, Cols int
	Vectors    int
	K, K2      int
	TapsT      int // the most that a call may ask for
	Points     int // how many points' products there are; 0 where a result is complete
	TapsH      int
	TapsW      int
	StepT      int
	StepH      int
	StepW      int
	In         Pitch
	Out        Pitch
	Res        Pitch // of the value that EpiAdd adds or that is projected
	Epi        string
	Pool       PoolKind
	Transform  Transform
	From, To   int
	Block      Block
}

// Block is what a kernel that a block of threads runs has besides: it computes
// the whole of a layer's tile of results, at positions strung together over
// frames, rows and columns, with all extents as constants. A block of a conv
// kernel goes through the reduction in steps of Depth values, of which Stages
// are in shared memory at once. In a fused region a block computes the results at
// a tile of the picture, all frames of it. With Pairs each result is the larger of
// those of two frames, and Out has half of the frames that the window makes.
type Block struct {
	Depth, Stages     int
	RowTaps, LeadTaps int // see Pack
	Window            Window
	In, Out, Res      Shape // Res is that of the second operand, zero without
	Every             Skip
	Pairs             bool
	WideIn, WideOut   bool  // float32, see Buffer
	Tile              Shape // rows and columns of a fused region's tile, zero without
}

// LaidOut returns the window as its taps are laid out in the reduction, zeros included.
func (b *Block) LaidOut() Window {
	w := b.Window
	w.W.Kernel, w.W.Pad = b.RowTaps, w.W.Pad+b.LeadTaps
	return w
}

// Pitch is the distance between neighbouring output positions in one operand.
type Pitch struct{ Pixel, Row int }

// Pixels returns the pixels of a register tile.
func (k *Kernel) Pixels() int { return k.Rows * k.Cols }

// Units returns how many units of a run (see Run) one register tile covers.
func (k *Kernel) Units(r Run) int {
	if r == RunRows {
		return k.Rows
	}
	return k.Cols
}

// Run says along what a kernel's tiles follow one another in one call.
type Run int

// The runs.
const (
	RunPixels Run = iota // along each row of the tile
	RunFlat              // through all rows of a frame's tile: they are contiguous
	RunRows              // in whole rows, downwards
)

// String returns the run's name.
func (r Run) String() string { return [...]string{"pixels", "flat", "rows"}[r] }

// Region is a part of the plan that workers run without waiting for one
// another: Space is cut into tiles, and each tile goes through all steps.
// Where Space has a single frame or channel, a step takes all that it has: a
// tile of several layers is complete in channels, and most are in time.
type Region struct {
	Name  string
	Space Shape // extents that are tiled: output positions and channels
	Tile  Shape // extents of a tile; the last in each direction may be smaller
	Steps []Step
	Why   string // what the schedule weighed
	// Algorithm is how the ops are computed: "direct" if all are, else what
	// each is computed by, "direct" or a transform such as F(4,3)-squared, with
	// a + between them. It is "" for the input.
	Algorithm string
	// Cycles is the predicted time in cycles of a core, with as many cores as
	// the machine has; 0 where nothing was predicted.
	Cycles float64
}

// Tiles returns the number of tiles along each axis.
func (r *Region) Tiles() Shape {
	return Shape{ceilDiv(r.Space.T, r.Tile.T), ceilDiv(r.Space.H, r.Tile.H), ceilDiv(r.Space.W, r.Tile.W), ceilDiv(r.Space.C, r.Tile.C)}
}

// Step is one op on a tile.
type Step struct {
	Op     string
	Kernel KernelID
	// Tails[r] is the kernel for the last r units of a run, where fewer than
	// a whole register tile are left; NoKernel where that cannot happen.
	Tails    []KernelID
	Run      Run
	MaxTiles int // register tiles in one call
	In, Out  BufferID
	Res      BufferID
	Every    Skip // which positions of Res are added
	Pack     PackID
	Window   Window
	// Cover is where the result's positions lie that a tile needs: along each
	// axis, those of the windows at the tile's positions, as far as they lie
	// on the map.
	Cover Window
	// InShape and OutShape are the op's extents, reshaped to one row where
	// the region is. Frames are bounded by the first, channels by the second.
	InShape, OutShape Shape
	Winograd          *WinogradStep // nil for a direct step
	Ahead             Ahead
}

// WinogradStep is what a convolution by Winograd's algorithm has besides its
// kernel, which makes products of points: the tile is covered with tiles of
// the transform, some rows of which at a time become points, sums, results.
type WinogradStep struct {
	Points, Sums BufferID // scratch memory: a frame a point
	Rows         int      // rows of tiles
	// Weights is scratch memory for what a late transform has made of a panel's
	// weights for one row of points; NoBuffer without.
	Weights BufferID
	// Spread and Gather are the transforms, by the place of their tile in time;
	// calls of them run MaxSpread and MaxGather tiles at most.
	Spread, Gather       []KernelID
	MaxSpread, MaxGather int
}
