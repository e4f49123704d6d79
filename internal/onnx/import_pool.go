package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

func (in *importer) pool(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	axes, err := mapped(x)
	if err != nil {
		return operand{}, err
	}
	w, err := n.window(axes, nil)
	if err != nil {
		return operand{}, err
	}
	if w == (window{Window: ir.UnitWindow}) {
		return x, nil // one value of each window
	}
	ceil, err := n.int("ceil_mode", 0)
	if err != nil {
		return operand{}, err
	}
	p := ir.Pool{Window: w.Window}
	if n.Op == "AveragePool" {
		p.Kind = ir.PoolAverage
		if w != (window{Window: unpadded(w.Window)}) || ceil != 0 {
			if err := n.wantInt("count_include_pad", 0, 0); err != nil {
				return operand{}, err
			}
		}
	}
	s := in.shapeAt(x)
	if p.Ceil, err = w.rounding(s, ceil != 0); err != nil {
		return operand{}, err
	}
	out := p.OutShape(s)
	if out == (ir.Shape{T: 1, H: 1, W: 1, C: s.C}) && unpadded(w.Window) == w.Window && p.T.Kernel == s.T && p.H.Kernel == s.H && p.W.Kernel == s.W {
		p = ir.GlobalPool(p.Kind, s) // whatever its stride
	}
	return in.emit(n, p, moved(x, out), x.value)
}

// unpadded returns a window without its padding.
func unpadded(w ir.Window) ir.Window {
	w.T.Pad, w.H.Pad, w.W.Pad = 0, 0, 0
	return w
}

// rounding reports whether a pool on maps of shape s is one that rounds up.
// A pool that is padded by more behind the last element rounds up, if that
// makes as many windows.
func (w window) rounding(s ir.Shape, ceil bool) (bool, error) {
	floors, ceils := true, true
	for i, a := range []ir.Axis{w.T, w.H, w.W} {
		n := []int{s.T, s.H, s.W}[i]
		span := n + a.Pad + w.behind[i] - a.Kernel
		if span < 0 {
			return false, fmt.Errorf("its window %v is larger than its input, %v", w.Window, s)
		}
		out := span/a.Stride + 1
		if ceil {
			out = (span+a.Stride-1)/a.Stride + 1
			if (out-1)*a.Stride >= n+a.Pad {
				out--
			}
		}
		floors = floors && a.Out(n) == out
		ceils = ceils && a.OutCeil(n) == out
	}
	if !floors && !ceils {
		return false, errors.New("it is padded by more on one side than on the other, which is not supported")
	}
	return !floors, nil
}

func (in *importer) global(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	if _, err := mapped(x); err != nil {
		return operand{}, err
	}
	s := in.shapeAt(x)
	kind := map[string]ir.PoolKind{"GlobalMaxPool": ir.PoolMax, "GlobalAveragePool": ir.PoolAverage}[n.Op]
	return in.emit(n, ir.GlobalPool(kind, s), moved(x, ir.Shape{T: 1, H: 1, W: 1, C: s.C}), x.value)
}

// reduce imports the mean or maximum over frames, rows and columns, or some of
// them: a pool.
func (in *importer) reduce(n *Node, inputs []operand) (operand, error) {
	x := inputs[0]
	if _, err := mapped(x); err != nil {
		return operand{}, err
	}
	axes, err := n.axes(inputs, len(x.dims))
	if err != nil {
		return operand{}, err
	}
	keep, err := n.int("keepdims", 1)
	if err != nil {
		return operand{}, err
	}
	s := in.shapeAt(x)
	kind := map[string]ir.PoolKind{"ReduceMax": ir.PoolMax, "ReduceMean": ir.PoolAverage}[n.Op]
	p := ir.GlobalPool(kind, s)
	out := slices.Clone(x.dims)
	for i := range x.dims {
		if slices.Contains(axes, i) {
			out[i] = 1
			continue
		}
		switch len(x.dims) - i {
		case 3:
			p.T = ir.Unit
		case 2:
			p.H = ir.Unit
		case 1:
			p.W = ir.Unit
		}
	}
	if slices.Contains(axes, 0) || slices.Contains(axes, 1) || len(axes) == 0 {
		return operand{}, fmt.Errorf("it reduces the axes %v; expected some of those behind the channels", axes)
	}
	y, err := in.emit(n, p, out, x.value)
	if err != nil || keep != 0 {
		return y, err
	}
	var kept []int64
	for i, d := range out {
		if !slices.Contains(axes, i) {
			kept = append(kept, d)
		}
	}
	return in.reshaped(n, y, kept)
}
