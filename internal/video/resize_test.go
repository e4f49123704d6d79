package video

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// noise is source in testdata/pillow.py.
func noise(width, height int) *frame {
	f := &frame{}
	f.resize(width, height)
	state := uint32(width*65536 + height)
	for i := range f.pix {
		state = state*1664525 + 1013904223
		f.pix[i] = uint8(state >> 24)
	}
	return f
}

// smooth is smooth in testdata/pillow.py.
func smooth(width, height int) *frame {
	f := &frame{}
	f.resize(width, height)
	for y := range height {
		for x := range width {
			p := f.pix[(y*width+x)*3:]
			p[0] = uint8(x * 255 / width)
			p[1] = uint8(y * 255 / height)
			p[2] = uint8(255 * ((x/3 + y/2) % 2))
		}
	}
	return f
}

// TestResizeEqualsPillow asks for equality: both sides use the same fixed-point
// arithmetic.
func TestResizeEqualsPillow(t *testing.T) {
	text, err := os.ReadFile("testdata/pillow.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Pattern              string
			Width, Height, Short int
			CropHeight           int `json:"crop_height"`
			CropWidth            int `json:"crop_width"`
			RGB                  string
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no cases in testdata/pillow.json")
	}
	for _, c := range golden.Cases {
		t.Run(fmt.Sprintf("%s %dx%d to %d", c.Pattern, c.Width, c.Height, c.Short), func(t *testing.T) {
			want, err := hex.DecodeString(c.RGB)
			if err != nil {
				t.Fatal(err)
			}
			f := noise(c.Width, c.Height)
			if c.Pattern == "smooth" {
				f = smooth(c.Width, c.Height)
			}
			crop := cropper{p: Preprocess{ResizeShort: c.Short, Height: c.CropHeight, Width: c.CropWidth}}
			got := make([]uint8, c.CropHeight*c.CropWidth*3)
			if err := crop.crop(got, f); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				t.Fatalf("got %d values, want %d", len(got), len(want))
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("y %d x %d channel %d: got %d, want %d",
						i/3/c.CropWidth, i/3%c.CropWidth, i%3, got[i], want[i])
				}
			}
		})
	}
}

func TestKeepSizeCopies(t *testing.T) {
	f := noise(9, 7)
	crop := cropper{p: Preprocess{ResizeShort: KeepSize, Height: 7, Width: 9}}
	got := make([]uint8, len(f.pix))
	if err := crop.crop(got, f); err != nil {
		t.Fatal(err)
	}
	if string(got) != string(f.pix) {
		t.Error("a crop of the whole frame at its own size differs from the frame")
	}
}

// TestFlatStaysFlat: resizing a picture of one colour gives that colour, at
// any size, which catches weights that do not sum to one.
func TestFlatStaysFlat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.IntRange(1, 300).Draw(t, "width")
		h := rapid.IntRange(1, 300).Draw(t, "height")
		short := rapid.IntRange(1, 40).Draw(t, "short")
		value := rapid.Uint8().Draw(t, "value")
		f := &frame{}
		f.resize(w, h)
		for i := range f.pix {
			f.pix[i] = value
		}
		p := Preprocess{ResizeShort: short, Height: short, Width: short}
		crop := cropper{p: p}
		got := make([]uint8, short*short*3)
		if err := crop.crop(got, f); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v != value {
				t.Fatalf("value %d: got %d, want %d", i, v, value)
			}
		}
	})
}

func BenchmarkCrop(b *testing.B) {
	for _, size := range [][2]int{{340, 256}, {1920, 1080}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			f := noise(size[0], size[1])
			crop := cropper{p: Preprocess{Height: 160, Width: 160}}
			dst := make([]uint8, 160*160*3)
			for b.Loop() {
				if err := crop.crop(dst, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
