package video

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"io"
	"iter"
	"os"
)

// gifFile is a source that plays an animated GIF once.
type gifFile struct {
	path string
	o    Options
}

// maxGIFPixels bounds what the frames of a GIF have in all. Each costs its whole
// canvas, and 20 bytes of the file are enough for one.
const maxGIFPixels = 256 * DefaultMaxPixels

// isGIF recognises both versions of the format.
func isGIF(head []byte) bool {
	return bytes.HasPrefix(head, []byte("GIF87a")) || bytes.HasPrefix(head, []byte("GIF89a"))
}

// total implements source: a GIF does not say how many frames it has.
func (g *gifFile) total() int { return 0 }

// frames implements source.
func (g *gifFile) frames(ctx context.Context) iter.Seq2[*frame, error] {
	return func(yield func(*frame, error) bool) {
		file, err := os.Open(g.path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer file.Close()
		decodeGIF(ctx, bufio.NewReader(file), g.o.MaxPixels, maxGIFPixels)(yield)
	}
}

// decodeGIF plays the GIF in r: every frame is the whole canvas, drawn as the
// frames before it and their disposal demand. All together they may have so many
// pixels.
//
// gif.DecodeAll would hold all frames at once and give none of a file that is
// cut short. So the file is split into its frames here, and each is decoded as a
// GIF of its own.
func decodeGIF(ctx context.Context, r *bufio.Reader, maxPixels int, inAll int64) iter.Seq2[*frame, error] {
	return func(yield func(*frame, error) bool) {
		s, err := newGIFSplitter(r)
		if err == nil {
			err = checkSize(s.width, s.height, maxPixels)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		canvas := image.NewRGBA(image.Rect(0, 0, s.width, s.height))
		var saved []uint8 // the canvas before a frame that is to vanish again
		var f frame
		for left := inAll; ctx.Err() == nil; {
			one, err := s.next()
			if err == io.EOF {
				return
			}
			var g *gif.GIF
			if err == nil {
				g, err = gif.DecodeAll(bytes.NewReader(one))
			}
			if err != nil {
				yield(nil, fmt.Errorf("the GIF is damaged: %w", err))
				return
			}
			if left -= int64(s.width) * int64(s.height); left < 0 {
				yield(nil, fmt.Errorf("its frames of %dx%d pixels have more than %d in all, which is the limit for a GIF: convert it to a video", s.width, s.height, inAll))
				return
			}
			img, disposal := g.Image[0], g.Disposal[0]
			if disposal == gif.DisposalPrevious {
				saved = append(saved[:0], canvas.Pix...)
			}
			draw.Draw(canvas, img.Rect, img, img.Rect.Min, draw.Over)
			f.setRGBA(canvas)
			if !yield(&f, nil) {
				return
			}
			switch disposal {
			case gif.DisposalPrevious:
				copy(canvas.Pix, saved)
			case gif.DisposalBackground: // transparent, as browsers do
				draw.Draw(canvas, img.Rect, image.Transparent, image.Point{}, draw.Src)
			}
		}
	}
}

// The parts of a GIF, see https://www.w3.org/Graphics/GIF/spec-gif89a.txt.
const (
	gifHeaderSize    = 13 // signature and logical screen descriptor
	gifExtension     = 0x21
	gifControl       = 0xf9 // extension that belongs to the next image
	gifImage         = 0x2c
	gifTrailer       = 0x3b
	gifHasColours    = 0x80 // flag: a colour table follows
	gifImageDescSize = 9
)

// gifSplitter cuts a GIF into GIFs of one frame each.
type gifSplitter struct {
	r             *bufio.Reader
	width, height int    // of the canvas, in pixels
	header        []byte // up to and including the global colour table
	frame         []byte // the header and, so far, the frame being read
}

// newGIFSplitter reads the header and the global colour table.
func newGIFSplitter(r *bufio.Reader) (*gifSplitter, error) {
	s := &gifSplitter{r: r}
	if err := s.copy(gifHeaderSize); err != nil {
		return nil, err
	}
	copy(s.frame, "GIF89a")
	s.width = int(binary.LittleEndian.Uint16(s.frame[6:]))
	s.height = int(binary.LittleEndian.Uint16(s.frame[8:]))
	if err := s.copyColours(s.frame[10]); err != nil {
		return nil, err
	}
	s.header = bytes.Clone(s.frame)
	return s, nil
}

// next returns the next frame as a GIF, valid until the following call, and
// io.EOF after the last.
func (s *gifSplitter) next() ([]byte, error) {
	s.frame = append(s.frame[:0], s.header...)
	for {
		start := len(s.frame)
		if err := s.copy(1); err != nil {
			return nil, err
		}
		switch kind := s.frame[start]; kind {
		case gifTrailer:
			return nil, io.EOF
		case gifExtension:
			if err := s.copy(1); err != nil {
				return nil, err
			}
			label := s.frame[start+1]
			if err := s.copyBlocks(); err != nil {
				return nil, err
			}
			if label != gifControl {
				s.frame = s.frame[:start] // comments and the like
			}
		case gifImage:
			if err := s.copy(gifImageDescSize); err != nil {
				return nil, err
			}
			if err := s.copyColours(s.frame[start+gifImageDescSize]); err != nil {
				return nil, err
			}
			if err := s.copy(1); err != nil { // the code size
				return nil, err
			}
			if err := s.copyBlocks(); err != nil {
				return nil, err
			}
			return append(s.frame, gifTrailer), nil
		default:
			return nil, fmt.Errorf("unknown block %#02x: expected an image, an extension or the end", kind)
		}
	}
}

// copyColours copies the colour table that flags announce.
func (s *gifSplitter) copyColours(flags byte) error {
	if flags&gifHasColours == 0 {
		return nil
	}
	return s.copy(3 << (flags&7 + 1))
}

// copyBlocks copies data blocks, each after a byte with its size, up to and
// including the empty one.
func (s *gifSplitter) copyBlocks() error {
	// A 12-bit code a pixel, with a clear code before each, takes three bytes;
	// what is longer is no picture.
	limit := 4*int64(s.width)*int64(s.height) + 1<<16
	for {
		if int64(len(s.frame)) > limit {
			return fmt.Errorf("a frame's data is longer than %d bytes", limit)
		}
		at := len(s.frame)
		if err := s.copy(1); err != nil {
			return err
		}
		size := int(s.frame[at])
		if size == 0 {
			return nil
		}
		if err := s.copy(size); err != nil {
			return err
		}
	}
}

// copy appends the next n bytes of the file to the frame.
func (s *gifSplitter) copy(n int) error {
	at := len(s.frame)
	s.frame = append(s.frame, make([]byte, n)...)
	if _, err := io.ReadFull(s.r, s.frame[at:]); err != nil {
		return fmt.Errorf("the file ends too early: %w", io.ErrUnexpectedEOF)
	}
	return nil
}
