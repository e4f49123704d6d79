package ir

import "fmt"

// Graph is one network on one clip. Ops are in topological order; a value is
// written by exactly one op, or is the input.
type Graph struct {
	Name    string
	Input   Input
	Ops     []Op
	Values  []Value // indexed by ValueID; Values[0] is the input
	Params  []Param // indexed by ParamID
	Outputs []Output
	// Taps are values that a caller wants to read besides the outputs, for
	// verification. They are kept like outputs.
	Taps []Output
}

// ValueID indexes Graph.Values.
type ValueID int

// ParamID indexes Graph.Params.
type ParamID int

// NoParam is the ParamID of a parameter that an op does not have.
const NoParam ParamID = -1

// Value is a feature map that flows between ops.
type Value struct {
	Name  string
	Shape Shape
	// Narrowed says that frames which nobody reads are left out. Two of those that
	// are left are no neighbours where somebody looks into the network.
	Narrowed bool
}

// Param is a trained array, named and shaped as in the checkpoint: a
// convolution's weight is Cout x Cin x KT x KH x KW (or Cout x Cin x KH x KW
// where the checkpoint has it two-dimensional, or Cout x all others where it is
// of a linear layer), a linear layer's Out x In, a vector's C.
type Param struct {
	Name  string
	Shape []int
	Role  Role
}

// Role is what a parameter is to its op.
type Role int

// The roles.
const (
	RoleUnknown Role = iota
	RoleWeight       // of a convolution or a linear layer
	RoleBias         // likewise
	RoleGamma        // of a batch norm, as are those below
	RoleBeta
	RoleMean
	RoleVariance
)

// String returns the role's name in the language.
func (r Role) String() string {
	return [...]string{"unknown", "weight", "bias", "gamma", "beta", "mean", "variance"}[r]
}

// Elems returns the number of values in the parameter.
func (p Param) Elems() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Output names a value that the network returns.
type Output struct {
	Name  string
	Value ValueID
}

// Pos is a place in a description file. The zero Pos means unknown.
type Pos struct {
	File      string
	Line, Col int // counted from 1
}

// String formats the position as file:line:column.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Op computes one value from others: the attribute's function, then the
// epilogue, step by step in order.
type Op struct {
	Name string
	Attr Attr
	In   []ValueID
	Out  ValueID
	Epi  []EpiStep
	Pos  Pos
}

// EpiKind is one kind of elementwise step that runs on a result before it is
// stored.
type EpiKind int

// The epilogue steps.
const (
	EpiBias    EpiKind = iota // add the op's bias (a conv's folded batch norm included)
	EpiReLU                   // max(x, 0); NaN stays NaN
	EpiAdd                    // add another value of the same shape
	EpiProject                // add a 1x1x1 convolution of another value
)

// String returns the step's name in dumps.
func (k EpiKind) String() string {
	switch k {
	case EpiBias:
		return "bias"
	case EpiReLU:
		return "relu"
	case EpiAdd:
		return "add"
	case EpiProject:
		return "project"
	}
	panic(fmt.Sprintf("BUG: epilogue kind %d", int(k)))
}

// EpiStep is one step of an epilogue. The order matters: blocks B and C sum
// after a ReLU, the block's residual is added before one.
type EpiStep struct {
	Kind  EpiKind
	Arg   ValueID // the value that EpiAdd adds or EpiProject convolves
	Every Skip    // which of its positions
	Conv  *Conv   // of EpiProject: its strides are Every
}

// reads reports whether the step reads a value.
func (e EpiStep) reads() bool { return e.Kind == EpiAdd || e.Kind == EpiProject }

// Skip is the distance of the positions that are read along each axis.
type Skip struct{ T, H, W int }

// NoSkip reads every position.
var NoSkip = Skip{1, 1, 1}

// of returns the extents of what is read of s.
func (n Skip) of(s Shape) Shape {
	return Shape{T: (s.T-1)/n.T + 1, H: (s.H-1)/n.H + 1, W: (s.W-1)/n.W + 1, C: s.C}
}

// Attr is the function of an op.
type Attr interface{ attr() }

// Conv is a convolution without its elementwise tail: one input, zero
// padding, Out channels. Weight is a Param of Out x Cin x taps. The bias of
// an EpiBias step is Bias, or what Norm makes of it, or both.
type Conv struct {
	Window
	Out    int
	Weight ParamID
	Bias   ParamID    // NoParam without
	Norm   *BatchNorm // a batch norm folded into weight and bias; nil without
}

// clone returns a deep copy.
func (c Conv) clone() Conv {
	if c.Norm != nil {
		norm := *c.Norm
		c.Norm = &norm
	}
	return c
}

// BatchNorm normalises each channel with running statistics:
// y = Gamma·(x-Mean)/sqrt(Var+Epsilon) + Beta.
type BatchNorm struct {
	Gamma, Beta, Mean, Var ParamID
	Epsilon                float64
}

// ReLU is max(x, 0).
type ReLU struct{}

// Add is the elementwise sum of two values of one shape.
type Add struct{}

// PoolKind is what a pool takes of its window.
type PoolKind int

// The kinds of pools.
const (
	PoolMax PoolKind = iota
	PoolAverage
)

// String returns the kind's name.
func (k PoolKind) String() string {
	if k == PoolMax {
		return "max"
	}
	return "average"
}

// Pool reduces each window to one value a channel. Padding is never part of
// a maximum nor of an average's sum or count. Ceil rounds the output's
// extents up (see Axis.OutCeil).
type Pool struct {
	Window
	Kind PoolKind
	Ceil bool
}

// OutShape returns the pool's output extents.
func (p Pool) OutShape(s Shape) Shape {
	if !p.Ceil {
		return p.Out(s, s.C)
	}
	return Shape{T: p.T.OutCeil(s.T), H: p.H.OutCeil(s.H), W: p.W.OutCeil(s.W), C: s.C}
}

// GlobalPool returns the pool of all of a map.
func GlobalPool(kind PoolKind, s Shape) Pool {
	whole := func(n int) Axis { return Axis{Kernel: n, Stride: n} }
	return Pool{Kind: kind, Window: Window{T: whole(s.T), H: whole(s.H), W: whole(s.W)}}
}

// IsGlobal reports whether the pool, on maps of shape s, is the one of all of a
// map.
func (p Pool) IsGlobal(s Shape) bool { return p.Window == GlobalPool(p.Kind, s).Window }

// Flatten strings all values of a map together, in C, T, H, W order, as the
// channels of one position.
type Flatten struct{}

// Dropout does nothing at inference.
type Dropout struct{ Rate float64 }

// Linear is a fully connected layer on a 1x1x1xC value: Out x C weights. Its
// bias is that of an EpiBias step.
type Linear struct {
	Out    int
	Weight ParamID
	Bias   ParamID // NoParam without
}

// Softmax turns a 1x1x1xC value's scores into probabilities that sum to 1.
type Softmax struct{}

func (Conv) attr()      {}
func (BatchNorm) attr() {}
func (ReLU) attr()      {}
func (Add) attr()       {}
func (Pool) attr()      {}
func (Flatten) attr()   {}
func (Dropout) attr()   {}
func (Linear) attr()    {}
func (Softmax) attr()   {}

// ChannelOrder says what the channels of an input frame are.
type ChannelOrder int

// The channel orders of input frames.
const (
	RGB  ChannelOrder = iota // red, green, blue
	BGR                      // blue, green, red
	Flow                     // optical flow: displacement in x, in y
)

// String returns the order's name in the language.
func (o ChannelOrder) String() string { return [...]string{"rgb", "bgr", "flow"}[o] }

// Input is the clip that a network takes and how it is made from decoded
// frames: the short side resized to ResizeShort, the centre H x W cropped,
// the channels put in Order, and each uint8 value x of channel c turned into
// (x·Scale - Mean[c]) / Std[c].
type Input struct {
	Shape       Shape
	Order       ChannelOrder
	Scale       float64   // 1/255 for values in 0..1, 1 for 0..255
	Mean, Std   []float64 // one a channel, in scaled units, in channel order
	ResizeShort int       // pixels; 0 leaves frames as they are
}

// Producer returns the op that writes v, or nil for the input.
func (g *Graph) Producer(v ValueID) *Op {
	for i := range g.Ops {
		if g.Ops[i].Out == v {
			return &g.Ops[i]
		}
	}
	return nil
}

// NumParams returns how many trained values the network has.
func (g *Graph) NumParams() int {
	n := 0
	for _, p := range g.Params {
		n += p.Elems()
	}
	return n
}

// AddValue appends a value and returns its id.
func (g *Graph) AddValue(name string, s Shape) ValueID {
	g.Values = append(g.Values, Value{Name: name, Shape: s})
	return ValueID(len(g.Values) - 1)
}

// AddParam appends a parameter and returns its id.
func (g *Graph) AddParam(name string, shape ...int) ParamID {
	g.Params = append(g.Params, Param{Name: name, Shape: shape})
	return ParamID(len(g.Params) - 1)
}

// Clone returns a deep copy, so that a pass can change its argument freely.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Ops = make([]Op, len(g.Ops))
	for i, op := range g.Ops {
		op.In = append([]ValueID(nil), op.In...)
		op.Epi = append([]EpiStep(nil), op.Epi...)
		for j, e := range op.Epi {
			if e.Conv != nil {
				conv := e.Conv.clone()
				op.Epi[j].Conv = &conv
			}
		}
		if conv, ok := op.Attr.(Conv); ok {
			op.Attr = conv.clone()
		}
		c.Ops[i] = op
	}
	c.Input.Mean = append([]float64(nil), g.Input.Mean...)
	c.Input.Std = append([]float64(nil), g.Input.Std...)
	c.Values = append([]Value(nil), g.Values...)
	c.Params = append([]Param(nil), g.Params...)
	for i := range c.Params {
		c.Params[i].Shape = append([]int(nil), c.Params[i].Shape...)
	}
	c.Outputs = append([]Output(nil), g.Outputs...)
	c.Taps = append([]Output(nil), g.Taps...)
	return &c
}
