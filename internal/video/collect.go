package video

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// source is an opened input.
type source interface {
	// frames decodes the input from its beginning. A frame is valid until the
	// next one is asked for. An error, if there is one, comes last, with a nil
	// frame. Leaving the loop early releases everything.
	frames(ctx context.Context) iter.Seq2[*frame, error]
	// total is the number of frames to expect, 0 if that is not known.
	total() int
}

// starts returns the first frames of at most clips clips of length frames in
// a video of n frames, in increasing order and without repetition.
func starts(n, frames, clips int) []int {
	room := n - frames // the last possible start
	if room <= 0 {
		return []int{0}
	}
	if clips == 1 {
		return []int{room / 2}
	}
	clips = min(clips, room+1)
	s := make([]int, clips)
	for i := range s {
		// Rounded to nearest, from 0 to room; both factors are bounded by
		// the frame count and the clip count, so 64 bits are plenty.
		s[i] = int((2*int64(i)*int64(room) + int64(clips-1)) / (2 * int64(clips-1)))
	}
	return s
}

// collect decodes src and cuts its clips: in one go when all cropped frames
// fit into memory beside the clips, else by a second decode.
func collect(ctx context.Context, src source, o Options) ([]Clip, error) {
	size := o.Preprocess.Height * o.Preprocess.Width * 3
	room := (o.MaxMemory - o.clipBytes()) / int64(size) // frames that may be kept
	crop := cropper{p: o.Preprocess}
	var kept [][]uint8
	n := 0
	err := each(ctx, src, src.total(), o, func(i int, f *frame) error {
		n = i + 1
		if int64(n) > room {
			kept = nil // from here on, only count
			return nil
		}
		dst := make([]uint8, size)
		kept = append(kept, dst)
		return crop.crop(dst, f)
	})
	if err == nil && n == 0 {
		err = errors.New("no frame in it")
	}
	if err != nil {
		return nil, err
	}
	if n < o.Frames {
		o.Warn(fmt.Sprintf("only %d of the %d frames that a clip needs: the clip repeats them", n, o.Frames))
	}
	clips := newClips(n, o)
	if int64(n) <= room {
		for i, f := range kept {
			put(clips, i, n, f)
		}
		return clips, nil
	}
	return clips, fill(ctx, src, n, clips, o)
}

// each calls f for every frame of src. An error of src after its first frame
// is a warning.
func each(ctx context.Context, src source, total int, o Options, f func(i int, f *frame) error) error {
	i := 0
	for fr, err := range src.frames(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && i > 0 {
			o.Warn(fmt.Sprintf("%v; using the %d frames that decoded", err, i))
			return nil
		}
		if err != nil {
			return err
		}
		o.Progress(i+1, total)
		if err := f(i, fr); err == errEnough {
			return nil
		} else if err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
		i++
	}
	return ctx.Err()
}

// errEnough ends each early, without an error.
var errEnough = errors.New("enough frames")

// newClips allocates the clips of a video of n frames.
func newClips(n int, o Options) []Clip {
	size := o.Preprocess.Height * o.Preprocess.Width * 3
	var clips []Clip
	for _, s := range starts(n, o.Frames, o.Clips) {
		clips = append(clips, Clip{Start: s, Frames: make([]uint8, o.Frames*size)})
	}
	return clips
}

// put copies cropped frame i of n into every clip that has it: more than once
// where a short video is looped.
func put(clips []Clip, i, n int, cropped []uint8) {
	for _, c := range clips {
		frames := len(c.Frames) / len(cropped)
		for t := i - c.Start; t >= 0 && t < frames; t += n {
			copy(c.Frames[t*len(cropped):], cropped)
		}
	}
}

// fill decodes src, which had n frames, once more and fills the clips.
func fill(ctx context.Context, src source, n int, clips []Clip, o Options) error {
	size := o.Preprocess.Height * o.Preprocess.Width * 3
	crop := cropper{p: o.Preprocess}
	cropped := make([]uint8, size)
	o.Warn = func(string) {} // has been called while counting
	last := min(clips[len(clips)-1].Start+o.Frames, n)
	next := 0 // the frame wanted next
	err := each(ctx, src, last, o, func(i int, f *frame) error {
		if wanted(clips, i, o.Frames) {
			if err := crop.crop(cropped, f); err != nil {
				return err
			}
			put(clips, i, n, cropped)
		}
		if next = i + 1; next == last {
			return errEnough
		}
		return nil
	})
	if err == nil && next < last {
		err = fmt.Errorf("it had %d frames when counted and %d when read again: was it changed meanwhile?", n, next)
	}
	return err
}

// wanted says whether frame i belongs to a clip.
func wanted(clips []Clip, i, frames int) bool {
	for _, c := range clips {
		if i >= c.Start && i < c.Start+frames {
			return true
		}
	}
	return false
}
