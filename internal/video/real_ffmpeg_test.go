package video

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needFFmpeg skips the test where there is no ffmpeg.
func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skipf("needs ffmpeg: %v", err)
	}
}

// TestRealFFmpeg decodes testdata/tiny.mp4, whose test picture is known: its
// colour bars stand still.
func TestRealFFmpeg(t *testing.T) {
	needFFmpeg(t)
	o := Options{
		Frames: 16, Clips: 3, Preprocess: Preprocess{ResizeShort: KeepSize, Height: 48, Width: 64},
		Warn: func(w string) { t.Errorf("unexpected warning: %s", w) },
	}
	done := 0
	o.Progress = func(d, _ int) { done = d }
	clips, err := Decode(t.Context(), "testdata/tiny.mp4", o)
	if err != nil {
		t.Fatal(err)
	}
	if done != 24 {
		t.Errorf("got %d frames, want 24", done)
	}
	if len(clips) != 3 || clips[0].Start != 0 || clips[1].Start != 4 || clips[2].Start != 8 {
		t.Fatalf("got %d clips, want 3 from 0, 4 and 8", len(clips))
	}
	if string(clips[0].Frames[8*64*48*3:]) != string(clips[2].Frames[:8*64*48*3]) {
		t.Error("the frames that the first and the last clip share differ")
	}
	// Colour bars of full strength, far from their edges; the codec is lossy,
	// so they are told apart by which channels are above half.
	const y = 20
	for x, want := range map[int][3]bool{
		12: {false, true, true}, 20: {true, false, true}, 28: {false, false, true},
		36: {true, true, false}, 44: {false, true, false}, 52: {true, false, false},
	} {
		p := clips[0].Frames[(y*64+x)*3:][:3]
		got := [3]bool{p[0] > 127, p[1] > 127, p[2] > 127}
		if got != want {
			t.Errorf("pixel %d,%d is %v, want channels above half %v", x, y, p, want)
		}
	}
}

// TestRealFFmpegOddNames: no name is taken for an option, a pattern or a
// protocol.
func TestRealFFmpegOddNames(t *testing.T) {
	needFFmpeg(t)
	data, err := os.ReadFile("testdata/tiny.mp4")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, name := range []string{"-y.mp4", "a b.mp4", "пример 视频.mp4", "%03d", "http:", "concat:a|b", "labels.txt"} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Logf("%q is no name here: %v", name, err)
			continue
		}
		if _, err := Decode(t.Context(), name, small(1)); err != nil {
			t.Errorf("%v", err)
		}
	}
}

// TestRealFFmpegDamage cuts and breaks the file: frames or an error, no hang.
func TestRealFFmpegDamage(t *testing.T) {
	needFFmpeg(t)
	data, err := os.ReadFile("testdata/tiny.mp4")
	if err != nil {
		t.Fatal(err)
	}
	zeroed := append([]byte(nil), data...)
	for i := 1000; i < 1600; i++ {
		zeroed[i] = 0
	}
	for name, file := range map[string][]byte{"cut": data[:len(data)/2], "zeroed": zeroed, "noise": noise(100, 30).pix} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, t.TempDir(), name+".mp4", file)
			var warnings []string
			o := small(1)
			o.Warn = func(w string) { warnings = append(warnings, w) }
			clips, err := Decode(t.Context(), path, o)
			switch {
			case err == nil && name == "noise":
				t.Error("noise was decoded")
			case err == nil && len(clips) == 0:
				t.Error("neither clips nor an error")
			case err == nil && len(warnings) == 0:
				t.Error("damage without a warning")
			case err != nil && !strings.Contains(err.Error(), "ffmpeg cannot decode"):
				t.Errorf("got %v, want what ffmpeg says", err)
			}
		})
	}
}

// TestSoundIsNoVideo: ffmpeg's words about maps of streams are of no use.
func TestSoundIsNoVideo(t *testing.T) {
	needFFmpeg(t)
	wav := append([]byte("RIFF\x24\x04\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x04\x00\x00"), make([]byte, 1024)...)
	_, err := Decode(t.Context(), writeFile(t, t.TempDir(), "a.wav", wav), small(1))
	if err == nil || !strings.HasSuffix(err.Error(), "a.wav\": it has no video: expected one, found at most sound, subtitles or a cover picture") {
		t.Errorf("got %v, want that it has no video", err)
	}
}

// TestRealFFmpegPlaylists: a file that makes ffmpeg read others is refused, however
// it is disguised.
func TestRealFFmpegPlaylists(t *testing.T) {
	needFFmpeg(t)
	dir := t.TempDir()
	data, err := os.ReadFile("testdata/tiny.mp4")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "private.mp4", data)
	const (
		concat = "ffconcat version 1.0\nfile private.mp4\n"
		hls    = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nprivate.mp4\n#EXT-X-ENDLIST\n"
		dash   = `<MPD type="static" profiles="urn:mpeg:dash:profile:full:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>private.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`
	)
	// ffmpeg passes over a tag of sound files, here one of 600 bytes.
	tag := "ID3\x04\x00\x00\x00\x00\x04\x58" + strings.Repeat("\x00", 600)
	for name, text := range map[string]string{
		"text":                       concat,
		"zero":                       concat + "#\x00\n",
		"zero in HLS":                hls + "#\x00\n",
		"zero behind a manifest":     dash + "\x00",
		"mark, space and zero":       "\xef\xbb\xbf\r\n " + concat + "\x00",
		"tag":                        tag + concat,
		"tag before HLS":             tag + hls,
		"another control character":  concat + "# \x01\n",
		"beginning without newlines": "ffconcat version 1.0\x00",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(t.Context(), writeFile(t, dir, "list.mp4", []byte(text)), small(1))
			if err == nil || !strings.Contains(err.Error(), "it is text") && !strings.Contains(err.Error(), "it names other files") {
				t.Errorf("got %v, want it refused", err)
			}
		})
	}
}

// TestRealFFmpegContainers: what is forbidden is no ordinary file.
func TestRealFFmpegContainers(t *testing.T) {
	needFFmpeg(t)
	for name, codec := range map[string]string{
		"a.mp4": "mpeg4", "a.mov": "mjpeg", "a.3gp": "mpeg4", "a.mkv": "ffv1", "a.avi": "msmpeg4", "a.wmv": "wmv2", "a.flv": "flv", "a.swf": "flv",
		"a.ts": "mpeg2video", "a.mpg": "mpeg1video", "a.vob": "mpeg2video", "a.mxf": "mpeg2video", "a.nut": "ffv1", "a.y4m": "wrapped_avframe",
		"a.m2v": "mpeg2video", "a.mjpeg": "mjpeg", "a.apng": "apng", "a.ogg": "libtheora", "a.webm": "libvpx",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			args := []string{"-nostdin", "-loglevel", "error", "-i", "testdata/tiny.mp4", "-an", "-r", "25", "-strict", "unofficial", "-c:v", codec}
			if out, err := exec.Command("ffmpeg", append(args, path)...).CombinedOutput(); err != nil {
				t.Skipf("this ffmpeg cannot write it: %v\n%s", err, out)
			}
			if _, err := Decode(t.Context(), path, small(1)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSharedVideos decodes the example videos where they are present.
func TestSharedVideos(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	tests := []struct {
		name   string
		frames int
		damage bool
	}{
		{"arm-wrestling.mp4", 280, false},
		{"flipping-pancake.mkv", 310, false},
		{"test-320x240.avi", 164, false},
		{"corrupted.mp4", 49, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join("../../../shared/videos", tt.name)
			if _, err := os.Stat(path); err != nil {
				t.Skipf("no example video: %v", err)
			}
			begin := time.Now()
			var warnings []string
			done := 0
			clips, err := Decode(t.Context(), path, Options{
				Frames: 16, Clips: 3, Preprocess: Preprocess{Height: 160, Width: 160},
				Warn:     func(w string) { warnings = append(warnings, w) },
				Progress: func(d, _ int) { done = d },
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d frames in %v, warnings %q", done, time.Since(begin), warnings)
			if tt.damage != (len(warnings) > 0) {
				t.Errorf("got warnings %q", warnings)
			}
			// How much of a damaged file decodes depends on ffmpeg's version.
			if !tt.damage && done != tt.frames || done < 16 {
				t.Errorf("got %d frames, want %d", done, tt.frames)
			}
			if len(clips) != 3 || len(clips[2].Frames) != 16*160*160*3 || clips[2].Start != done-16 {
				t.Fatalf("got %d clips, the last from %d with %d values", len(clips), clips[2].Start, len(clips[2].Frames))
			}
		})
	}
}

// TestRealFFmpegLimits: a frame over the limit is refused in our own words, and
// ffmpeg's protection does not refuse what the limit allows.
func TestRealFFmpegLimits(t *testing.T) {
	needFFmpeg(t)
	for _, limit := range []int{1, 64*48 - 1} {
		o := small(1)
		o.MaxPixels = limit
		_, err := Decode(t.Context(), "testdata/tiny.mp4", o)
		if err == nil || !strings.Contains(err.Error(), "64x48 pixels is over the limit") {
			t.Errorf("limit of %d: got %v, want an error about it", limit, err)
		}
	}
	for _, limit := range []int{64 * 48, math.MaxInt32, math.MaxInt} {
		o := small(1)
		o.MaxPixels = limit
		if _, err := Decode(t.Context(), "testdata/tiny.mp4", o); err != nil {
			t.Errorf("limit of %d, and no frame over it: %v", limit, err)
		}
	}
}

// TestRealFFmpegOldSync: the arguments for ffmpeg before 5.1 give the same
// clips wherever they are still understood.
func TestRealFFmpegOldSync(t *testing.T) {
	needFFmpeg(t)
	o := quiet(small(2))
	var clips [2][]Clip
	for i, old := range []bool{false, true} {
		src, err := newFFmpeg("testdata/tiny.mp4", o)
		if err != nil {
			t.Fatal(err)
		}
		src.(*ffmpegFile).oldSync = old
		if clips[i], err = collect(t.Context(), src, o); err != nil {
			if old {
				t.Skipf("this ffmpeg knows -fps_mode only: %v", err)
			}
			t.Fatal(err)
		}
	}
	for i := range clips[0] {
		if string(clips[0][i].Frames) != string(clips[1][i].Frames) {
			t.Errorf("clip %d differs", i)
		}
	}
}
