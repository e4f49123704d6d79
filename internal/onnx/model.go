package onnx

import "fmt"

// Model is what an ONNX file holds.
type Model struct {
	IRVersion int64 // of the file format
	Producer  string
	Version   string // of the producer
	Opset     int64  // of ONNX's own operators
	Graph     Graph
	Metadata  map[string]string
}

// Graph is a list of nodes in topological order.
type Graph struct {
	Name         string
	Nodes        []Node
	Initializers []Tensor
	Inputs       []ValueInfo // of some exporters, initializers among them
	Outputs      []ValueInfo
}

// Node applies an operator to values, by name. An input that is left out has
// an empty name.
type Node struct {
	Name    string
	Op      string
	Domain  string // empty for ONNX's own operators
	Inputs  []string
	Outputs []string
	Attrs   []Attr
}

// String names the node for messages: by its name, or else by its result's.
func (n *Node) String() string {
	op := n.Op
	if !n.standard() {
		op = n.Domain + "." + n.Op
	}
	switch {
	case n.Name != "":
		return fmt.Sprintf("node %q (%s)", n.Name, op)
	case len(n.Outputs) > 0:
		return fmt.Sprintf("the %s node that computes %q", op, n.Outputs[0])
	}
	return fmt.Sprintf("a %s node without name and output", op)
}

// standard reports whether the operator is one of ONNX's own.
func (n *Node) standard() bool { return n.Domain == "" || n.Domain == "ai.onnx" }

// attr returns the attribute with a name, or nil.
func (n *Node) attr(name string) *Attr {
	for i := range n.Attrs {
		if n.Attrs[i].Name == name {
			return &n.Attrs[i]
		}
	}
	return nil
}

// AttrType says which field of an attribute holds its value.
type AttrType int64

// The types of attributes that this package knows, by ONNX's numbers.
const (
	AttrFloat  AttrType = 1
	AttrInt    AttrType = 2
	AttrString AttrType = 3
	AttrTensor AttrType = 4
	AttrFloats AttrType = 6
	AttrInts   AttrType = 7
)

// Attr is a named constant of a node.
type Attr struct {
	Name   string
	Type   AttrType
	Float  float32
	Int    int64
	Text   string
	Tensor *Tensor
	Floats []float32
	Ints   []int64
}

// Dim is the extent of a value along one axis: a number, or where it is open a
// name, which may be empty.
type Dim struct {
	Size int64 // 0 where it is open
	Name string
}

// ValueInfo is the name and type of a graph's input or output.
type ValueInfo struct {
	Name string
	Type DataType
	Dims []Dim
}
