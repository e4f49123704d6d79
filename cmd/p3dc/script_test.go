package main

import (
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"p3dc": main})
}

// TestScripts runs the tool as a user does. Scripts that build a package use
// the caller's build cache.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			root, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			e.Setenv("ROOT", root)
			tool, err := exec.LookPath("p3dc")
			if err != nil {
				return err
			}
			e.Setenv("P3DC", filepath.Dir(tool))
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"} {
				value, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				e.Setenv(name, strings.TrimSpace(string(value)))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"samedir":  samedir,
			"pictures": pictures,
			"animate":  animate,
		},
	})
}

// exits runs a program and checks its exit code: exits CODE PROGRAM ARGS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program args...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// samedir checks whether two folders hold the same files: samedir A B.
func samedir(ts *testscript.TestScript, neg bool, args []string) {
	a, b := dirText(ts, args[0]), dirText(ts, args[1])
	if (a == b) == neg {
		ts.Fatalf("%s and %s: same content is %t", args[0], args[1], a == b)
	}
}

func dirText(ts *testscript.TestScript, dir string) string {
	entries, err := os.ReadDir(ts.MkAbs(dir))
	ts.Check(err)
	var b strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(ts.MkAbs(dir), e.Name()))
		ts.Check(err)
		fmt.Fprintf(&b, "%s\n%q\n", e.Name(), content)
	}
	return b.String()
}

// pictures fills a folder with PNG files: pictures DIR COUNT.
func pictures(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o777))
	for i := range count(ts, args[1]) {
		img := image.NewRGBA(image.Rect(0, 0, 40, 30))
		paint(i, img.Rect, img.Set)
		name := filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("frame%d.png", i))
		create(ts, name, func(w io.Writer) error { return png.Encode(w, img) })
	}
}

// animate writes a GIF: animate FILE COUNT.
func animate(ts *testscript.TestScript, _ bool, args []string) {
	var g gif.GIF
	for i := range count(ts, args[1]) {
		img := image.NewPaletted(image.Rect(0, 0, 40, 30), palette.WebSafe)
		paint(i, img.Rect, img.Set)
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 4)
	}
	create(ts, ts.MkAbs(args[0]), func(w io.Writer) error { return gif.EncodeAll(w, &g) })
}

// paint draws a gradient that moves with the frame's number.
func paint(frame int, r image.Rectangle, set func(x, y int, c color.Color)) {
	for y := range r.Dy() {
		for x := range r.Dx() {
			set(x, y, color.RGBA{R: uint8(6 * x), G: uint8(8 * y), B: uint8(20 * frame), A: 255})
		}
	}
}

func count(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func create(ts *testscript.TestScript, name string, write func(io.Writer) error) {
	f, err := os.Create(name)
	ts.Check(err)
	ts.Check(errors.Join(write(f), f.Close()))
}
