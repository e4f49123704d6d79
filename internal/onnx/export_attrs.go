package onnx

import (
	"strconv"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

func intAttr(name string, v int64) Attr { return Attr{Name: name, Type: AttrInt, Int: v} }

func intsAttr(name string, v ...int) Attr {
	a := Attr{Name: name, Type: AttrInts}
	for _, x := range v {
		a.Ints = append(a.Ints, int64(x))
	}
	return a
}

// windowAttrs returns a window's attributes, with the padding behind the last
// element along each axis.
func windowAttrs(w ir.Window, behind [3]int) []Attr {
	return []Attr{
		intsAttr("kernel_shape", w.T.Kernel, w.H.Kernel, w.W.Kernel),
		intsAttr("strides", w.T.Stride, w.H.Stride, w.W.Stride),
		intsAttr("pads", w.T.Pad, w.H.Pad, w.W.Pad, behind[0], behind[1], behind[2]),
	}
}

// pool returns the operator of a pool on maps of shape s, and its attributes.
// A window that reaches over the edge is written as padding, which is part of
// no result either: runtimes differ in what ceil_mode means to them.
func pool(p ir.Pool, s ir.Shape) (kind string, attrs []Attr) {
	kind = map[ir.PoolKind]string{ir.PoolMax: "MaxPool", ir.PoolAverage: "AveragePool"}[p.Kind]
	if p.IsGlobal(s) {
		return "Global" + kind, nil
	}
	out := p.OutShape(s)
	behind := [3]int{
		padBehind(p.T, s.T, out.T),
		padBehind(p.H, s.H, out.H),
		padBehind(p.W, s.W, out.W),
	}
	return kind, windowAttrs(p.Window, behind)
}

// padBehind returns how much padding behind n elements makes room for out
// windows, and no less than the axis has anyway.
func padBehind(a ir.Axis, n, out int) int {
	return max(a.Pad, (out-1)*a.Stride+a.Kernel-a.Pad-n)
}

// The metadata that say how frames become a clip. Their values are those of
// the description's input statement.
const (
	metaChannels = "p3dc.channels"
	metaResize   = "p3dc.resize"
	metaRange    = "p3dc.range"
	metaMean     = "p3dc.mean"
	metaStd      = "p3dc.std"
)

// SaysInput reports whether a model's metadata say how frames become a clip.
func (m *Model) SaysInput() bool { return m.Metadata[metaRange] != "" }

// inputMetadata describes the preprocessing.
func inputMetadata(in ir.Input) map[string]string {
	m := map[string]string{
		metaChannels: in.Order.String(),
		metaRange:    "0..1",
		metaMean:     units.Numbers(in.Mean...),
		metaStd:      units.Numbers(in.Std...),
	}
	if in.Scale == 1 {
		m[metaRange] = "0..255"
	}
	if in.ResizeShort > 0 {
		m[metaResize] = strconv.Itoa(in.ResizeShort)
	}
	return m
}
