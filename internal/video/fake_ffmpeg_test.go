package video

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// fakeFlag is ffmpeg's first argument, by which the test binary knows that it
// is to stand in for ffmpeg.
const fakeFlag = "-nostdin"

// fakeMagic begins a file for the fake ffmpeg; the mode follows. What the fake
// has to tell, it writes into a file of the same name with recordSuffix.
const (
	fakeMagic    = "\x00\x00\x00\x20ftyp"
	recordSuffix = ".record"
)

// fakeFFmpeg is what the test binary does in the place of ffmpeg. Frame i is
// 6x4 pixels of the value i.
func fakeFFmpeg(args []string) int {
	if slices.Contains(args, "-demuxers") {
		fmt.Print(" D. = Demuxing supported\n --\n D  concat          Virtual concatenation script\n D  mov,mp4         QuickTime / MOV\n D d alsa           ALSA\n  E mp4\n")
		return 0
	}
	path := strings.TrimPrefix(args[slices.Index(args, "-i")+1], "file:")
	text, err := os.ReadFile(path)
	mode, ok := strings.CutPrefix(string(text), fakeMagic)
	if err != nil || !ok {
		fmt.Fprintf(os.Stderr, "no file for the fake ffmpeg: %q, %v\n", text, err)
		return 99
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	frames := func(from, to int) {
		for i := from; i < to; i++ {
			writePPM(out, gray(6, 4, uint8(i)))
		}
		out.Flush()
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	forever := func() { time.Sleep(time.Hour) }

	switch mode {
	case "good":
		frames(0, 20)
	case "none":
	case "refuses":
		say("moov atom not found")
		say("\x1b[31mfile: Invalid data found when processing input\x07")
		return 1
	case "dies":
		frames(0, 10)
		io.WriteString(out, "P6\n6 4\n255\nhalf a fr")
		say("Conversion failed!")
		return 3
	case "truncates":
		frames(0, 10)
		io.WriteString(out, "P6\n6 ")
	case "damaged":
		frames(0, 10)
		say("[h264 @ 0x55957bdaa680] error while decoding MB 3 4")
	case "hangs":
		forever()
	case "stalls":
		frames(0, 10)
		forever()
	case "lingers":
		frames(0, 10)
		os.Stdout.Close()
		forever()
	case "slow":
		for i := range 6 { // longer than the timeout in all, shorter each
			frames(i, i+1)
			time.Sleep(450 * time.Millisecond)
		}
	case "garbage":
		for range 100000 {
			if _, err := io.WriteString(out, "this is no picture"); err != nil {
				return 1
			}
		}
	case "late garbage":
		frames(0, 10)
		io.WriteString(out, "P7 what")
		out.Flush()
		forever()
	case "bad header":
		io.WriteString(out, "P6\n6 -4\n255\n")
	case "deep":
		io.WriteString(out, "P6\n6 4\n65535\n")
	case "huge":
		io.WriteString(out, "P6\n100000 100000\n255\n")
		out.Flush()
		forever()
	case "overflowing":
		io.WriteString(out, "P6\n999999999999999999999 4\n255\n")
	case "empty frame":
		io.WriteString(out, "P6\n0 4\n255\n")
	case "sizes":
		for i := range 10 {
			writePPM(out, gray(6+i, 4+2*i, uint8(i)))
		}
	case "shrinks":
		frames(0, 10)
		writePPM(out, gray(3, 3, 1))
	case "noisy":
		for range 20000 {
			say("%s", strings.Repeat("noise ", 20))
		}
		frames(0, 10)
	case "old":
		if slices.Contains(args, "-fps_mode") {
			say("Unrecognized option 'fps_mode'.")
			say("Error splitting the argument list: Option not found")
			return 1
		}
		if !slices.Contains(args, "-vsync") {
			return 1
		}
		frames(0, 10)
	case "endless":
		for i := 0; ; i++ {
			if writePPM(out, gray(6, 4, uint8(i))) != nil {
				return 1
			}
		}
	case "arguments":
		os.WriteFile(path+recordSuffix, []byte(strings.Join(args, "\n")), 0o600)
		frames(0, 10)
	case "parent":
		// A child that holds the pipes and outlives its parent unless the
		// whole group is ended.
		hangs := path + ".child"
		os.WriteFile(hangs, []byte(fakeMagic+"hangs"), 0o600)
		child := exec.Command(os.Args[0], fakeFlag, "-i", hangs)
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		if err := child.Start(); err != nil {
			say("%v", err)
			return 1
		}
		os.WriteFile(path+recordSuffix, fmt.Appendf(nil, "%d %d", os.Getpid(), child.Process.Pid), 0o600)
		frames(0, 10)
		forever()
	default:
		say("no such mode %q", mode)
		return 99
	}
	return 0
}

// writePPM writes f as ffmpeg does.
func writePPM(w io.Writer, f *frame) error {
	if _, err := fmt.Fprintf(w, "P6\n%d %d\n255\n", f.width, f.height); err != nil {
		return err
	}
	_, err := w.Write(f.pix)
	return err
}
