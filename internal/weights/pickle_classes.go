package weights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// classes finds what a pickle may name. Nothing that it finds runs anything
// but the few functions of this file.
type classes struct {
	// entries is how many items the pickle's calls of OrderedDict may still
	// hold, all together.
	entries int
}

// opaquePrefixes are the modules whose objects stand beside the weights in
// many checkpoints: a NumPy number for the best accuracy, the command line's
// arguments, a set of names. They are read as [pyOpaque].
var opaquePrefixes = []string{
	"torch.", "numpy.", "argparse.", "collections.", "_codecs.", "datetime.", "pathlib.",
	"builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset",
}

// find returns the class or function of the given name.
func (c *classes) find(module, name string) (any, error) {
	if dtype, ok := storageTypes[name]; ok && (module == "torch" || module == "torch.cuda") {
		return storageClass{dtype}, nil
	}
	switch full := module + "." + name; full {
	case checkedOrderedDict + ".OrderedDict":
		return function(c.orderedDict), nil
	case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2":
		return function(rebuildTensor), nil
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		return function(rebuildParameter), nil
	default:
		if slices.ContainsFunc(opaquePrefixes, func(p string) bool { return strings.HasPrefix(full, p) }) {
			return &pyOpaque{full}, nil
		}
		return nil, fmt.Errorf("it names %s, which a state dict has no need of, and which was not run; "+
			"in Python, save only the weights: torch.save(model.state_dict(), path)", full)
	}
}

// function is a Python function or class that a pickle may call.
type function func(args []any) (any, error)

// Call implements types.Callable.
func (f function) Call(args ...any) (any, error) { return f(args) }

// orderedDict makes an OrderedDict, empty or of a list of pairs.
func (c *classes) orderedDict(args []any) (any, error) {
	d := types.NewOrderedDict()
	if len(args) == 0 {
		return d, nil
	}
	items, ok := asSequence(args[0])
	if !ok || len(args) != 1 {
		return nil, fmt.Errorf("OrderedDict called with %d arguments, expected one list of pairs", len(args))
	}
	if c.entries -= len(items); c.entries < 0 {
		return nil, fmt.Errorf("more than %d items in dictionaries", maxPickleOps)
	}
	for _, item := range items {
		pair, ok := asSequence(item)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("OrderedDict called with an item that is no pair")
		}
		d.Set(pair[0], pair[1])
	}
	return d, nil
}

// pyOpaque is an object that is of no interest, known only by its class. It
// takes whatever a pickle does to it and does nothing.
type pyOpaque struct{ class string }

// Call implements types.Callable.
func (o *pyOpaque) Call(...any) (any, error) { return o, nil }

// PyNew implements types.PyNewable.
func (o *pyOpaque) PyNew(...any) (any, error) { return o, nil }

// Set implements types.DictSetter.
func (o *pyOpaque) Set(any, any) {}

// Append implements types.ListAppender.
func (o *pyOpaque) Append(any) {}

// storageTypes holds the classes of torch that stand for storages.
var storageTypes = map[string]DType{
	"FloatStorage":    F32,
	"HalfStorage":     F16,
	"BFloat16Storage": BF16,
	"DoubleStorage":   F64,
	"LongStorage":     I64,
	"IntStorage":      I32,
	"ShortStorage":    I16,
	"CharStorage":     I8,
	"ByteStorage":     U8,
	"BoolStorage":     Bool,
}

// storageClass is a class such as torch.FloatStorage.
type storageClass struct{ dtype DType }

// pyTensor is a tensor as a pickle describes it, not yet checked against its
// storage. All numbers are in elements.
type pyTensor struct {
	storage *pyStorage
	offset  int
	shape   []int
	strides []int
}

// rebuildTensor makes a tensor of (storage, offset, shape, strides), and two
// more arguments, of no interest here, since PyTorch 0.4.
func rebuildTensor(args []any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor is described by %d values, expected 4 or 6", len(args))
	}
	storage, ok := args[0].(*pyStorage)
	if !ok {
		return nil, fmt.Errorf("a tensor has a %T for its storage", args[0])
	}
	offset, ok := args[1].(int)
	if !ok || offset < 0 {
		return nil, fmt.Errorf("a tensor begins at %v of its storage, expected a position", args[1])
	}
	shape, err := dimensions(args[2])
	if err != nil {
		return nil, err
	}
	strides, err := dimensions(args[3])
	if err != nil {
		return nil, err
	}
	if len(shape) != len(strides) {
		return nil, fmt.Errorf("a tensor has %d dimensions and %d strides", len(shape), len(strides))
	}
	return pyTensor{storage, offset, shape, strides}, nil
}

// rebuildParameter makes a parameter, which here is its tensor, the first
// argument.
func rebuildParameter(args []any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("a parameter is described by no values")
	}
	return args[0], nil
}

// dimensions returns a tuple of sizes or strides.
func dimensions(obj any) ([]int, error) {
	items, ok := asSequence(obj)
	if !ok || len(items) > maxRank {
		return nil, fmt.Errorf("a tensor's shape or strides are not a tuple of at most %d numbers", maxRank)
	}
	dims := make([]int, len(items))
	for i, item := range items {
		n, ok := item.(int)
		if !ok || n < 0 {
			return nil, fmt.Errorf("a tensor has the size or stride %v, expected a number from 0 up", item)
		}
		dims[i] = n
	}
	return dims, nil
}
