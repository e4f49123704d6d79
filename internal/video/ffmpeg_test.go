package video

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// useFake makes the test binary the ffmpeg of o and returns a file that it
// will treat as mode says.
func useFake(t *testing.T, mode string, o *Options) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.FFmpeg = self
	return writeFile(t, t.TempDir(), "clip.mp4", []byte(fakeMagic+mode))
}

// TestFFmpegGivesFrames covers the runs that end with clips.
func TestFFmpegGivesFrames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mode    string
		n       int // frames that should be used
		timeout time.Duration
		warning string // part of the only warning; "" for none
		once    bool   // not worth the time to read it twice
	}{
		{mode: "good", n: 20},
		{mode: "old", n: 10},
		{mode: "sizes", n: 10},
		{mode: "slow", n: 6, timeout: 2 * time.Second, once: true},
		{mode: "dies", n: 10, warning: "ffmpeg stopped early (exit status 3): Conversion failed!"},
		{mode: "truncates", n: 10, warning: "ends in the middle"},
		{mode: "damaged", n: 10, warning: "[h264] error while decoding MB 3 4"},
		{mode: "stalls", n: 10, timeout: 2 * time.Second, warning: "no output for 2s"},
		{mode: "lingers", n: 10, timeout: 2 * time.Second, warning: "no output for 2s", once: true},
		{mode: "late garbage", n: 10, warning: `"P7" where a PPM picture`},
		{mode: "noisy", n: 10, warning: "noise noise"},
	}
	for _, memory := range []struct {
		name  string
		bytes int64
	}{{"kept", 0}, {"read twice", 2 * 4 * 6 * 4 * 3}} {
		for _, tt := range tests {
			if tt.once && memory.bytes > 0 {
				continue
			}
			t.Run(tt.mode+"/"+memory.name, func(t *testing.T) {
				t.Parallel()
				o := small(2)
				path := useFake(t, tt.mode, &o)
				o.MaxMemory = memory.bytes
				o.StallTimeout = tt.timeout
				var warnings []string
				o.Warn = func(w string) { warnings = append(warnings, w) }
				clips, err := Decode(t.Context(), path, o)
				if err != nil {
					t.Fatal(err)
				}
				if len(clips) != 2 {
					t.Fatalf("got %d clips, want 2", len(clips))
				}
				for i, start := range []int{0, tt.n - 4} {
					want := []uint8{uint8(start), uint8(start + 1), uint8(start + 2), uint8(start + 3)}
					if got := values(clips[i]); clips[i].Start != start || !slices.Equal(got, want) {
						t.Errorf("clip %d: start %d, frames %v; want start %d, frames %v", i, clips[i].Start, got, start, want)
					}
				}
				switch {
				case tt.warning == "" && len(warnings) > 0:
					t.Errorf("got warnings %q, want none", warnings)
				case tt.warning != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], tt.warning)):
					t.Errorf("got warnings %q, want one with %q", warnings, tt.warning)
				}
			})
		}
	}
}

// TestFFmpegFails covers the runs that end with an error.
func TestFFmpegFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		mode    string
		timeout time.Duration
		want    []string
	}{
		{mode: "none", want: []string{"clip.mp4", "no frame"}},
		{mode: "refuses", want: []string{"cannot decode", "exit status 1", "moov atom not found; [31mfile: Invalid data found when processing input"}},
		{mode: "hangs", timeout: 2 * time.Second, want: []string{"no output for 2s"}},
		{mode: "garbage", want: []string{"unexpected data from ffmpeg", `"th"`}},
		{mode: "bad header", want: []string{"unexpected data", "'-'"}},
		{mode: "deep", want: []string{"65535", "expected 255"}},
		{mode: "huge", want: []string{"100000x100000", "limit of 35389440 pixels"}},
		{mode: "overflowing", want: []string{"unexpected data"}},
		{mode: "empty frame", want: []string{"0x4", "empty"}},
		{mode: "shrinks", want: []string{"frame 10", "smaller than the crop"}},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			o := small(2)
			path := useFake(t, tt.mode, &o)
			o.StallTimeout = tt.timeout
			clips, err := Decode(t.Context(), path, o)
			if err == nil {
				t.Fatalf("got %d clips, want an error", len(clips))
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %q, want %q in it", err, want)
				}
			}
			if strings.ContainsAny(err.Error(), "\x1b\x07\n") {
				t.Errorf("control characters in the error %q", err)
			}
		})
	}
}

func TestCancelEndsFFmpeg(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"hangs", "stalls", "lingers", "endless", "slow"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := small(2)
			path := useFake(t, mode, &o)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := Decode(ctx, path, o)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the context's error", err)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestCancelledBeforehand(t *testing.T) {
	o := small(1)
	path := useFake(t, "good", &o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []string{path, writeGIF(t, countingGIF(3)), pictureFolder(t, 3)} {
		if _, err := Decode(ctx, p, o); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the context's error", filepath.Base(p), err)
		}
	}
}

func TestFFmpegMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Decode(t.Context(), writeFile(t, t.TempDir(), "clip.mp4", []byte(fakeMagic)), small(1))
	if !errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("got %v, want exec.ErrNotFound", err)
	}
	if strings.Contains(err.Error(), "path;") {
		t.Errorf("%v: no flag takes a path", err)
	}
	for _, want := range []string{"needs ffmpeg", "install", "pictures need no ffmpeg"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
}

func TestFFmpegIsNoProgram(t *testing.T) {
	o := small(1)
	o.FFmpeg = filepath.Join(t.TempDir(), "ffmpeg.exe")
	if err := os.WriteFile(o.FFmpeg, []byte("\x01\x02 no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Decode(t.Context(), writeFile(t, t.TempDir(), "clip.mp4", []byte(fakeMagic)), o)
	if err == nil || !strings.Contains(err.Error(), "cannot start ffmpeg") {
		t.Errorf("got %v, want an error about starting ffmpeg", err)
	}
}

// TestFFmpegArguments: a path can be neither an option nor a protocol.
func TestFFmpegArguments(t *testing.T) {
	for _, name := range []string{"-y.mp4", "a b.mp4", "http:x", "пример 视频.mp4", "%03d.mp4"} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(name, ":") {
				t.Skip("colons are no part of names on this system")
			}
			o := small(1)
			path := useFake(t, "arguments", &o)
			t.Chdir(filepath.Dir(path))
			if err := os.Rename(filepath.Base(path), name); err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(t.Context(), name, o); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(name + recordSuffix)
			if err != nil {
				t.Fatal(err)
			}
			args := strings.Split(string(text), "\n")
			at := slices.Index(args, "-i")
			if at < 0 || at+1 >= len(args) || args[at+1] != "file:"+name {
				t.Errorf("got arguments %q, want -i file:%s", args, name)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	o := small(2)
	path := useFake(t, "good", &o)
	var calls [][2]int
	o.Progress = func(done, total int) { calls = append(calls, [2]int{done, total}) }
	if _, err := Decode(t.Context(), path, o); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 20 || calls[0] != [2]int{1, 0} || calls[19] != [2]int{20, 0} {
		t.Errorf("got %v, want 20 calls from 1 of 0 to 20 of 0", calls)
	}
	calls = nil
	o.MaxMemory = 2 * 4 * 6 * 4 * 3 // the clips and not a frame more
	if _, err := Decode(t.Context(), path, o); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 40 || calls[20] != [2]int{1, 20} || calls[39] != [2]int{20, 20} {
		t.Errorf("got %v, want 20 calls more, from 1 of 20 to 20 of 20", calls)
	}
}

func TestExcerpt(t *testing.T) {
	var e excerpt
	e.Write([]byte("first\nsecond\n"))
	e.Write([]byte("second\n"))
	if got, want := e.String(), "first; second"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range 1000 {
		fmt.Fprintf(&e, "line %d\n", i)
	}
	e.Write([]byte(strings.Repeat("y", 10000)))
	e.Write([]byte("\n\nlast \x00line\xff\r\n"))
	if len(e.head) > excerptBytes || len(e.tail) > excerptBytes {
		t.Errorf("kept %d and %d bytes, want at most %d each", len(e.head), len(e.tail), excerptBytes)
	}
	got := e.String()
	if !strings.HasPrefix(got, "first; second; ...; ") || !strings.HasSuffix(got, "yyy; last line?") {
		t.Errorf("got %q", got)
	}
}
