package video

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// writeFile writes data to a file in dir.
func writeFile(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// grayPNG is a 6x4 picture of one value.
func grayPNG(t *testing.T, value uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 6, 4))
	for i := range img.Pix {
		img.Pix[i] = value
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pictureFolder returns a folder of n pictures whose natural order is not that
// of their bytes.
func pictureFolder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		writeFile(t, dir, fmt.Sprintf("frame%d.png", i), grayPNG(t, uint8(i)))
	}
	return dir
}

func TestFolderInNaturalOrder(t *testing.T) {
	t.Setenv("PATH", "") // without ffmpeg
	dir := pictureFolder(t, 12)
	o := small(1)
	o.Frames = 12
	var last [2]int
	o.Progress = func(done, total int) { last = [2]int{done, total} }
	o.Warn = func(w string) { t.Errorf("unexpected warning: %s", w) }
	// Passed over without a word:
	writeFile(t, dir, ".hidden.png", grayPNG(t, 99))
	if err := os.Mkdir(filepath.Join(dir, "frame3b"), 0o700); err != nil {
		t.Fatal(err)
	}
	clips, err := Decode(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := values(clips[0]), []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}; !slices.Equal(got, want) {
		t.Errorf("got frames %v, want %v", got, want)
	}
	if last != [2]int{12, 12} {
		t.Errorf("last progress %v, want 12 of 12", last)
	}
}

func TestFolderWithOddFiles(t *testing.T) {
	dir := pictureFolder(t, 6)
	writeFile(t, dir, "notes.txt", []byte("hello"))
	writeFile(t, dir, "frame2b.png", grayPNG(t, 77)[:40]) // damaged
	writeFile(t, dir, "frame3b.png", nil)
	o := small(1)
	o.Frames = 6
	var warnings []string
	o.Warn = func(w string) { warnings = append(warnings, w) }
	clips, err := Decode(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := values(clips[0]), []uint8{0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("got frames %v, want %v", got, want)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], "2 files in the folder are not pictures") ||
		!strings.Contains(warnings[1], `1 of 7 pictures cannot be decoded, the first being "frame2b.png"`) {
		t.Errorf("got warnings %q", warnings)
	}
}

func TestBadInputs(t *testing.T) {
	dir := t.TempDir()
	noPictures := filepath.Join(dir, "no pictures")
	damaged := filepath.Join(dir, "damaged")
	for _, d := range []string{noPictures, damaged} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, noPictures, "notes.txt", []byte("hello"))
	writeFile(t, damaged, "a.png", grayPNG(t, 1)[:50])
	tests := []struct{ path, want string }{
		{filepath.Join(dir, "nosuchfile"), "nosuchfile"},
		{noPictures, "no picture in the folder: expected JPEG"},
		{damaged, `1 of 1 pictures cannot be decoded, the first being "a.png"`},
		{writeFile(t, dir, "empty.mp4", nil), "the file is empty"},
		{writeFile(t, dir, "text.mp4", []byte("#EXTM3U\nhttp://example.com/a.ts\n")), "it is text"},
		{writeFile(t, dir, "cut.gif", []byte("GIF89a")), "damaged"},
		{writeFile(t, dir, "cut2.gif", []byte("GIF89a\x06")), "ends too early"},
	}
	tests[5].want = "ends too early"
	for _, tt := range tests {
		_, err := Decode(t.Context(), tt.path, small(1))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", filepath.Base(tt.path), err, tt.want)
		}
	}
}

func TestPictureTooLarge(t *testing.T) {
	dir := pictureFolder(t, 1)
	o := small(1)
	o.MaxPixels = 20
	_, err := Decode(t.Context(), dir, o)
	if err == nil || !strings.Contains(err.Error(), "6x4 pixels is over the limit of 20") {
		t.Errorf("got %v, want an error about the size", err)
	}
}

// TestPictureFormats: every format is known by its content and gives the
// pixels that went in.
func TestPictureFormats(t *testing.T) {
	src := image.NewNRGBA(image.Rect(0, 0, 8, 6))
	for y := range 6 {
		for x := range 8 {
			src.SetNRGBA(x, y, color.NRGBA{uint8(30 * x), uint8(40 * y), 200, 255})
		}
	}
	encode := func(f func(io.Writer) error) []byte {
		var b bytes.Buffer
		if err := f(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	webp, err := os.ReadFile("testdata/tiny.webp")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		file      []byte
		tolerance int
	}{
		{"png", encode(func(w io.Writer) error { return png.Encode(w, src) }), 0},
		{"bmp", encode(func(w io.Writer) error { return bmp.Encode(w, src) }), 0},
		{"tiff", encode(func(w io.Writer) error { return tiff.Encode(w, src, nil) }), 0},
		{"webp", webp, 0},
		// Quality 100 and chroma at half resolution: neighbouring columns
		// differ by 30 and rows by 40, halves of which are averaged away.
		{"jpeg", encode(func(w io.Writer) error { return jpeg.Encode(w, src, &jpeg.Options{Quality: 100}) }), 35},
	}
	o := Options{Frames: 1, Clips: 1, Preprocess: Preprocess{ResizeShort: KeepSize, Height: 6, Width: 8}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := writeFile(t, t.TempDir(), "picture.mp4", tt.file)
			clips, err := Decode(t.Context(), path, o)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range clips[0].Frames {
				x, y := i/3%8, i/3/8
				want := [3]int{30 * x, 40 * y, 200}[i%3]
				if d := int(got) - want; d > tt.tolerance || d < -tt.tolerance {
					t.Fatalf("x %d y %d channel %d: got %d, want %d", x, y, i%3, got, want)
				}
			}
		})
	}
}

// TestTransparentIsBlack: pixels are laid over black.
func TestTransparentIsBlack(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	img.SetNRGBA(0, 0, color.NRGBA{255, 255, 255, 0})
	img.SetNRGBA(1, 0, color.NRGBA{200, 100, 50, 128})
	var f frame
	f.setImage(img)
	if want := []uint8{0, 0, 0, 100, 50, 25}; !slices.Equal(f.pix, want) {
		t.Errorf("got %v, want %v", f.pix, want)
	}
}

// TestGIFInFolder: its first frame counts, on the whole canvas.
func TestGIFInFolder(t *testing.T) {
	dir := pictureFolder(t, 3)
	g := countingGIF(5)
	g.Image = g.Image[3:]
	g.Delay = g.Delay[3:]
	writeFile(t, dir, "frame3.gif", encodeGIF(t, g))
	clips, err := Decode(t.Context(), dir, small(1))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := values(clips[0]), []uint8{0, 1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got frames %v, want %v", got, want)
	}
}
