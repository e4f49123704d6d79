package video

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ffmpegFile is a source that has ffmpeg decode a file.
type ffmpegFile struct {
	path    string
	program string
	o       Options
	formats string // that ffmpeg may take the file for, separated by commas
	oldSync bool   // ffmpeg is older than 5.1: -vsync instead of -fps_mode
}

// newFFmpeg looks for ffmpeg; the file itself is not opened yet.
func newFFmpeg(path string, o Options) (source, error) {
	name := o.FFmpeg
	if name == "" {
		name = "ffmpeg"
	}
	program, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("decoding this file needs ffmpeg: %w; install it (apt-get install ffmpeg, brew install ffmpeg, winget install ffmpeg); GIFs, pictures and folders of pictures need no ffmpeg", err)
	}
	return &ffmpegFile{path: path, program: program, o: o}, nil
}

// total implements source. What containers say of their length is not to be
// relied on.
func (v *ffmpegFile) total() int { return 0 }

// frames implements source.
func (v *ffmpegFile) frames(ctx context.Context) iter.Seq2[*frame, error] {
	return func(yield func(*frame, error) bool) {
		if err := v.listFormats(ctx); err != nil {
			yield(nil, err)
			return
		}
		n, err := v.run(ctx, yield)
		if failed := (*ffmpegError)(nil); errors.As(err, &failed) && n == 0 && !v.oldSync &&
			strings.Contains(failed.stderr, "fps_mode") {
			v.oldSync = true
			_, err = v.run(ctx, yield)
		}
		if err != nil && err != errStopped {
			yield(nil, err)
		}
	}
}

// ofOtherFiles lists ffmpeg's formats of files that name other files to open, or
// are programs that may.
var ofOtherFiles = []string{"avisynth", "concat", "dash", "hls", "imf", "sdp", "vapoursynth", "vobsub", "webm_dash_manifest"}

// listFormats asks ffmpeg for its formats and keeps those that stay within one
// file. Which format a file has is for ffmpeg to find out, in more ways than can be
// foreseen here; and it can be told only what is allowed, not what is forbidden.
func (v *ffmpegFile) listFormats(parent context.Context) error {
	if v.formats != "" {
		return nil
	}
	ctx, stop := context.WithTimeout(parent, v.o.StallTimeout)
	defer stop()
	cmd := exec.CommandContext(ctx, v.program, "-nostdin", "-hide_banner", "-loglevel", "error", "-demuxers")
	cmd.WaitDelay = reapTime
	list, err := cmd.Output()
	if parent.Err() != nil {
		return parent.Err()
	}
	if err != nil {
		return fmt.Errorf("cannot start ffmpeg to list its formats: %w", err)
	}
	var formats []string
	for line := range strings.Lines(string(list)) {
		// Such as " D  matroska,webm   Matroska / WebM".
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "D" {
			continue
		}
		names := strings.Split(words[1], ",")
		if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(ofOtherFiles, name) }) {
			formats = append(formats, names...)
		}
	}
	if len(formats) == 0 {
		return fmt.Errorf("%s -demuxers lists no formats: expected those of ffmpeg", v.program)
	}
	v.formats = strings.Join(formats, ",")
	return nil
}

// arguments is ffmpeg's command line.
func (v *ffmpegFile) arguments() []string {
	sync := []string{"-fps_mode", "passthrough"}
	if v.oldSync {
		sync = []string{"-vsync", "0"}
	}
	args := []string{
		"-nostdin", "-hide_banner", "-loglevel", "error",
		// A file may be a playlist in disguise: it must reach neither other files
		// nor the network.
		"-format_whitelist", v.formats, "-protocol_whitelist", "file",
		// readPPM keeps the limit exactly. This one is ffmpeg's own protection
		// from monstrous files, generous since ffmpeg counts padding too.
		"-max_pixels", strconv.FormatInt(min(int64(v.o.MaxPixels), 1<<31-1-1<<25)+1<<25, 10),
		// The prefix keeps -x.mp4 from being an option and a:b.mp4 a protocol.
		"-i", "file:" + filepath.ToSlash(v.path),
		"-map", "0:V:0", // the first video stream that is no cover picture
	}
	args = append(args, sync...) // neither drop nor repeat frames
	return append(args, "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1")
}

// Reasons for which run ends ffmpeg.
var (
	errStopped = errors.New("no more frames wanted")
	errStalled = errors.New("ffmpeg gave no output")
)

// ffmpegError is a run of ffmpeg that failed.
type ffmpegError struct {
	what   string
	stderr string
	err    error
}

// Error implements error.
func (e *ffmpegError) Error() string {
	s := e.what
	if e.err != nil {
		s += " (" + e.err.Error() + ")"
	}
	if e.stderr != "" {
		s += ": " + e.stderr
	}
	return s
}

// Unwrap implements errors.Unwrap.
func (e *ffmpegError) Unwrap() error { return e.err }

// reapTime is how long the pipes of a killed or finished ffmpeg may stay open
// before they are closed on this side.
const reapTime = 2 * time.Second

// run starts ffmpeg and yields its frames; n counts them. When it returns,
// ffmpeg has ended and has been waited for.
func (v *ffmpegFile) run(parent context.Context, yield func(*frame, error) bool) (n int, err error) {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	cmd := exec.CommandContext(ctx, v.program, v.arguments()...)
	stderr := &excerpt{}
	cmd.Stderr = stderr
	cmd.WaitDelay = reapTime
	tree := newProcessTree(cmd)
	defer tree.close()
	cmd.Cancel = tree.kill
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("cannot start ffmpeg: %w", err)
	}
	tree.started()

	stall := time.AfterFunc(v.o.StallTimeout, func() { stop(errStalled) })
	defer stall.Stop()
	watched := &watchedReader{r: stdout, timer: stall, limit: v.o.StallTimeout}
	r := bufio.NewReaderSize(watched, 1<<16)
	var f frame
	var streamErr error
	for {
		if streamErr = readPPM(r, &f, v.o.MaxPixels); streamErr != nil {
			break
		}
		n++
		if !yield(&f, nil) {
			stop(errStopped)
			break
		}
	}
	if streamErr == io.EOF || streamErr == errTruncated {
		stall.Reset(v.o.StallTimeout) // it may close its output and not end
	} else {
		stop(errStopped) // useless from here on
	}
	waitErr := cmd.Wait()
	return n, v.verdict(parent, context.Cause(ctx), n, streamErr, waitErr, stderr.String())
}

// verdict turns what is known after a run into its error: the end that the
// consumer wanted, the context's, a stall, a fault in the stream, a fault that
// ffmpeg reported, or none.
func (v *ffmpegFile) verdict(parent context.Context, cause error, n int, streamErr, waitErr error, stderr string) error {
	switch {
	case streamErr == nil:
		return errStopped // before all else: yield must not be called again
	case parent.Err() != nil:
		return parent.Err()
	case cause == errStalled:
		return &ffmpegError{fmt.Sprintf("ffmpeg gave no output for %v and was ended; --stall-timeout gives it more time", v.o.StallTimeout), stderr, nil}
	case streamErr != io.EOF && streamErr != errTruncated:
		return &ffmpegError{streamErr.Error(), stderr, nil}
	case n == 0 && strings.Contains(stderr, "Format not on whitelist"):
		return errors.New("it names other files to play: expected a video by itself")
	case n == 0 && strings.Contains(stderr, "matches no streams"):
		return errors.New("it has no video: expected one, found at most sound, subtitles or a cover picture")
	case n == 0 && (waitErr != nil || stderr != "" || streamErr == errTruncated):
		return &ffmpegError{"ffmpeg cannot decode this file", stderr, waitErr}
	case waitErr != nil:
		return &ffmpegError{"ffmpeg stopped early", stderr, waitErr}
	case streamErr == errTruncated:
		return &ffmpegError{streamErr.Error(), stderr, nil}
	case stderr != "":
		return &ffmpegError{"ffmpeg found damage in the file", stderr, nil}
	}
	return nil
}

// watchedReader gives each Read a time limit, after which the timer fires.
// Between reads the timer rests: the time a consumer takes is not ffmpeg's.
type watchedReader struct {
	r     io.Reader
	timer *time.Timer
	limit time.Duration
}

// Read implements io.Reader.
func (w *watchedReader) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	n, err := w.r.Read(p)
	w.timer.Stop()
	return n, err
}
