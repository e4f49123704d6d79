package dsl

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// Extent is a size over frames, height and width.
type Extent struct {
	T, H, W int
	plane   bool // written as HxW, on each frame alone
}

// String formats the extent as it is written, TxHxW or HxW.
func (e Extent) String() string {
	if e.plane {
		return fmt.Sprintf("%dx%d", e.H, e.W)
	}
	return fmt.Sprintf("%dx%dx%d", e.T, e.H, e.W)
}

// or returns the size *e, however it is written, or the default where e is nil.
func (e *Extent) or(def Extent) Extent {
	if e == nil {
		return def
	}
	return Extent{T: e.T, H: e.H, W: e.W}
}

// window combines kernel, stride and padding by axis.
func window(kernel, stride, pad Extent) ir.Window {
	return ir.Window{
		T: ir.Axis{Kernel: kernel.T, Stride: stride.T, Pad: pad.T},
		H: ir.Axis{Kernel: kernel.H, Stride: stride.H, Pad: pad.H},
		W: ir.Axis{Kernel: kernel.W, Stride: stride.W, Pad: pad.W},
	}
}

// half returns the padding that keeps the size at stride 1.
func half(k Extent) Extent { return Extent{T: (k.T - 1) / 2, H: (k.H - 1) / 2, W: (k.W - 1) / 2} }
