package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxModel is how large a protobuf message, and so a model, can be.
const maxModel = math.MaxInt32

// message is an encoded message in the making. Weights are not copied: they
// become bytes when the message is written.
type message struct {
	pieces []piece
	size   int
}

// piece is a run of bytes, or of floats that are written little-endian.
type piece struct {
	bytes  []byte
	floats []float32
}

// add appends encoded bytes.
func (m *message) add(b ...byte) {
	last := len(m.pieces) - 1
	if last < 0 || m.pieces[last].floats != nil {
		m.pieces = append(m.pieces, piece{})
		last++
	}
	m.pieces[last].bytes = append(m.pieces[last].bytes, b...)
	m.size += len(b)
}

func (m *message) int(num protowire.Number, v int64) {
	m.add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(v))...)
}

func (m *message) float(num protowire.Number, v float32) {
	m.add(protowire.AppendFixed32(protowire.AppendTag(nil, num, protowire.Fixed32Type), math.Float32bits(v))...)
}

func (m *message) text(num protowire.Number, s string) {
	m.add(protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), s)...)
}

// begin appends the head of a length-delimited field.
func (m *message) begin(num protowire.Number, size int) {
	m.add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.BytesType), uint64(size))...)
}

// floats appends a field of little-endian floats.
func (m *message) floats(num protowire.Number, values []float32) {
	m.begin(num, 4*len(values))
	if len(values) > 0 {
		m.pieces = append(m.pieces, piece{floats: values})
		m.size += 4 * len(values)
	}
}

// nest appends a message that f fills in.
func (m *message) nest(num protowire.Number, f func(*message)) {
	var sub message
	f(&sub)
	m.begin(num, sub.size)
	for _, p := range sub.pieces {
		if p.floats == nil {
			m.add(p.bytes...)
			continue
		}
		m.pieces = append(m.pieces, p)
		m.size += 4 * len(p.floats)
	}
}

// writeTo writes all pieces.
func (m *message) writeTo(w io.Writer) error {
	const chunk = 1 << 14
	var buf []byte
	for _, p := range m.pieces {
		if _, err := w.Write(p.bytes); err != nil {
			return err
		}
		for part := range slices.Chunk(p.floats, chunk) {
			buf = buf[:0]
			for _, v := range part {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
	}
	return nil
}

// Encode writes the model. The same model gives the same bytes. A model that
// protobuf has no room for, 2 GiB, is an error, and so is a tensor whose
// elements do not fit its dimensions; nothing is written then.
func (m *Model) Encode(w io.Writer) error {
	for i := range m.Graph.Initializers {
		t := &m.Graph.Initializers[i]
		n, err := t.elements()
		if err != nil {
			return err
		}
		if err := t.count(n, max(len(t.Floats), len(t.Ints))); err != nil {
			return err
		}
	}
	var e message
	e.int(1, m.IRVersion)
	e.text(2, m.Producer)
	e.text(3, m.Version)
	e.nest(7, m.Graph.encode)
	e.nest(8, func(e *message) {
		e.text(1, "")
		e.int(2, m.Opset)
	})
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		e.nest(14, func(e *message) {
			e.text(1, key)
			e.text(2, m.Metadata[key])
		})
	}
	if e.size > maxModel {
		return fmt.Errorf("the model takes %d bytes, and protobuf allows %d", e.size, maxModel)
	}
	return e.writeTo(w)
}

func (g *Graph) encode(e *message) {
	for i := range g.Nodes {
		e.nest(1, g.Nodes[i].encode)
	}
	e.text(2, g.Name)
	for i := range g.Initializers {
		e.nest(5, g.Initializers[i].encode)
	}
	for i := range g.Inputs {
		e.nest(11, g.Inputs[i].encode)
	}
	for i := range g.Outputs {
		e.nest(12, g.Outputs[i].encode)
	}
}

func (n *Node) encode(e *message) {
	for _, s := range n.Inputs {
		e.text(1, s)
	}
	for _, s := range n.Outputs {
		e.text(2, s)
	}
	e.text(3, n.Name)
	e.text(4, n.Op)
	for i := range n.Attrs {
		e.nest(5, n.Attrs[i].encode)
	}
	if n.Domain != "" {
		e.text(7, n.Domain)
	}
}

func (a *Attr) encode(e *message) {
	e.text(1, a.Name)
	switch a.Type {
	case AttrFloat:
		e.float(2, a.Float)
	case AttrInt:
		e.int(3, a.Int)
	case AttrString:
		e.text(4, a.Text)
	case AttrTensor:
		e.nest(5, a.Tensor.encode)
	case AttrFloats:
		for _, v := range a.Floats {
			e.float(7, v)
		}
	case AttrInts:
		for _, v := range a.Ints {
			e.int(8, v)
		}
	default:
		panic(fmt.Sprintf("BUG: attribute %s of type %d", a.Name, a.Type))
	}
	e.int(20, int64(a.Type))
}

func (t *Tensor) encode(e *message) {
	for _, d := range t.Dims {
		e.int(1, d)
	}
	e.int(2, int64(t.Type))
	e.text(8, t.Name)
	switch t.Type {
	case Float:
		e.floats(9, t.Floats) // as raw_data, which runtimes can map
	case Int64:
		for _, v := range t.Ints {
			e.int(7, v)
		}
	default:
		panic(fmt.Sprintf("BUG: tensor %s of %v", t.Name, t.Type))
	}
}

func (i *ValueInfo) encode(e *message) {
	e.text(1, i.Name)
	e.nest(2, func(e *message) {
		e.nest(1, func(e *message) {
			e.int(1, int64(i.Type))
			e.nest(2, func(e *message) {
				for _, d := range i.Dims {
					e.nest(1, func(e *message) {
						if d.Name != "" {
							e.text(2, d.Name)
						} else {
							e.int(1, d.Size)
						}
					})
				}
			})
		})
	})
}
