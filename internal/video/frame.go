package video

import (
	"fmt"
	"image"
	"image/draw"
)

// frame is one decoded picture at full size.
type frame struct {
	width, height int
	pix           []uint8 // height x width x 3, RGB
}

// checkSize says why a w x h frame is not accepted.
func checkSize(w, h, maxPixels int) error {
	if w < 1 || h < 1 {
		return fmt.Errorf("a frame of %dx%d pixels is empty", w, h)
	}
	if n, fits := product(w, h); !fits || n > int64(maxPixels) {
		return fmt.Errorf("a frame of %dx%d pixels is over the limit of %d pixels: scale the video down or raise --max-pixels", w, h, maxPixels)
	}
	return nil
}

// resize sets f's size, reusing its memory where it can.
func (f *frame) resize(w, h int) {
	f.width, f.height = w, h
	if n := w * h * 3; cap(f.pix) >= n {
		f.pix = f.pix[:n]
	} else {
		f.pix = make([]uint8, n)
	}
}

// setRGBA copies img into f. Its premultiplied colours without their alpha are
// the picture over black.
func (f *frame) setRGBA(img *image.RGBA) {
	f.resize(img.Rect.Dx(), img.Rect.Dy())
	out := f.pix
	for y := range f.height {
		row := img.Pix[y*img.Stride:][:f.width*4]
		for ; len(row) > 0; row, out = row[4:], out[3:] {
			out[0], out[1], out[2] = row[0], row[1], row[2]
		}
	}
}

// setImage copies any image into f, over black.
func (f *frame) setImage(img image.Image) {
	rgba, ok := img.(*image.RGBA)
	if !ok {
		b := img.Bounds()
		rgba = image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
		draw.Draw(rgba, rgba.Rect, img, b.Min, draw.Src)
	}
	f.setRGBA(rgba)
}
