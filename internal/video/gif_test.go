package video

import (
	"bufio"
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Colours of test GIFs: red, green and blue by index, and a transparent one.
const (
	red = iota
	green
	blue
	clear
)

// testPalette holds them.
func testPalette() color.Palette {
	return color.Palette{
		red: color.RGBA{255, 0, 0, 255}, green: color.RGBA{0, 255, 0, 255},
		blue: color.RGBA{0, 0, 255, 255}, clear: color.RGBA{},
	}
}

// paletted returns a picture at r made of the given colours, row by row.
func paletted(r image.Rectangle, colours ...uint8) *image.Paletted {
	img := image.NewPaletted(r, testPalette())
	for i := range img.Pix {
		img.Pix[i] = colours[i%len(colours)]
	}
	return img
}

// countingGIF has n frames of 6x4 pixels; frame i is gray of value i.
func countingGIF(n int) *gif.GIF {
	g := &gif.GIF{}
	var p color.Palette
	for i := range 256 {
		p = append(p, color.Gray{uint8(i)})
	}
	for i := range n {
		img := image.NewPaletted(image.Rect(0, 0, 6, 4), p)
		for k := range img.Pix {
			img.Pix[k] = uint8(i)
		}
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 5)
	}
	return g
}

// encodeGIF returns g as a file.
func encodeGIF(t testing.TB, g *gif.GIF) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// writeGIF writes g under a name that does not give it away.
func writeGIF(t *testing.T, g *gif.GIF) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "moving.mp4")
	if err := os.WriteFile(path, encodeGIF(t, g), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// play decodes a GIF and draws its frames as text: one letter a pixel, rows
// separated by slashes, '.' for black.
func play(t *testing.T, file []byte) ([]string, error) {
	t.Helper()
	letters := map[[3]uint8]byte{{255, 0, 0}: 'r', {0, 255, 0}: 'g', {0, 0, 255}: 'b', {}: '.'}
	var got []string
	for f, err := range decodeGIF(t.Context(), bufio.NewReader(bytes.NewReader(file)), DefaultMaxPixels, maxGIFPixels) {
		if err != nil {
			return got, err
		}
		var s []byte
		for i := 0; i < len(f.pix); i += 3 {
			if i > 0 && i/3%f.width == 0 {
				s = append(s, '/')
			}
			letter, ok := letters[[3]uint8(f.pix[i:])]
			if !ok {
				letter = '?'
			}
			s = append(s, letter)
		}
		got = append(got, string(s))
	}
	return got, nil
}

func TestGIFDisposal(t *testing.T) {
	whole := image.Rect(0, 0, 3, 2)
	corner := image.Rect(1, 0, 3, 1)
	tests := []struct {
		name     string
		images   []*image.Paletted
		disposal []byte
		want     []string
	}{
		{
			"kept",
			[]*image.Paletted{paletted(whole, red), paletted(corner, green), paletted(image.Rect(0, 1, 1, 2), blue)},
			[]byte{0, gif.DisposalNone, 0},
			[]string{"rrr/rrr", "rgg/rrr", "rgg/brr"},
		}, {
			"cleared",
			[]*image.Paletted{paletted(whole, red), paletted(corner, green), paletted(image.Rect(0, 1, 1, 2), blue)},
			[]byte{0, gif.DisposalBackground, 0},
			[]string{"rrr/rrr", "rgg/rrr", "r../brr"},
		}, {
			"previous",
			[]*image.Paletted{paletted(whole, red), paletted(corner, green), paletted(image.Rect(0, 1, 1, 2), blue)},
			[]byte{0, gif.DisposalPrevious, gif.DisposalPrevious},
			[]string{"rrr/rrr", "rgg/rrr", "rrr/brr"},
		}, {
			"previous twice",
			[]*image.Paletted{paletted(whole, red), paletted(corner, green), paletted(corner, blue, clear), paletted(image.Rect(0, 0, 1, 1), green)},
			[]byte{0, gif.DisposalPrevious, gif.DisposalPrevious, 0},
			[]string{"rrr/rrr", "rgg/rrr", "rbr/rrr", "grr/rrr"},
		}, {
			"transparent pixels",
			[]*image.Paletted{paletted(whole, red), paletted(whole, clear, green, clear, blue, clear, clear)},
			[]byte{0, 0},
			[]string{"rrr/rrr", "rgr/brr"},
		}, {
			"transparent from the start",
			[]*image.Paletted{paletted(whole, clear, green), paletted(whole, clear)},
			[]byte{gif.DisposalBackground, 0},
			[]string{".g./g.g", ".../..."},
		}, {
			"smaller than the canvas",
			[]*image.Paletted{paletted(corner, green)},
			[]byte{0},
			[]string{".gg/..."},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &gif.GIF{
				Image: tt.images, Disposal: tt.disposal, Delay: make([]int, len(tt.images)),
				Config: image.Config{Width: 3, Height: 2, ColorModel: testPalette()},
			}
			got, err := play(t, encodeGIF(t, g))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestGIFLocalColours: a frame's own colour table does not reach the others.
func TestGIFLocalColours(t *testing.T) {
	swapped := paletted(image.Rect(0, 0, 2, 1), red)
	swapped.Palette = color.Palette{color.RGBA{0, 0, 255, 255}, color.RGBA{255, 0, 0, 255}}
	g := &gif.GIF{
		Image: []*image.Paletted{paletted(swapped.Rect, red), swapped, paletted(swapped.Rect, red)}, Delay: make([]int, 3),
		Config: image.Config{Width: 2, Height: 1, ColorModel: testPalette()},
	}
	got, err := play(t, encodeGIF(t, g))
	if want := []string{"rr", "bb", "rr"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestGIFCutShort cuts a GIF everywhere: the frames before the cut come out,
// and the missing end is reported.
func TestGIFCutShort(t *testing.T) {
	g := &gif.GIF{Delay: make([]int, 3), LoopCount: 2}
	want := []string{"rrr", "ggg", "bbb"}
	for i := range 3 {
		g.Image = append(g.Image, paletted(image.Rect(0, 0, 3, 1), uint8(i)))
	}
	file := encodeGIF(t, g)
	most := 0
	for n := range len(file) {
		got, err := play(t, file[:n])
		if err == nil {
			t.Fatalf("cut after %d of %d bytes: no error", n, len(file))
		}
		if len(got) < most || !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("cut after %d of %d bytes: got %q after %d frames", n, len(file), got, most)
		}
		most = len(got)
	}
	if most != 3 {
		t.Errorf("without its last byte: got %d frames, want 3", most)
	}
	got, err := play(t, append(file, "rubbish after the end"...))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("with rubbish after the end: got %q, %v", got, err)
	}
}

func TestGIFIsDecoded(t *testing.T) {
	t.Setenv("PATH", "") // without ffmpeg
	o := small(3)
	path := writeGIF(t, countingGIF(13))
	for _, memory := range []int64{0, o.clipBytes()} {
		o.MaxMemory = memory
		clips, err := Decode(t.Context(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, c := range clips {
			got = append(got, c.Start)
			if v := values(c); v[0] != uint8(c.Start) || v[3] != uint8(c.Start+3) {
				t.Errorf("clip at %d has frames %v", c.Start, v)
			}
		}
		if want := []int{0, 5, 9}; !slices.Equal(got, want) {
			t.Errorf("got starts %v, want %v", got, want)
		}
	}
}

func TestGIFTooLarge(t *testing.T) {
	o := small(1)
	o.MaxPixels = 23
	_, err := Decode(t.Context(), writeGIF(t, countingGIF(4)), o)
	if err == nil || !strings.Contains(err.Error(), "6x4 pixels is over the limit of 23") {
		t.Errorf("got %v, want an error about the size", err)
	}
}

// TestGIFEndlessData: blocks that go on far beyond the picture are not all
// read into memory.
func TestGIFEndlessData(t *testing.T) {
	file := encodeGIF(t, &gif.GIF{Image: []*image.Paletted{paletted(image.Rect(0, 0, 3, 1), red)}, Delay: []int{0}})
	file = file[:len(file)-2] // the empty block and the trailer
	block := append([]byte{255}, make([]byte, 255)...)
	for range 1000 {
		file = append(file, block...)
	}
	if _, err := play(t, file); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want an error about the length", err)
	}
}

// TestGIFTooManyPixels: small frames on a large canvas cost more than their bytes
// tell, and end when they have cost enough.
func TestGIFTooManyPixels(t *testing.T) {
	g := &gif.GIF{Config: image.Config{Width: 60, Height: 10, ColorModel: testPalette()}}
	for range 20 {
		g.Image, g.Delay = append(g.Image, paletted(image.Rect(0, 0, 1, 1), red)), append(g.Delay, 1)
	}
	n := 0
	var last error
	for _, err := range decodeGIF(t.Context(), bufio.NewReader(bytes.NewReader(encodeGIF(t, g))), 600, 12*600) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 12 || last == nil || !strings.Contains(last.Error(), "60x10 pixels have more than 7200 in all") {
		t.Errorf("got %d frames and %v, want 12 and an error about the pixels", n, last)
	}
}

func FuzzGIF(f *testing.F) {
	f.Add(encodeGIF(f, countingGIF(3)))
	f.Add([]byte("GIF89a"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for fr, err := range decodeGIF(t.Context(), bufio.NewReader(bytes.NewReader(file)), 1<<16, 1<<20) {
			if err == nil && len(fr.pix) != fr.width*fr.height*3 {
				t.Fatalf("%d values for %dx%d pixels", len(fr.pix), fr.width, fr.height)
			}
		}
	})
}
