package video

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for ffmpeg, see fakeFFmpeg, and looks
// for what the tests left behind.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == fakeFlag {
		os.Exit(fakeFFmpeg(os.Args[1:]))
	}
	// Under the race detector a process sleeps before it ends, which would
	// count as a silent ffmpeg.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	code := m.Run()
	if code == 0 {
		if left := leftovers(); left != "" {
			fmt.Println(left)
			code = 1
		}
	}
	os.Exit(code)
}

// leftovers describes goroutines of this package or of os/exec, and child
// processes, that are still there some time after the tests.
func leftovers() string {
	left := ""
	for range 100 {
		left = leftProcesses()
		stacks := make([]byte, 1<<20)
		for s := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(s, "os/exec.") || strings.Contains(s, "internal/video.") && !strings.Contains(s, "TestMain") {
				left += "goroutine left behind:\n" + s + "\n"
			}
		}
		if left == "" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return left
}

// small are options for tests: clips of 4 frames of 6x4 pixels.
func small(clips int) Options {
	return Options{
		Frames: 4, Clips: clips,
		Preprocess: Preprocess{ResizeShort: KeepSize, Height: 4, Width: 6},
	}
}

// gray returns a w x h frame of one value.
func gray(w, h int, value uint8) *frame {
	f := &frame{}
	f.resize(w, h)
	for i := range f.pix {
		f.pix[i] = value
	}
	return f
}

// values returns the first value of each frame of a clip of small frames.
func values(c Clip) []uint8 {
	const size = 4 * 6 * 3
	var v []uint8
	for i := 0; i < len(c.Frames); i += size {
		v = append(v, c.Frames[i])
	}
	return v
}
