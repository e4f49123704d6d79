//go:build soak

// The program runs a model in many sessions at once for the seconds that its second
// argument says, or until there was load of every kind, and prints what it saw as JSON. Its first argument is the file of
// weights.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"suite/net"
)

const (
	sessions = 8
	clips    = 5
)

// report is what the program prints.
type report struct {
	ISA                 string
	Runs, Cancelled     int64
	Dropped             int64 // sessions that nobody closed
	Collections         uint32
	Goroutines, Files   [2]int     // at the start and at the end
	HeapMB, ResidentMB  [2]float64 // after a tenth of the time, and at the end
	PauseMS, MostPause  float64    // of garbage collections: 99.9 % of them are shorter, and the longest
	MillisecondsOfAClip float64    // on one thread, alone
}

// results are those of a clip.
type results struct{ logits, features []float32 }

func newResults() *results {
	return &results{make([]float32, net.Classes), make([]float32, net.Features)}
}

func (r *results) output() *net.Output { return &net.Output{Logits: r.logits, Features: r.features} }

func main() {
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	if err == nil {
		err = soak(os.Args[1], time.Duration(seconds*float64(time.Second)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func soak(weights string, length time.Duration) error {
	m, err := net.Open(weights)
	if err != nil {
		return err
	}
	load := &load{model: m, frames: make([][]uint8, clips), want: make([]*results, clips)}
	alone := m.NewSession(net.Threads(1))
	for i := range load.frames {
		load.frames[i] = frames(uint64(i))
		load.want[i] = newResults()
		start := time.Now()
		if err := alone.Run(load.want[i].output(), net.Uint8Clip(load.frames[i])); err != nil {
			return err
		}
		load.clip = time.Since(start)
	}
	r := report{ISA: m.ISA(), MillisecondsOfAClip: float64(load.clip.Microseconds()) / 1e3}
	r.Goroutines[0], r.Files[0] = runtime.NumGoroutine(), files()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(length, func() {
		for ctx.Err() == nil && !load.complete() { // a slow machine needs longer
			time.Sleep(10 * time.Millisecond)
		}
		cancel()
	})
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() { load.fail(cancel, load.session(ctx, uint64(i))) })
	}
	wg.Go(func() { load.fail(cancel, load.drop(ctx)) })
	wg.Go(func() { collect(ctx) })
	select {
	case <-time.After(length / 10):
	case <-ctx.Done():
	}
	r.HeapMB[0], r.ResidentMB[0] = memory()
	wg.Wait()
	if load.err != nil {
		return load.err
	}
	// Sessions that were dropped end once the collector has seen that.
	for range 100 {
		runtime.GC()
		if r.Goroutines[1] = runtime.NumGoroutine(); r.Goroutines[1] <= r.Goroutines[0] {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	r.Files[1] = files()
	r.HeapMB[1], r.ResidentMB[1] = memory()
	r.Runs, r.Cancelled, r.Dropped = load.runs.Load(), load.cancelled.Load(), load.dropped.Load()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	r.Collections = stats.NumGC
	r.PauseMS, r.MostPause = pauses()
	if err := m.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// frames returns a clip of noise.
func frames(seed uint64) []uint8 {
	random := rand.New(rand.NewPCG(seed, 1))
	b := make([]uint8, net.ClipLen)
	for i := range b {
		b[i] = uint8(random.Uint32())
	}
	return b
}

// load is what the sessions share.
type load struct {
	model  *net.Model
	frames [][]uint8
	want   []*results
	clip   time.Duration // that a run takes on one thread

	runs, cancelled, dropped atomic.Int64
	once                     sync.Once
	err                      error // the first
}

// complete reports whether there was load of every kind.
func (l *load) complete() bool {
	return l.runs.Load() > 0 && l.cancelled.Load() > 0 && l.dropped.Load() > 0
}

// fail ends the load at the first error.
func (l *load) fail(cancel context.CancelFunc, err error) {
	if err != nil {
		l.once.Do(func() { l.err = err })
		cancel()
	}
}

// session runs clips of all kinds until the context is done.
func (l *load) session(ctx context.Context, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 2))
	one := l.model.NewSession(net.Threads(1 + int(seed)%3))
	two := l.model.NewSession(net.Threads(1+int(seed)%2), net.Batch(2))
	for ctx.Err() == nil {
		a, b := random.IntN(clips), random.IntN(clips)
		got, other := newResults(), newResults()
		var err error
		switch random.IntN(5) {
		case 0:
			err = one.Classify(got.logits, l.frames[a])
			got.features = nil
		case 1:
			err = one.Run(got.output(), net.Uint8Clip(l.frames[a]))
		case 2:
			err = two.ClassifyBatch([][]float32{got.logits, other.logits}, [][]uint8{l.frames[a], l.frames[b]})
			got.features, other.features = nil, nil
			err = errors.Join(err, l.check(b, other))
		case 3:
			err = two.RunBatch([]net.Output{*got.output()}, []net.Clip{net.Uint8Clip(l.frames[a])})
		default:
			short, cancel := context.WithTimeout(context.Background(), time.Duration(random.Int64N(int64(2*l.clip))))
			err = one.RunContext(short, got.output(), net.Uint8Clip(l.frames[a]))
			cancel()
			if errors.Is(err, context.DeadlineExceeded) {
				l.cancelled.Add(1)
				continue
			}
		}
		if err = errors.Join(err, l.check(a, got)); err != nil {
			return fmt.Errorf("session %d: %w", seed, err)
		}
		l.runs.Add(1)
	}
	return nil
}

// drop makes sessions, uses them once, and forgets them.
func (l *load) drop(ctx context.Context) error {
	for i := 0; ctx.Err() == nil; i++ {
		got := newResults()
		s := l.model.NewSession(net.Threads(2))
		if err := errors.Join(s.Run(got.output(), net.Uint8Clip(l.frames[i%clips])), l.check(i%clips, got)); err != nil {
			return fmt.Errorf("a session that is dropped: %w", err)
		}
		l.dropped.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// check compares results bit by bit with those of the first run.
func (l *load) check(clip int, got *results) error {
	same := func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }
	want := l.want[clip]
	if !slices.EqualFunc(got.logits, want.logits, same) || got.features != nil && !slices.EqualFunc(got.features, want.features, same) {
		return fmt.Errorf("clip %d gives other results than alone", clip)
	}
	return nil
}

// collect makes garbage and has it collected.
func collect(ctx context.Context) {
	var keep [][]byte
	for i := 0; ctx.Err() == nil; i++ {
		keep = append(keep, make([]byte, 64<<10))
		if i%64 == 0 {
			keep = nil
			runtime.GC()
		}
		time.Sleep(time.Millisecond)
	}
}

// files counts the open files.
func files() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// memory returns what the heap holds and what of the process is resident, in
// megabytes.
func memory() (heap, resident float64) {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			resident = kilobytes / 1e3
		}
	}
	return float64(stats.HeapAlloc) / 1e6, resident
}

// pauses returns how long the world was stopped for the collector, in milliseconds:
// at most, in 99.9 % of the pauses and in all.
func pauses() (most, all float64) {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	total := uint64(0)
	for _, n := range h.Counts {
		total += n
	}
	seen := uint64(0)
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		if float64(seen) < 0.999*float64(total) {
			most = 1e3 * h.Buckets[i+1]
		}
		seen += n
		all = 1e3 * h.Buckets[i+1]
	}
	return most, all
}
