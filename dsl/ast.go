package dsl

import "github.com/p3dc/p3dc/ir"

// Network is a description: what the network takes, how its blocks are made,
// and its layers from first to last.
type Network struct {
	Node
	Name string
	Body []Stmt
	Braces
	Tail []string // comments after the closing brace

	src *source // for quoting in errors
}

// Node is what every statement has: where it stands and its comments.
type Node struct {
	Pos ir.Pos
	// Above are the comment lines before the statement; "" is a blank line.
	Above []string
	// Beside is the comment at the statement's end.
	Beside string

	marks map[string]ir.Pos // where the values of attributes stand
}

func (n *Node) node() *Node { return n }

// mark remembers where an attribute's value stands.
func (n *Node) mark(attr string, pos ir.Pos) {
	if n.marks == nil {
		n.marks = map[string]ir.Pos{}
	}
	n.marks[attr] = pos
}

// has reports whether the attribute was given.
func (n *Node) has(attr string) bool { _, ok := n.marks[attr]; return ok }

// at returns where an attribute's value stands, or the statement's position.
func (n *Node) at(attr string) ir.Pos {
	if pos, ok := n.marks[attr]; ok {
		return pos
	}
	return n.Pos
}

// Braces holds the comments of a braced list that belong to no statement.
type Braces struct {
	Open string   // beside the opening brace
	End  []string // before the closing brace
}

// Stmt is a statement of a network's body: [*Input], [*Blocks],
// [*BatchNorm], [*Names] or a [Layer].
type Stmt interface{ node() *Node }

// Input says what a clip is and how frames become one.
type Input struct {
	Node
	Order      ir.ChannelOrder
	C, T, H, W int
	Settings   []*Setting
	Braces
}

// Setting is one step of the input's preprocessing. Its values are, by Key:
//
//	resize  short side in pixels; or numerator and denominator of its ratio to the crop's
//	range   lowest and highest value of a scaled pixel
//	mean    one a channel
//	std     one a channel
type Setting struct {
	Node
	Key    string
	Values []float64
}

// setting returns the setting with a key, or nil.
func (in *Input) setting(key string) *Setting {
	for _, s := range in.Settings {
		if s.Key == key {
			return s
		}
	}
	return nil
}

// Form is how many convolutions a block has.
type Form string

// The forms of blocks.
const (
	Bottleneck Form = "bottleneck" // 1x1x1 down to the width, a middle, 1x1x1 up
	Basic      Form = "basic"      // two middles
)

// Kind says what stands in the middle of a block, made of S (1x3x3), T (3x1x1)
// or both in one (3x3x3).
type Kind string

// The kinds; r is batch normalisation and ReLU. The first three are the paper's
// arrangements, which bottlenecks have.
const (
	Cascade  Kind = "A"       // r(T(r(S(x))))
	Parallel Kind = "B"       // r(S(x)) + r(T(x))
	Hybrid   Kind = "C"       // s + r(T(s)) with s = r(S(x))
	Full     Kind = "full"    // r(F(x)) with F 3x3x3
	Planar   Kind = "spatial" // r(S(x))
	Split    Kind = "split"   // r(T(r(S(x)))), S to a number of channels of its own
)

// kinds returns the names of the kinds that blocks of a form may have.
func (f Form) kinds() []string {
	names := []string{string(Full), string(Planar), string(Split)}
	if f == Bottleneck {
		names = append([]string{string(Cascade), string(Parallel), string(Hybrid)}, names...)
	}
	return names
}

// has reports whether blocks of a form may have all of some kinds.
func (f Form) has(kinds []Kind) bool {
	for _, k := range kinds {
		if !contains(f.kinds(), string(k)) {
			return false
		}
	}
	return true
}

// MidMatched is the Mid of split blocks that have about as many weights as if
// they were not split: floor(27·in·width / (9·in + 3·width)) channels, where in
// are those of the block's input.
const MidMatched = -1

// Blocks says how the residual blocks of all stages are made.
type Blocks struct {
	Node
	Form         Form
	Expansion    int    // a block's output channels over its stage's width
	Mix          []Kind // the cycle of kinds that blocks take, but in flat stages
	Mid          int    // channels between S and T of split blocks, or MidMatched; 0 where not given
	MiddleStride bool   // of a bottleneck: the middle strides, not the first 1x1x1
	WithinStage  bool   // the cycle starts anew in every stage
	Bias         bool   // convolutions have a bias in place of batch norm
}

// BatchNorm sets what all batch norms share.
type BatchNorm struct {
	Node
	Epsilon float64
}

// Names says how checkpoints call the parameters.
type Names struct {
	Node
	Scheme  string // the scheme whose names hold where Entries says nothing; "" is the default
	Entries []*Name
	Braces
}

// Name gives the template of one module's or parameter's name.
type Name struct {
	Node
	Key, Template string
}

// Layer is a statement that computes: [*Conv], [*Pool], [*Stage], [*Flatten],
// [*Dropout], [*Linear] or [*Softmax].
type Layer interface {
	Stmt
	then() bool
}

// layerNode is what every layer has.
type layerNode struct {
	Node
	Then bool   // written on the line of the layer before it
	As   string // the name of its output; "" without
}

func (l *layerNode) then() bool { return l.Then }

// Conv is a convolution with batch norm and ReLU outside of the stages.
type Conv struct {
	layerNode
	Out    int
	Kernel Extent
	Stride *Extent // nil is 1x1x1
	Pad    *Extent // nil is half the kernel, which keeps the size at stride 1
	Bias   bool    // a bias in place of batch norm
}

// Pool is a max or average pool.
type Pool struct {
	layerNode
	Kind   ir.PoolKind
	Kernel *Extent // nil is the whole extent
	Stride *Extent // nil is the kernel
	Pad    *Extent // nil is 0x0x0
	Ceil   bool    // round output extents up
}

// Stage is a run of residual blocks of one width.
type Stage struct {
	layerNode
	Name   string
	Width  int
	Blocks int
	Stride *Extent // of the first block; nil is 1x1x1
	Flat   bool    // two-dimensional: S alone, and weights without an axis for time
	Mix    []Kind  // the stage's own cycle of kinds; nil is that of Blocks
	Mid    int     // the stage's own, as in Blocks
}

// Flatten strings all positions' values together, C x T x H x W.
type Flatten struct{ layerNode }

// Dropout does nothing at inference.
type Dropout struct {
	layerNode
	Rate float64
}

// Linear is a fully connected layer with bias.
type Linear struct {
	layerNode
	Out      int
	ReLU     bool
	Features bool // its results are the network's features
}

// Softmax turns scores into probabilities.
type Softmax struct{ layerNode }

// window returns the convolution's window with defaults filled in.
func (c *Conv) window() ir.Window {
	return window(c.Kernel, c.Stride.or(point), c.Pad.or(half(c.Kernel)))
}

// pool returns the operation on a map of the given shape.
func (p *Pool) pool(in ir.Shape) ir.Pool {
	kernel := p.Kernel.or(Extent{T: in.T, H: in.H, W: in.W})
	return ir.Pool{Kind: p.Kind, Ceil: p.Ceil, Window: window(kernel, p.Stride.or(kernel), p.Pad.or(Extent{}))}
}

// stride returns the stride of the stage's first block.
func (s *Stage) stride() Extent { return s.Stride.or(point) }

// mix returns the cycle of kinds of the stage's blocks.
func (s *Stage) mix(b *Blocks) []Kind {
	if s.Mix != nil {
		return s.Mix
	}
	return b.Mix
}

// mid returns how many channels lie between S and T of the stage's split
// blocks, or MidMatched; 0 where nothing says so.
func (s *Stage) mid(b *Blocks) int {
	if s.Mid != 0 {
		return s.Mid
	}
	return b.Mid
}

// list returns the body's statements of one type.
func list[T Stmt](n *Network) []T {
	var found []T
	for _, s := range n.Body {
		if t, ok := s.(T); ok {
			found = append(found, t)
		}
	}
	return found
}

// only returns the body's statement of one type, or nil without one.
func only[T Stmt](n *Network) (t T) {
	if l := list[T](n); len(l) > 0 {
		return l[0]
	}
	return t
}
