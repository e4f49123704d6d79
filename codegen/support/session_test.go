package support

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSessionErrors(t *testing.T) {
	var noContext context.Context
	n := smallNet()
	m := n.model(t)
	s := m.NewSession()
	clip := n.integerClip(1)
	frames := make([]uint8, len(clip))
	logits := make([]float32, 10)
	for _, tc := range []struct {
		name string
		run  func() error
		want string
	}{
		{"few bytes", func() error { return s.Classify(logits, frames[1:]) }, "the clip has 503 bytes, testnet takes 504: 4 frames of 6x7 pixels (height x width), 3 channels each"},
		{"no bytes", func() error { return s.Classify(logits, nil) }, "the clip has 0 bytes, testnet takes 504: 4 frames of 6x7 pixels (height x width), 3 channels each"},
		{"no clip", func() error { return s.Run(&Output{}, Clip{}) }, "the clip has 0 bytes, testnet takes 504: 4 frames of 6x7 pixels (height x width), 3 channels each"},
		{"many values", func() error { return s.Run(&Output{}, Float32Clip(append(clip, 1))) }, "the clip has 505 values, testnet takes 504: 3 channels of 4 frames of 6x7 pixels (height x width)"},
		{"empty values", func() error { return s.Run(&Output{}, Float32Clip([]float32{})) }, "the clip has 0 values, testnet takes 504: 3 channels of 4 frames of 6x7 pixels (height x width)"},
		{"no output", func() error { return s.Run(nil, Float32Clip(clip)) }, "no output: Run needs an Output that says what to copy out"},
		{"few logits", func() error { return s.Classify(logits[1:], frames) }, "room for 9 logits, testnet has 10"},
		{"empty logits", func() error { return s.Classify(logits[:0], frames) }, "room for 0 logits, testnet has 10"},
		{"several", func() error {
			return s.Run(&Output{Features: make([]float32, 13), Probabilities: logits[:1]}, Float32Clip(clip))
		}, "room for 13 features, testnet has 12\nroom for 1 probabilities, testnet has 10"},
		{"no such tap", func() error { return s.Tap("res2", logits) }, "testnet has no tap res2"},
		{"short tap", func() error { return s.Tap("features", logits) }, "room for 10 values of tap features, it has 12"},
		{"in order", func() error { return s.Classify(logits, frames) }, ""},
		{"nothing asked for", func() error { return s.Run(&Output{}, Uint8Clip(frames)) }, ""},
		{"nil context", func() error { return s.RunContext(noContext, &Output{}, Float32Clip(clip)) }, "no context: pass context.Background(), or call a method without one"},
		{"nil logits", func() error { return s.Classify(nil, frames) }, "room for 0 logits, testnet has 10"},
	} {
		got := ""
		if err := tc.run(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

func TestMissingOutput(t *testing.T) {
	n := newTestNet(shape{1, 1, 1, 2})
	n.output("features", n.conv(0, 2, [3]axis{unit, unit, unit}, none))
	n.integers(1)
	n.build()
	err := n.model(t).NewSession().Classify(make([]float32, 2), make([]uint8, 2))
	if err == nil || err.Error() != "testnet has no logits" {
		t.Errorf("got %v", err)
	}
}

func TestClosedModel(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	s := m.NewSession()
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*Session{s, m.NewSession()} {
		if err := s.Run(&Output{}, Float32Clip(n.integerClip(1))); !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want %v", err, ErrClosed)
		}
	}
}

// An idle session is garbage, and its workers end with it.
func TestDroppedSession(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	before := runtime.NumGoroutine()
	for i := range 10 {
		options := []Option{Threads(4), Pin(i)}[:1+i%2]
		if err := m.NewSession(options...).Run(&Output{}, Float32Clip(n.integerClip(1))); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		runtime.GC()
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
}

// gate is a context that blocks at its n-th look until it is let go.
type gate struct {
	context.Context
	looks         atomic.Int64
	at            int64
	reached, open chan struct{}
}

func newGate(at int64) *gate {
	return &gate{Context: context.Background(), at: at, reached: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) Err() error {
	if g.looks.Add(1) == g.at {
		close(g.reached)
		<-g.open
	}
	return nil
}

// TestBusySession holds a run in the middle: the session refuses others, the
// model can be closed, and the run still ends well.
func TestBusySession(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	s := m.NewSession(Threads(2))
	clip := n.integerClip(1)
	want := make([]float32, 10)
	if err := m.NewSession().Run(&Output{Logits: want}, Float32Clip(clip)); err != nil {
		t.Fatal(err)
	}
	g, done, got := newGate(2), make(chan error), make([]float32, 10)
	go func() { done <- s.RunContext(g, &Output{Logits: got}, Float32Clip(clip)) }()
	<-g.reached
	if err := s.Run(&Output{}, Float32Clip(clip)); !errors.Is(err, ErrBusy) {
		t.Errorf("a second run: %v, want %v", err, ErrBusy)
	}
	if err := s.Tap("logits", make([]float32, 10)); !errors.Is(err, ErrBusy) {
		t.Errorf("a tap during a run: %v, want %v", err, ErrBusy)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	close(g.open)
	if err := <-done; err != nil || !slices.Equal(got, want) {
		t.Errorf("the run under way: %v, logits %v, want %v", err, got, want)
	}
	if s.packed != nil || len(s.clips) > 0 {
		t.Error("the session still holds the weights or the caller's clip")
	}
	if err := s.Run(&Output{}, Float32Clip(clip)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want %v", err, ErrClosed)
	}
}

// unevenNet is smallNet with weights whose sums depend on their order.
func unevenNet() *testNet {
	n := smallNet()
	for name := range n.params {
		for i := range n.params[name] {
			n.params[name][i] = float32(math.Sin(float64(i*7+len(name)))) / 3
		}
	}
	return n
}

// TestThreads checks that results do not depend on the number of workers, and
// that more threads than cores, or fewer than one, are no fault.
func TestThreads(t *testing.T) {
	n := unevenNet()
	m := n.model(t)
	clip := n.integerClip(5)
	var want []float32
	for _, threads := range []int{1, 2, 3, 4, 5, 6, 7, 8, 33, 0, -1} {
		got := make([]float32, 10)
		s := m.NewSession(Threads(threads))
		if threads < 1 && len(s.workers) != runtime.GOMAXPROCS(0) {
			t.Errorf("Threads(%d) makes %d workers", threads, len(s.workers))
		}
		for range 3 {
			if err := s.Run(&Output{Logits: got}, Float32Clip(clip)); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = slices.Clone(got)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%d threads: %v, want %v", threads, got, want)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	frames := make([]uint8, n.net.clip.elems())
	clip, logits := Float32Clip(n.integerClip(1)), make([]float32, 10)
	out := Output{Logits: logits, Features: make([]float32, 12)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, options := range [][]Option{{Threads(1)}, {Threads(4)}, {Threads(4), Pin(0)}} {
		s := m.NewSession(options...)
		threads := len(s.workers)
		for name, run := range map[string]func() error{
			"Run":             func() error { return s.Run(&out, clip) },
			"RunContext":      func() error { return s.RunContext(ctx, &out, clip) },
			"Classify":        func() error { return s.Classify(logits, frames) },
			"ClassifyContext": func() error { return s.ClassifyContext(ctx, logits, frames) },
		} {
			if err := run(); err != nil { // starts the goroutines that later runs reuse
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(100, func() { run() }); n != 0 {
				t.Errorf("%s on %d threads, pinned %v, allocates %v times", name, threads, s.pinned, n)
			}
		}
	}
}

// countdown is a context that is cancelled after a number of looks.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancel stops a run behind each of its regions. The session must be as
// good as new afterwards.
func TestCancel(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	clip := n.integerClip(2)
	want := make([]float32, 10)
	if err := m.NewSession().Run(&Output{Logits: want}, Float32Clip(clip)); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 2, 5} {
		watch(t, func() { cancelEverywhere(t, n, m.NewSession(Threads(threads)), clip, want) })
	}
}

func cancelEverywhere(t *testing.T, n *testNet, s *Session, clip, want []float32) {
	threads := len(s.workers)
	for looks := range len(n.plan.regions) + 1 {
		got := make([]float32, 10)
		err := s.RunContext(&countdown{context.Background(), looks}, &Output{Logits: got}, Float32Clip(clip))
		if looks < len(n.plan.regions) {
			if !errors.Is(err, context.Canceled) || slices.ContainsFunc(got, func(v float32) bool { return v != 0 }) {
				t.Errorf("%d threads, cancelled behind region %d: %v, logits %v", threads, looks, err, got)
			}
		} else if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d threads, never cancelled: %v, logits %v", threads, err, got)
		}
		clear(got)
		if err := s.Run(&Output{Logits: got}, Float32Clip(clip)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d threads, after a run cancelled behind region %d: %v, logits %v", threads, looks, err, got)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), -time.Second)
	if err := s.ClassifyContext(ctx, make([]float32, len(want)), make([]uint8, len(clip))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d threads, too late: %v", threads, err)
	}
	cancel()
}

// TestConcurrentSessions runs many sessions of one model at the same time,
// some of them cancelled now and then.
func TestConcurrentSessions(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	clips, want := [3][]float32{}, [3][]float32{}
	for i := range clips {
		clips[i], want[i] = n.integerClip(uint64(i)), make([]float32, 10)
		if err := m.NewSession().Run(&Output{Logits: want[i]}, Float32Clip(clips[i])); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			s, got := m.NewSession(Threads(1+i%3)), make([]float32, 10)
			for run := range 20 {
				c := (i + run) % 3
				ctx := &countdown{context.Background(), 1000}
				if run%5 == 4 {
					ctx.left = run % 7
				}
				err := s.RunContext(ctx, &Output{Logits: got}, Float32Clip(clips[c]))
				if cancelled := ctx.left < 0; cancelled != (err != nil) || !cancelled && !slices.Equal(got, want[c]) {
					t.Errorf("session %d, run %d: %v, logits %v, want %v", i, run, err, got, want[c])
					return
				}
			}
		})
	}
	wg.Wait()
}

// watch fails the test with all stacks where f takes too long: a deadlock.
func watch(t *testing.T, f func()) {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		panic("workers wait for ever:\n" + strings.TrimSpace(string(stacks)))
	})
	defer timer.Stop()
	f()
}

// TestCancelRace cancels runs of many workers on a busy machine, where some of
// them are late to see that their last region is over. Each worker must still
// come to the region in which the others wait for it.
func TestCancelRace(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	stop := keepBusy(4)
	defer stop()
	runs := 100
	if testing.Short() {
		runs = 50
	}
	clip := Float32Clip(n.integerClip(2))
	watch(t, func() {
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() {
				s := m.NewSession(Threads(2 + 3*i))
				for run := range runs {
					ctx := &countdown{context.Background(), run % len(n.plan.regions)}
					if err := s.RunContext(ctx, &Output{}, clip); !errors.Is(err, context.Canceled) {
						t.Errorf("got %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// keepBusy starts goroutines that never wait, until stop.
func keepBusy(n int) (stop func()) {
	var over atomic.Bool
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for x := 1.0; !over.Load(); {
				for range 1000 {
					x = math.Sqrt(x + 1)
				}
			}
		})
	}
	return func() { over.Store(true); wg.Wait() }
}

// TestOversubscribed runs more workers than there are cores, beside
// goroutines that never wait: waiting workers must give way and park.
func TestOversubscribed(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	clip := n.integerClip(2)
	want := make([]float32, 10)
	if err := m.NewSession(Threads(1)).Run(&Output{Logits: want}, Float32Clip(clip)); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 3} {
		runtime.GOMAXPROCS(procs)
		for _, busy := range []int{0, 2} {
			stop := keepBusy(busy)
			for _, options := range [][]Option{{Threads(7)}, {Threads(7), Pin(0)}} {
				s, got := m.NewSession(options...), make([]float32, 10)
				watch(t, func() {
					for range 3 {
						clear(got)
						if err := s.Run(&Output{Logits: got}, Float32Clip(clip)); err != nil || !slices.Equal(got, want) {
							t.Errorf("%d cores, %d busy: %v, logits %v, want %v", procs, busy, err, got, want)
						}
					}
				})
			}
			stop()
		}
	}
}

// TestPatience wants workers to wait awake only where each has a core.
func TestPatience(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	s := m.NewSession(Threads(3))
	for _, tc := range []struct {
		procs int
		want  int64
	}{{3, spins}, {2, 0}, {1, 0}, {4, spins}} {
		runtime.GOMAXPROCS(tc.procs)
		if err := s.Run(&Output{}, Float32Clip(n.integerClip(1))); err != nil {
			t.Fatal(err)
		}
		if got := s.patience.Load(); got != tc.want {
			t.Errorf("3 workers on %d cores look %d times, want %d", tc.procs, got, tc.want)
		}
	}
}

// TestGarbageCollection collects garbage all the time that sessions run.
func TestGarbageCollection(t *testing.T) {
	n := unevenNet()
	m := n.model(t)
	clips, want := batchOf(t, n, m, 3)
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	var over atomic.Bool
	var garbage sync.WaitGroup
	defer garbage.Wait()
	defer over.Store(true)
	garbage.Go(func() {
		for kept := [][]byte(nil); !over.Load(); {
			kept = append(kept, make([]byte, 10_000))
			if len(kept) == 100 {
				kept = nil
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := m.NewSession(Threads(4), Batch(3))
	watch(t, func() {
		for collections := uint32(0); collections < 20; collections = after.NumGC - before.NumGC {
			got := []Output{room(), room(), room()}
			if err := s.RunBatch(got, clips); err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if !sameOutput(got[i], want[i]) {
					t.Fatalf("clip %d: %v, want %v", i, got[i], want[i])
				}
			}
			runtime.ReadMemStats(&after)
		}
	})
}

// TestSessionOptionsTooLarge: more threads than there can be are as many as there
// can be; clips cannot be fewer than asked for.
func TestSessionOptionsTooLarge(t *testing.T) {
	m := smallNet().model(t)
	if n := len(m.NewSession(Threads(math.MaxInt)).workers); n != maxThreads {
		t.Errorf("%d threads, want %d", n, maxThreads)
	}
	for _, n := range []int{maxBatch + 1, math.MaxInt} {
		func() {
			defer func() {
				if got, want := fmt.Sprint(recover()), fmt.Sprintf("Batch(%d): a session runs at most 65536 clips at once", n); got != want {
					t.Errorf("panics with %q, want %q", got, want)
				}
			}()
			m.NewSession(Batch(n))
		}()
	}
}
