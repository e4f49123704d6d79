package onnx

import (
	"errors"
	"fmt"
	"strconv"
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
	err := eachField(data, func(v field) error {
		switch v.num {
		case 1:
			return v.int(&m.IRVersion)
		case 2:
			return v.text(&m.Producer)
		case 3:
			return v.text(&m.Version)
		case 7:
			graphs++
			return within("graph", v.message(m.Graph.decode))
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

func (m *Model) opset(v field) error {
	var domain string
	var version int64
	err := v.message(func(v field) error {
		switch v.num {
		case 1:
			return v.text(&domain)
		case 2:
			return v.int(&version)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		m.Opset = version
	}
	return err
}

func (m *Model) entry(v field) error {
	key, value, err := v.entry()
	if m.Metadata == nil {
		m.Metadata = map[string]string{}
	}
	m.Metadata[key] = value
	return errors.Join(err, atMost(len(m.Metadata), maxEntries))
}

// entry decodes a StringStringEntryProto.
func (v field) entry() (key, value string, err error) {
	err = v.message(func(v field) error {
		switch v.num {
		case 1:
			return v.text(&key)
		case 2:
			return v.text(&value)
		}
		return nil
	})
	return key, value, err
}

func atMost(n, limit int) error {
	if n > limit {
		return fmt.Errorf("more than %d of them", limit)
	}
	return nil
}

func (g *Graph) decode(v field) error {
	switch v.num {
	case 1:
		var n Node
		if err := v.message(n.decode); err != nil {
			return fmt.Errorf("%v: %w", &n, err)
		}
		g.Nodes = append(g.Nodes, n)
		return within("nodes", atMost(len(g.Nodes), maxNodes))
	case 2:
		return v.text(&g.Name)
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

func (n *Node) decode(v field) error {
	switch v.num {
	case 1:
		return errors.Join(v.texts(&n.Inputs), atMost(len(n.Inputs), maxArgs))
	case 2:
		return errors.Join(v.texts(&n.Outputs), atMost(len(n.Outputs), maxArgs))
	case 3:
		return v.text(&n.Name)
	case 4:
		return v.text(&n.Op)
	case 5:
		var a Attr
		if err := v.message(a.decode); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		n.Attrs = append(n.Attrs, a)
		return atMost(len(n.Attrs), maxArgs)
	case 7:
		return v.text(&n.Domain)
	}
	return nil
}

// decode reads an attribute. Graphs and other values that no operator here
// has are left out; Type tells.
func (a *Attr) decode(v field) error {
	switch v.num {
	case 1:
		return v.text(&a.Name)
	case 2:
		return v.float(&a.Float)
	case 3:
		return v.int(&a.Int)
	case 4:
		return v.text(&a.Text)
	case 5:
		a.Tensor = new(Tensor)
		return a.Tensor.decode(v)
	case 7:
		return v.floats(&a.Floats)
	case 8:
		return v.ints(&a.Ints)
	case 20:
		return v.int((*int64)(&a.Type))
	}
	return nil
}

// decode reads a tensor, whose elements may stand in one place only: readers
// differ in which of several they take.
func (t *Tensor) decode(v field) error {
	if err := v.message(t.field); err != nil {
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
func (t *Tensor) field(v field) error {
	switch v.num {
	case 1:
		return errors.Join(v.ints(&t.Dims), within("dimensions", atMost(len(t.Dims), maxDims)))
	case 2:
		return v.int((*int64)(&t.Type))
	case 3:
		return errors.New("a tensor in segments is not supported")
	case 4:
		return v.floats(&t.Floats)
	case 5, 7: // int32_data, int64_data
		return v.ints(&t.Ints)
	case 8:
		return v.text(&t.Name)
	case 9:
		if v.bytes == nil {
			return v.errWire()
		}
		t.Raw = v.bytes
	case 13:
		return within("external data", t.external(v))
	case 14: // data_location, of which 1 is a file
		var location int64
		err := v.int(&location)
		if location == 1 && t.Extern == nil {
			t.Extern = new(External)
		}
		return err
	}
	return nil
}

// external decodes an entry of external_data.
func (t *Tensor) external(v field) error {
	key, value, err := v.entry()
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
func valueInfo(v field, dst *[]ValueInfo) error {
	var i ValueInfo
	err := v.message(func(v field) error {
		switch v.num {
		case 1:
			return v.text(&i.Name)
		case 2: // the type, of which field 1 is that of tensors
			return v.message(func(v field) error {
				if v.num != 1 {
					return nil
				}
				return v.message(i.tensorType)
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

func (i *ValueInfo) tensorType(v field) error {
	switch v.num {
	case 1:
		return v.int((*int64)(&i.Type))
	case 2:
		return v.message(func(v field) error {
			if v.num != 1 {
				return nil
			}
			var d Dim
			err := v.message(func(v field) error {
				switch v.num {
				case 1:
					return v.int(&d.Size)
				case 2:
					return v.text(&d.Name)
				}
				return nil
			})
			i.Dims = append(i.Dims, d)
			return errors.Join(err, within("dimensions", atMost(len(i.Dims), maxDims)))
		})
	}
	return nil
}
