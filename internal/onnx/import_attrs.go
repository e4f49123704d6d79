package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// typed returns the attribute with a name, nil where it is left out.
func (n *Node) typed(name string, want AttrType) (*Attr, error) {
	a := n.attr(name)
	if a != nil && a.Type != want {
		return nil, fmt.Errorf("the attribute %q is of type %d; expected %d", name, a.Type, want)
	}
	return a, nil
}

// int returns an integer attribute, or what holds without it.
func (n *Node) int(name string, def int64) (int64, error) {
	a, err := n.typed(name, AttrInt)
	if a == nil {
		return def, err
	}
	return a.Int, nil
}

// ints returns a list of integers, nil where it is left out.
func (n *Node) ints(name string) ([]int64, error) {
	a, err := n.typed(name, AttrInts)
	if a == nil {
		return nil, err
	}
	return a.Ints, nil
}

// wantInt is an error where an integer attribute is not what it must be.
func (n *Node) wantInt(name string, want, def int64) error {
	v, err := n.int(name, def)
	if err == nil && v != want {
		err = fmt.Errorf("%s is %d; only %d is supported", name, v, want)
	}
	return err
}

// wantFloat is wantInt for a number.
func (n *Node) wantFloat(name string, want float32) error {
	a, err := n.typed(name, AttrFloat)
	if a != nil && a.Float != want {
		err = fmt.Errorf("%s is %g; only %g is supported", name, a.Float, want)
	}
	return err
}

// perAxis returns a list of one number for each of some axes, each def where it is
// left out.
func (n *Node) perAxis(name string, axes int, def int64) ([]int, error) {
	list, err := n.ints(name)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = slices.Repeat([]int64{def}, axes)
	}
	if len(list) != axes {
		return nil, fmt.Errorf("%s has %d numbers; expected %d", name, len(list), axes)
	}
	small := make([]int, axes)
	for i, v := range list {
		if v < 0 || v > maxExtent {
			return nil, fmt.Errorf("%s is %v; expected numbers from 0 to %d", name, list, maxExtent)
		}
		small[i] = int(v)
	}
	return small, nil
}

// window is a node's window over the axes behind channels, and how much
// padding it has behind the last element of each.
type window struct {
	ir.Window
	behind [3]int
}

// window reads the attributes of a convolution or a pool on a map with some
// axes, 2 or 3. kernel is what holds where the node does not say.
func (n *Node) window(axes int, kernel []int) (w window, err error) {
	if a, err := n.typed("auto_pad", AttrString); err != nil || a != nil && a.Text != "NOTSET" && a.Text != "VALID" {
		return w, errors.Join(err, errors.New("auto_pad is not supported: padding must be given in numbers"))
	}
	if n.attr("kernel_shape") != nil {
		if kernel, err = n.perAxis("kernel_shape", axes, 0); err != nil {
			return w, err
		}
	}
	if len(kernel) != axes {
		return w, errors.New("it has no kernel_shape")
	}
	stride, err := n.perAxis("strides", axes, 1)
	if err != nil {
		return w, err
	}
	pads, err := n.perAxis("pads", 2*axes, 0)
	if err != nil {
		return w, err
	}
	dilation, err := n.perAxis("dilations", axes, 1)
	if err != nil {
		return w, err
	}
	if slices.ContainsFunc(dilation, func(d int) bool { return d != 1 }) {
		return w, fmt.Errorf("dilations are %v; only 1 is supported", dilation)
	}
	w.Window = ir.UnitWindow
	for i, a := range []*ir.Axis{&w.T, &w.H, &w.W} {
		if i += axes - 3; i < 0 {
			continue // a picture's only frame
		}
		*a = ir.Axis{Kernel: kernel[i], Stride: stride[i], Pad: pads[i]}
		w.behind[i+3-axes] = pads[axes+i]
		if a.Kernel < 1 || a.Stride < 1 || a.Pad >= a.Kernel || pads[axes+i] >= a.Kernel {
			return w, fmt.Errorf("the window %v is illegal, or padded by as much as it is wide", w.Window)
		}
	}
	return w, nil
}

// inputOf returns the input of clips of shape s, preprocessed as the metadata
// say. Without any, frames are scaled to 0..1.
func inputOf(meta map[string]string, s ir.Shape) (in ir.Input, err error) {
	in = ir.Input{Shape: s, Scale: 1.0 / 255, Mean: make([]float64, s.C), Std: slices.Repeat([]float64{1}, s.C)}
	if s.C == 2 {
		in.Order = ir.Flow
	}
	for _, o := range []ir.ChannelOrder{ir.RGB, ir.BGR, ir.Flow} {
		if meta[metaChannels] == o.String() {
			in.Order = o
		}
	}
	if meta[metaRange] == "0..255" {
		in.Scale = 1
	}
	if text := meta[metaResize]; text != "" {
		if in.ResizeShort, err = strconv.Atoi(text); err != nil {
			return in, fmt.Errorf("%s is %q; expected a number of pixels", metaResize, text)
		}
	}
	for key, dst := range map[string][]float64{metaMean: in.Mean, metaStd: in.Std} {
		if meta[key] == "" {
			continue
		}
		words := strings.Fields(meta[key])
		if len(words) != s.C {
			return in, fmt.Errorf("%s has %d numbers for %d channels", key, len(words), s.C)
		}
		for i, w := range words {
			if dst[i], err = strconv.ParseFloat(w, 64); err != nil {
				return in, fmt.Errorf("%s is %q; expected numbers", key, meta[key])
			}
		}
	}
	return in, nil
}
