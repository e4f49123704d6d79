package video

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// list is a source of n small frames, frame i of the value i modulo 256, and
// of an error after them. Each further pass has more frames by grow.
type list struct {
	n, grow int
	err     error
	passes  int
}

func (l *list) total() int { return l.n }

func (l *list) frames(context.Context) iter.Seq2[*frame, error] {
	n := l.n + l.passes*l.grow
	l.passes++
	return func(yield func(*frame, error) bool) {
		f := gray(6, 4, 0)
		for i := range n {
			for k := range f.pix { // the same memory each time
				f.pix[k] = uint8(i)
			}
			if !yield(f, nil) {
				return
			}
		}
		if l.err != nil {
			yield(nil, l.err)
		}
	}
}

// quiet fills in what Decode would.
func quiet(o Options) Options {
	o = o.withDefaults()
	o.Warn, o.Progress = func(string) {}, func(int, int) {}
	return o
}

func TestStarts(t *testing.T) {
	tests := []struct {
		n, frames, clips int
		want             []int
	}{
		{100, 16, 1, []int{42}},
		{100, 16, 2, []int{0, 84}},
		{100, 16, 3, []int{0, 42, 84}},
		{100, 16, 5, []int{0, 21, 42, 63, 84}},
		{18, 16, 10, []int{0, 1, 2}},
		{17, 16, 1, []int{0}},
		{16, 16, 10, []int{0}},
		{3, 16, 10, []int{0}},
	}
	for _, tt := range tests {
		if got := starts(tt.n, tt.frames, tt.clips); !slices.Equal(got, tt.want) {
			t.Errorf("starts(%d, %d, %d) = %v, want %v", tt.n, tt.frames, tt.clips, got, tt.want)
		}
	}
}

func TestStartsAreSpreadEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100000).Draw(t, "n")
		frames := rapid.IntRange(1, 64).Draw(t, "frames")
		clips := rapid.IntRange(2, 50).Draw(t, "clips")
		s := starts(n, frames, clips)
		room := max(n-frames, 0)
		if len(s) != min(clips, room+1) {
			t.Fatalf("%d clips, want %d", len(s), min(clips, room+1))
		}
		if s[0] != 0 || s[len(s)-1] != room {
			t.Fatalf("from %d to %d, want 0 to %d", s[0], s[len(s)-1], room)
		}
		least, most := n, 0
		for i := 1; i < len(s); i++ {
			least, most = min(least, s[i]-s[i-1]), max(most, s[i]-s[i-1])
		}
		if len(s) > 1 && (least < 1 || most-least > 1) {
			t.Fatalf("distances from %d to %d", least, most)
		}
	})
}

// TestMemoryDoesNotMatter: whether the frames fit into memory or are decoded
// twice, the clips are the same, and they hold the frames they claim.
func TestMemoryDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		o := quiet(small(rapid.IntRange(1, 8).Draw(t, "clips")))
		o.Frames = rapid.IntRange(1, 20).Draw(t, "frames")
		o.MaxMemory = o.clipBytes() + int64(rapid.IntRange(0, 60*6*4*3).Draw(t, "memory"))
		src := &list{n: n}
		clips, err := collect(context.Background(), src, o)
		if err != nil {
			t.Fatal(err)
		}
		wantPasses := 1
		if (o.MaxMemory-o.clipBytes())/(6*4*3) < int64(n) {
			wantPasses = 2
		}
		if src.passes != wantPasses {
			t.Fatalf("decoded %d times, want %d", src.passes, wantPasses)
		}
		for _, c := range clips {
			got := values(c)
			if len(got) != o.Frames {
				t.Fatalf("clip of %d frames, want %d", len(got), o.Frames)
			}
			for i, v := range got {
				if v != uint8((c.Start+i)%n) {
					t.Fatalf("clip at %d of %d frames: %v", c.Start, n, got)
				}
			}
		}
	})
}

func TestShortVideoIsLooped(t *testing.T) {
	o := small(5)
	o.Frames = 8
	o = quiet(o)
	var warnings []string
	o.Warn = func(w string) { warnings = append(warnings, w) }
	clips, err := collect(t.Context(), &list{n: 3}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(clips) != 1 || clips[0].Start != 0 {
		t.Fatalf("got %d clips from %d, want 1 from 0", len(clips), clips[0].Start)
	}
	if got, want := values(clips[0]), []uint8{0, 1, 2, 0, 1, 2, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got frames %v, want %v", got, want)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "only 3 of the 8 frames") {
		t.Errorf("got warnings %q", warnings)
	}
}

func TestNoFrames(t *testing.T) {
	_, err := collect(t.Context(), &list{}, quiet(small(1)))
	if err == nil || !strings.Contains(err.Error(), "no frame") {
		t.Errorf("got %v, want an error", err)
	}
	broken := errors.New("broken")
	if _, err := collect(t.Context(), &list{err: broken}, quiet(small(1))); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestInputChangesBetweenPasses(t *testing.T) {
	o := quiet(small(2))
	o.MaxMemory = o.clipBytes()
	_, err := collect(t.Context(), &list{n: 20, grow: -3}, o)
	if err == nil || !strings.Contains(err.Error(), "had 20 frames when counted and 17 when read again") {
		t.Errorf("got %v, want an error", err)
	}
	if _, err := collect(t.Context(), &list{n: 20, grow: 3}, o); err != nil {
		t.Errorf("more frames the second time: %v", err)
	}
}
