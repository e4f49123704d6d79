package video

import (
	"strings"
	"testing"
)

func TestLayout(t *testing.T) {
	p160 := Preprocess{Height: 160, Width: 160}
	tests := []struct {
		name string
		p    Preprocess
		w, h int
		want layout
	}{
		{"port's rule, as stored", p160, 340, 256, layout{340, 256, 90, 48}},
		{"port's rule, larger", p160, 1920, 1080, layout{455, 256, 148, 48}}, // 147.5 goes to even
		{"port's rule, upright", p160, 1080, 1920, layout{256, 455, 48, 148}},
		{"port's rule, rounded down", Preprocess{Height: 112, Width: 112}, 179, 179, layout{179, 179, 34, 34}},
		{"half goes to even, down", Preprocess{ResizeShort: 9, Height: 4, Width: 4}, 9, 9, layout{9, 9, 2, 2}},
		{"half goes to even, up", Preprocess{ResizeShort: 11, Height: 4, Width: 4}, 11, 11, layout{11, 11, 4, 4}},
		{"wide crop", Preprocess{ResizeShort: 128, Height: 112, Width: 150}, 320, 240, layout{170, 128, 10, 8}},
		{"kept size", Preprocess{ResizeShort: KeepSize, Height: 5, Width: 7}, 20, 11, layout{20, 11, 6, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.p.layout(tt.w, tt.h)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestLayoutTooSmall(t *testing.T) {
	for _, p := range []Preprocess{
		{ResizeShort: KeepSize, Height: 30, Width: 10},
		{ResizeShort: 25, Height: 20, Width: 60},
	} {
		_, err := p.layout(40, 20)
		if err == nil || !strings.Contains(err.Error(), "smaller than the crop") {
			t.Errorf("%+v: got %v, want an error about the crop", p, err)
		}
	}
}

func TestOptionsCheck(t *testing.T) {
	good := Options{Frames: 16, Clips: 10, Preprocess: Preprocess{Height: 160, Width: 160}}
	if err := good.withDefaults().check(); err != nil {
		t.Fatalf("good options: %v", err)
	}
	tests := []struct {
		name string
		edit func(*Options)
		want string
	}{
		{"no frames", func(o *Options) { o.Frames = 0 }, "0 frames a clip"},
		{"no clips", func(o *Options) { o.Clips = -1 }, "-1 clips"},
		{"no crop", func(o *Options) { o.Preprocess.Height = 0 }, "crop of 160x0"},
		{"absurd crop", func(o *Options) { o.Preprocess.Width = 1 << 30 }, "crop of"},
		{"negative resize", func(o *Options) { o.Preprocess.ResizeShort = -2 }, "resized to -2"},
		{"resize below crop", func(o *Options) { o.Preprocess.ResizeShort = 159 }, "too small for a crop"},
		{"negative timeout", func(o *Options) { o.StallTimeout = -1 }, "timeout"},
		{"negative pixels", func(o *Options) { o.MaxPixels = -1 }, "frame limit"},
		{"negative memory", func(o *Options) { o.MaxMemory = -1 }, "memory limit"},
		{"too many clips", func(o *Options) { o.Clips = 1000 }, "do not fit"},
		{"overflowing clips", func(o *Options) { o.Clips, o.Frames = 1<<30, 1<<30 }, "do not fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			tt.edit(&o)
			_, err := Decode(t.Context(), "nosuchfile", o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		err := Options{}.withDefaults().check()
		for _, want := range []string{"frames", "clips", "crop"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
		}
	})
}
