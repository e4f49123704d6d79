// Package video turns a video file, an animated GIF, a picture or a folder of
// pictures into clips of raw uint8 RGB frames, resized and cropped as a
// network wants them.
//
// What an input is gets decided from its content, never from its name. GIF,
// JPEG, PNG, WebP, BMP and TIFF are decoded in Go. Everything else goes to
// ffmpeg, which runs as a subprocess and hands over whole frames through a
// pipe; resizing and cropping are done here, so that a frame comes out the
// same whichever way it came in.
//
// Every frame that decodes counts as one frame: time stamps, GIF delays and
// pixel aspect ratios are not looked at, no frame is dropped or repeated to
// keep a frame rate. Rotation stored in a video is applied (by ffmpeg),
// orientation stored in a picture's EXIF data is not. Transparent pixels are
// laid over black.
package video

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxPixels    = 8192 * 4320      // 8K frames pass, larger ones do not
	DefaultMaxMemory    = 512 << 20        // bytes
	DefaultStallTimeout = 30 * time.Second // without a byte from ffmpeg
)

// Options says which clips to take and within which limits. Frames, Clips,
// Preprocess.Height and Preprocess.Width are required; the rest may be zero.
type Options struct {
	// Frames is the number of consecutive frames in a clip.
	Frames int
	// Clips is the number of clips, spread evenly over the video from its
	// first frame to its last; a single clip is taken from the middle.
	// A video too short to have so many different clips gives fewer.
	Clips int
	// Preprocess says how a frame becomes the network's input.
	Preprocess Preprocess

	// FFmpeg is the ffmpeg executable; "" looks it up in PATH.
	FFmpeg string
	// StallTimeout is how long ffmpeg may stay silent before it is killed;
	// 0 means DefaultStallTimeout.
	StallTimeout time.Duration
	// MaxPixels is the largest frame (width x height) that is accepted, before
	// resizing; 0 means DefaultMaxPixels.
	MaxPixels int
	// MaxMemory bounds, in bytes, the cropped frames kept at any time, the
	// returned clips included; 0 means DefaultMaxMemory. A video whose cropped
	// frames do not all fit is decoded twice: once to count its frames, once to
	// take the clips. Full-size frames are never kept; one or two are in memory
	// at a time, beyond this bound.
	MaxMemory int64

	// Progress, if not nil, is called after each decoded frame with the number
	// of frames decoded and the number expected, 0 while that is unknown. It
	// starts over when a video is decoded a second time.
	Progress func(done, total int)
	// Warn, if not nil, is called with a sentence for everything odd that did
	// not stop Decode, such as damaged frames or a video shorter than a clip.
	Warn func(message string)
}

// Clip is a run of consecutive frames.
type Clip struct {
	// Start is the index of the clip's first frame in the video.
	Start int
	// Frames holds Frames x Height x Width x 3 values, RGB.
	Frames []uint8
}

// Decode returns clips of the video, GIF, picture or folder of pictures at
// path, in order of their starts.
//
// A video with fewer than o.Frames frames gives one clip that is looped from
// its beginning until full, as the I3D and MMAction2 pipelines do (Carreira and
// Zisserman, CVPR 2017, section 3), and a warning. If decoding fails after some
// frames, those frames are used, with a warning; it is an error only when there
// is no frame at all. When ctx ends, Decode kills ffmpeg and returns ctx's error.
func Decode(ctx context.Context, path string, o Options) ([]Clip, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("decode %q: %w", path, err)
	}
	if warn := o.Warn; warn != nil {
		o.Warn = func(message string) { warn(fmt.Sprintf("%q: %s", path, message)) }
	} else {
		o.Warn = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	src, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("decode %q: %w", path, err)
	}
	clips, err := collect(ctx, src, o)
	if err != nil {
		return nil, fmt.Errorf("decode %q: %w", path, err)
	}
	return clips, nil
}

// withDefaults fills in what was left zero.
func (o Options) withDefaults() Options {
	if o.StallTimeout == 0 {
		o.StallTimeout = DefaultStallTimeout
	}
	if o.MaxPixels == 0 {
		o.MaxPixels = DefaultMaxPixels
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = DefaultMaxMemory
	}
	return o
}

// check reports everything wrong with o, all of it at once.
func (o Options) check() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.Frames < 1, "%d frames a clip: expected at least 1", o.Frames)
	wrong(o.Clips < 1, "%d clips: expected at least 1", o.Clips)
	wrong(o.StallTimeout < 0, "timeout of %v: expected a positive time", o.StallTimeout)
	wrong(o.MaxPixels < 0, "frame limit of %d pixels: expected a positive number", o.MaxPixels)
	wrong(o.MaxMemory < 0, "memory limit of %d bytes: expected a positive number", o.MaxMemory)
	if err := o.Preprocess.check(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		size, fits := product(o.Clips, o.Frames, o.Preprocess.Height, o.Preprocess.Width, 3)
		wrong(!fits || size > o.MaxMemory,
			"%d clips of %d frames of %dx%d pixels do not fit into the memory limit of %d MiB: ask for fewer clips or raise --max-memory",
			o.Clips, o.Frames, o.Preprocess.Width, o.Preprocess.Height, o.MaxMemory>>20)
	}
	return errors.Join(errs...)
}

// clipBytes is the size of all clips together; check has seen that it fits.
func (o Options) clipBytes() int64 {
	size, _ := product(o.Clips, o.Frames, o.Preprocess.Height, o.Preprocess.Width, 3)
	return size
}

// product multiplies positive factors; fits is false when the product
// overflows.
func product(factors ...int) (p int64, fits bool) {
	u := uint64(1)
	for _, f := range factors {
		hi, lo := bits.Mul64(u, uint64(f))
		if hi != 0 || lo > 1<<62 {
			return 0, false
		}
		u = lo
	}
	return int64(u), true
}
