package support

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// batchOf returns n different clips of a network and what single runs on one
// thread make of them.
func batchOf(t *testing.T, n *testNet, m *Model, clips int) (batch []Clip, want []Output) {
	t.Helper()
	s := m.NewSession(Threads(1))
	for i := range clips {
		batch, want = append(batch, Float32Clip(n.integerClip(uint64(i)))), append(want, room())
		if err := s.Run(&want[i], batch[i]); err != nil {
			t.Fatal(err)
		}
	}
	return batch, want
}

// room is an output of smallNet.
func room() Output {
	return Output{Logits: make([]float32, 10), Features: make([]float32, 12), Probabilities: make([]float32, 10)}
}

func sameOutput(a, b Output) bool {
	return slices.Equal(a.Logits, b.Logits) && slices.Equal(a.Features, b.Features) && slices.Equal(a.Probabilities, b.Probabilities)
}

// TestBatch compares batches of all sizes with single runs, to the bit, on
// any number of workers, and single runs in between.
func TestBatch(t *testing.T) {
	n := unevenNet()
	m := n.model(t)
	clips, want := batchOf(t, n, m, 5)
	if sameOutput(want[0], want[1]) {
		t.Fatal("the clips do not differ")
	}
	for _, threads := range []int{1, 2, 3, 8} {
		s := m.NewSession(Threads(threads), Batch(5))
		for _, size := range []int{5, 1, 3, 0, 2, 4, 5} {
			got := make([]Output, size)
			for i := range got {
				got[i] = room()
			}
			if err := s.RunBatch(got, clips[5-size:]); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !sameOutput(got[i], want[5-size+i]) {
					t.Errorf("%d threads, clip %d of %d: %v, want %v", threads, i, size, got[i], want[5-size+i])
				}
			}
			single := room()
			if err := s.Run(&single, clips[size%5]); err != nil || !sameOutput(single, want[size%5]) {
				t.Errorf("%d threads, a clip alone after %d: %v, %v, want %v", threads, size, err, single, want[size%5])
			}
		}
	}
}

// TestClassifyBatch wants the scores of raw frames that Classify gives, and
// only what an output asks for.
func TestClassifyBatch(t *testing.T) {
	n := unevenNet()
	m := n.model(t)
	s := m.NewSession(Threads(3), Batch(3))
	frames, got, want := make([][]uint8, 3), make([][]float32, 3), make([][]float32, 3)
	for i := range frames {
		frames[i], got[i], want[i] = make([]uint8, n.net.clip.elems()), make([]float32, 10), make([]float32, 10)
		for j := range frames[i] {
			frames[i][j] = uint8(j * (i + 3))
		}
		if err := m.NewSession().Classify(want[i], frames[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ClassifyBatch(got, frames); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("clip %d: %v, want %v", i, got[i], want[i])
		}
	}
	// Each clip of its own kind, each output of its own.
	features, logits := make([]float32, 12), make([]float32, 10)
	clips := []Clip{Uint8Clip(frames[2]), Float32Clip(n.integerClip(1)), Uint8Clip(frames[0])}
	if err := s.RunBatch([]Output{{Logits: logits}, {Features: features}, {}}, clips); err != nil {
		t.Fatal(err)
	}
	single := Output{Features: make([]float32, 12)}
	if err := m.NewSession().Run(&single, clips[1]); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logits, want[2]) || !slices.Equal(features, single.Features) {
		t.Errorf("mixed: logits %v, want %v; features %v, want %v", logits, want[2], features, single.Features)
	}
}

func TestBatchErrors(t *testing.T) {
	var noContext context.Context
	n := smallNet()
	m := n.model(t)
	s := m.NewSession(Batch(3), Threads(2))
	frames, logits := make([]uint8, 504), make([]float32, 10)
	clip := Uint8Clip(frames)
	for _, tc := range []struct {
		name string
		run  func() error
		want string
	}{
		{"too many", func() error { return s.RunBatch(make([]Output, 4), make([]Clip, 4)) }, "4 clips, the session runs at most 3 at once: make it with Batch(4)"},
		{"no batch", func() error {
			return m.NewSession(Batch(-1)).ClassifyBatch([][]float32{logits, logits}, [][]uint8{frames, frames})
		}, "2 clips, the session runs at most 1 at once: make it with Batch(2)"},
		{"few outputs", func() error { return s.RunBatch(make([]Output, 1), []Clip{clip, clip}) }, "1 outputs for 2 clips: pass one for each"},
		{"many logits", func() error { return s.ClassifyBatch(make([][]float32, 1), nil) }, "1 outputs for 0 clips: pass one for each"},
		{"in the middle", func() error {
			return s.ClassifyBatch([][]float32{logits, logits, logits}, [][]uint8{frames, frames[1:], frames})
		}, "clip 1: the clip has 503 bytes, testnet takes 504: 4 frames of 6x7 pixels (height x width), 3 channels each"},
		{"nil logits", func() error { return s.ClassifyBatch([][]float32{logits, nil}, [][]uint8{frames, frames}) }, "clip 1: room for 0 logits, testnet has 10"},
		{"several", func() error {
			return s.RunBatch([]Output{{Logits: logits[1:]}, {}, {Features: logits, Probabilities: logits[1:]}}, []Clip{clip, clip, clip})
		}, "clip 0: room for 9 logits, testnet has 10\nclip 2: room for 10 features, testnet has 12\nclip 2: room for 9 probabilities, testnet has 10"},
		{"a clip alone", func() error { return s.ClassifyBatch([][]float32{logits}, [][]uint8{nil}) }, "the clip has 0 bytes, testnet takes 504: 4 frames of 6x7 pixels (height x width), 3 channels each"},
		{"nil context", func() error { return s.RunBatchContext(noContext, make([]Output, 1), []Clip{clip}) }, "no context: pass context.Background(), or call a method without one"},
		{"none", func() error { return s.RunBatch(nil, nil) }, ""},
		{"in order", func() error {
			return s.ClassifyBatch([][]float32{logits, logits, logits}, [][]uint8{frames, frames, frames})
		}, ""},
	} {
		got := ""
		if err := tc.run(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
		if len(s.clips) > 0 || len(s.outs) > 0 {
			t.Errorf("%s: the session still holds the caller's clips or outputs", tc.name)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.RunBatch(make([]Output, 2), []Clip{clip, clip}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want %v", err, ErrClosed)
	}
}

// TestBusyBatch holds a batch in the middle.
func TestBusyBatch(t *testing.T) {
	n := smallNet()
	s := n.model(t).NewSession(Threads(2), Batch(2))
	clip := Float32Clip(n.integerClip(1))
	g, done := newGate(2), make(chan error)
	go func() { done <- s.RunBatchContext(g, make([]Output, 2), []Clip{clip, clip}) }()
	<-g.reached
	for name, run := range map[string]func() error{
		"RunBatch":      func() error { return s.RunBatch(nil, nil) },
		"ClassifyBatch": func() error { return s.ClassifyBatch(nil, nil) },
	} {
		if err := run(); !errors.Is(err, ErrBusy) {
			t.Errorf("%s during a batch: %v, want %v", name, err, ErrBusy)
		}
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestBatchMemory wants all memory to be there before the first run, and a
// batch that is cancelled to leave the session as good as new.
func TestBatchMemory(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	clips, want := batchOf(t, n, m, 3)
	for _, threads := range []int{1, 4} {
		s := m.NewSession(Threads(threads), Batch(3))
		got := []Output{room(), room(), room()}
		for looks := range len(n.plan.regions) {
			if err := s.RunBatchContext(&countdown{context.Background(), looks}, got, clips); !errors.Is(err, context.Canceled) {
				t.Errorf("%d threads, cancelled behind region %d: %v", threads, looks, err)
			}
		}
		frames := make([][]uint8, 3)
		logits := make([][]float32, 3)
		for i := range frames {
			frames[i], logits[i] = make([]uint8, n.net.clip.elems()), make([]float32, 10)
		}
		for name, run := range map[string]func() error{
			"RunBatch":      func() error { return s.RunBatch(got, clips) },
			"ClassifyBatch": func() error { return s.ClassifyBatch(logits, frames) },
		} {
			if n := testing.AllocsPerRun(100, func() {
				if err := run(); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s on %d threads allocates %v times", name, threads, n)
			}
		}
		for i := range got {
			if !sameOutput(got[i], want[i]) {
				t.Errorf("%d threads, clip %d: %v, want %v", threads, i, got[i], want[i])
			}
		}
	}
}
