package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/p3dc/p3dc/internal/protobuf"
)

// The limits of a file, beyond any network in use: they keep memory in
// proportion where a file of nothing but empty messages would not.
const (
	maxNodes   = 1 << 17 // nodes, initializers, inputs or outputs of a graph
	maxArgs    = 1 << 10 // inputs, outputs or attributes of a node
	maxDims    = 16
	maxEntries = 1 << 12 // of metadata
)

// Decode reads a model. The elements of its tensors alias data.
func Decode(data []byte) (*Model, error) {
	m := new(Model)
	graphs := 0
	err := protobuf.EachField(data, func(v protobuf.Field) error {
		switch v.Number {
		case 1:
			return v.Int(&m.IRVersion)
		case 2:
			return v.Text(&m.Producer)
		case 3:
			return v.Text(&m.Version)
		case 7:
			graphs++
			return within("graph", v.Message(m.Graph.decode))
		case 8:
			return within("opset import", m.opset(v))
		case 14:
			return within("metadata", m.entry(v))
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case m.IRVersion < 1 || graphs != 1 || m.Opset < 1:
		return nil, errors.New("not an ONNX model: it lacks the format's version, the operators' or the graph")
	}
	return m, nil
}

// within says in which part of the file an error is.
func within(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

func (m *Model) opset(v protobuf.Field) error {
	var domain string
	var version int64
	err := v.Message(func(v protobuf.Field) error {
		switch v.Number {
		case 1:
			return v.Text(&domain)
		case 2:
			return v.Int(&version)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		m.Opset = version
	}
	return err
}

func (m *Model) entry(v protobuf.Field) error {
	key, value, err := entry(v)
	if m.Metadata == nil {
		m.Metadata = map[string]string{}
	}
	m.Metadata[key] = value
	return errors.Join(err, atMost(len(m.Metadata), maxEntries))
}

// entry decodes a StringStringEntryProto.
func entry(v protobuf.Field) (key, value string, err error) {
	err = v.Message(func(v protobuf.Field) error {
		switch v.Number {
		case 1:
			return v.Text(&key)
		case 2:
			return v.Text(&value)
		}
		return nil
	})
	return key, value, err
}

// texts appends a string.
func texts(v protobuf.Field, dst *[]string) error {
	var s string
	err := v.Text(&s)
	*dst = append(*dst, s)
	return err
}

// ints appends a repeated integer, packed or not.
func ints(v protobuf.Field, dst *[]int64) error {
	return v.Varints(func(x uint64) error {
		*dst = append(*dst, int64(x))
		return nil
	})
}

// floats appends a repeated float, packed or not.
func floats(v protobuf.Field, dst *[]float32) error {
	values, err := v.Values(protowire.Fixed32Type)
	for ; len(values) > 0; values = values[4:] {
		*dst = append(*dst, math.Float32frombits(binary.LittleEndian.Uint32(values)))
	}
	return err
}

func atMost(n, limit int) error {
	if n > limit {
		return fmt.Errorf("more than %d of them", limit)
	}
	return nil
}

func (g *Graph) decode(v protobuf.Field) error {
	switch v.Number {
	case 1:
		var n Node
		if err := v.Message(n.decode); err != nil {
			return fmt.Errorf("%v: %w", &n, err)
		}
		g.Nodes = append(g.Nodes, n)
		return within("nodes", atMost(len(g.Nodes), maxNodes))
	case 2:
		return v.Text(&g.Name)
	case 5:
		var t Tensor
		if err := t.decode(v); err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
		g.Initializers = append(g.Initializers, t)
		return within("initializers", atMost(len(g.Initializers), maxNodes))
	case 11:
		return valueInfo(v, &g.Inputs)
	case 12:
		return valueInfo(v, &g.Outputs)
	case 15:
		return errors.New("sparse initializers are not supported")
	}
	return nil
}

func (n *Node) decode(v protobuf.Field) error {
	switch v.Number {
	case 1:
		return errors.Join(texts(v, &n.Inputs), atMost(len(n.Inputs), maxArgs))
	case 2:
		return errors.Join(texts(v, &n.Outputs), atMost(len(n.Outputs), maxArgs))
	case 3:
		return v.Text(&n.Name)
	case 4:
		return v.Text(&n.Op)
	case 5:
		var a Attr
		if err := v.Message(a.decode); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		n.Attrs = append(n.Attrs, a)
		return atMost(len(n.Attrs), maxArgs)
	case 7:
		return v.Text(&n.Domain)
	}
	return nil
}

// decode reads an attribute. Graphs and other values that no operator here
// has are left out; Type tells.
func (a *Attr) decode(v protobuf.Field) error {
	switch v.Number {
	case 1:
		return v.Text(&a.Name)
	case 2:
		return v.Float(&a.Float)
	case 3:
		return v.Int(&a.Int)
	case 4:
		return v.Text(&a.Text)
	case 5:
		a.Tensor = new(Tensor)
		return a.Tensor.decode(v)
	case 7:
		return floats(v, &a.Floats)
	case 8:
		return ints(v, &a.Ints)
	case 20:
		return v.Int((*int64)(&a.Type))
	}
	return nil
}

// decode reads a tensor, whose elements may stand in one place only: readers
// differ in which of several they take.
func (t *Tensor) decode(v protobuf.Field) error {
	if err := v.Message(t.field); err != nil {
		return err
	}
	places := 0
	for _, has := range []bool{t.Raw != nil, len(t.Floats) > 0, len(t.Ints) > 0, t.Extern != nil} {
		if has {
			places++
		}
	}
	if places > 1 {
		return errors.New("its elements are given twice: expected one of raw data, a list of numbers, and a file")
	}
	return nil
}

// field reads a tensor's field.
func (t *Tensor) field(v protobuf.Field) error {
	switch v.Number {
	case 1:
		return errors.Join(ints(v, &t.Dims), within("dimensions", atMost(len(t.Dims), maxDims)))
	case 2:
		return v.Int((*int64)(&t.Type))
	case 3:
		return errors.New("a tensor in segments is not supported")
	case 4:
		return floats(v, &t.Floats)
	case 5, 7: // int32_data, int64_data
		return ints(v, &t.Ints)
	case 8:
		return v.Text(&t.Name)
	case 9:
		t.Raw = v.Bytes
		return v.Want(protowire.BytesType)
	case 13:
		return within("external data", t.external(v))
	case 14: // data_location, of which 1 is a file
		var location int64
		err := v.Int(&location)
		if location == 1 && t.Extern == nil {
			t.Extern = new(External)
		}
		return err
	}
	return nil
}

// external decodes an entry of external_data.
func (t *Tensor) external(v protobuf.Field) error {
	key, value, err := entry(v)
	if err != nil {
		return err
	}
	if t.Extern == nil {
		t.Extern = new(External)
	}
	switch key {
	case "location":
		t.Extern.Location = value
	case "offset":
		t.Extern.Offset, err = strconv.ParseInt(value, 10, 64)
	case "length":
		t.Extern.Length, err = strconv.ParseInt(value, 10, 64)
	}
	return err
}

// valueInfo appends a graph's input or output.
func valueInfo(v protobuf.Field, dst *[]ValueInfo) error {
	var i ValueInfo
	err := v.Message(func(v protobuf.Field) error {
		switch v.Number {
		case 1:
			return v.Text(&i.Name)
		case 2: // the type, of which field 1 is that of tensors
			return v.Message(func(v protobuf.Field) error {
				if v.Number != 1 {
					return nil
				}
				return v.Message(i.tensorType)
			})
		}
		return nil
	})
	*dst = append(*dst, i)
	if err != nil {
		return fmt.Errorf("input or output %q: %w", i.Name, err)
	}
	return within("inputs or outputs", atMost(len(*dst), maxNodes))
}

func (i *ValueInfo) tensorType(v protobuf.Field) error {
	switch v.Number {
	case 1:
		return v.Int((*int64)(&i.Type))
	case 2:
		return v.Message(func(v protobuf.Field) error {
			if v.Number != 1 {
				return nil
			}
			var d Dim
			err := v.Message(func(v protobuf.Field) error {
				switch v.Number {
				case 1:
					return v.Int(&d.Size)
				case 2:
					return v.Text(&d.Name)
				}
				return nil
			})
			i.Dims = append(i.Dims, d)
			return errors.Join(err, within("dimensions", atMost(len(i.Dims), maxDims)))
		})
	}
	return nil
}
