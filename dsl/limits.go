package dsl

// What holds where a description says nothing.
const (
	// DefaultExpansion is a bottleneck's output channels over its width.
	DefaultExpansion = 4
	// DefaultEpsilon is the batch norms' epsilon, PyTorch's.
	DefaultEpsilon = 1e-5
	// DefaultNames is the scheme of parameter names.
	DefaultNames = "port"
)

// The limits of a description. They are far beyond any network in use, and
// keep every later size computation from overflowing.
const (
	MaxSource   = 1 << 18 // bytes of a description
	MaxFrames   = 4096    // frames of a clip
	MaxSide     = 8192    // pixels of a clip's height or width, and of a resized frame's short side
	MaxChannels = 1 << 16 // channels of any feature map
	MaxClasses  = 1 << 20 // outputs of a linear layer
	MaxBlocks   = 1024    // residual blocks of a network
	MaxLayers   = 1024    // layers of a network, a stage counting as one
	MaxKernel   = 64      // extent of a kernel, a stride or a padding along one axis
	MaxElems    = 1 << 28 // values of one feature map (1 GiB of float32)
	MaxParams   = 1 << 31 // trained values of a network (8 GiB of float32)
	MaxName     = 256     // characters of a name
	MaxFaults   = 100     // faults that are reported one by one
)
