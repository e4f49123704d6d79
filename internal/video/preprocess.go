package video

import (
	"fmt"
	"math"
)

// KeepSize as a Preprocess.ResizeShort leaves frames at the size they have.
const KeepSize = -1

// maxSide bounds the sides that Preprocess may ask for, in pixels.
const maxSide = 1 << 15

// Preprocess says how a frame becomes the network's input: resize it, keeping
// its proportions, until the shorter side has ResizeShort pixels, then take the
// Height x Width pixels in the centre.
//
// Resizing equals Pillow's bilinear filter bit for bit; sizes and the crop's
// place are rounded as torchvision's Resize and CenterCrop round them.
type Preprocess struct {
	// ResizeShort is in pixels. 0 means the rule of the public P3D port,
	// max(Height, Width)*256/160 rounded down: 256 for a crop of 160x160.
	// KeepSize leaves frames as they are.
	ResizeShort int
	// Height and Width of the crop, in pixels.
	Height, Width int
}

// check reports sizes that no frame could satisfy.
func (p Preprocess) check() error {
	switch {
	case p.Height < 1 || p.Width < 1 || p.Height > maxSide || p.Width > maxSide:
		return fmt.Errorf("crop of %dx%d pixels (width x height): expected 1 to %d each", p.Width, p.Height, maxSide)
	case p.ResizeShort < KeepSize || p.ResizeShort > 2*maxSide:
		return fmt.Errorf("shorter side resized to %d pixels: expected 1 to %d, 0 for the default, or %d to keep the size",
			p.ResizeShort, 2*maxSide, KeepSize)
	case p.ResizeShort > 0 && p.ResizeShort < min(p.Height, p.Width):
		return fmt.Errorf("shorter side resized to %d pixels: too small for a crop of %dx%d", p.ResizeShort, p.Width, p.Height)
	}
	return nil
}

// short returns the length that the shorter side of a w x h frame gets.
func (p Preprocess) short(w, h int) int {
	switch p.ResizeShort {
	case KeepSize:
		return min(w, h)
	case 0:
		return max(p.Height, p.Width) * 256 / 160
	}
	return p.ResizeShort
}

// layout is where the crop lies in a resized frame.
type layout struct {
	width, height int // of the whole resized frame
	left, top     int // of the crop in it
}

// layout computes the resized frame and its crop for w x h frames, or says why
// the crop does not fit.
func (p Preprocess) layout(w, h int) (layout, error) {
	short := p.short(w, h)
	l := layout{width: short, height: short}
	if w < h {
		l.height = int(int64(short) * int64(h) / int64(w))
	} else {
		l.width = int(int64(short) * int64(w) / int64(h))
	}
	if l.width < p.Width || l.height < p.Height {
		return layout{}, fmt.Errorf("a frame of %dx%d pixels, resized to %dx%d, is smaller than the crop of %dx%d: resize the shorter side to more than %d",
			w, h, l.width, l.height, p.Width, p.Height, short)
	}
	// Python's round, which torchvision uses, goes to the even neighbour.
	l.left = int(math.RoundToEven(float64(l.width-p.Width) / 2))
	l.top = int(math.RoundToEven(float64(l.height-p.Height) / 2))
	return l, nil
}
