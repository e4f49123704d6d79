package support

import (
	"context"
	"math/bits"
	"runtime"
	"slices"
	"testing"
)

// cpus lists the processors of a set.
func (s *cpuSet) cpus() (list []int) {
	for i := range len(s) * bits.UintSize {
		if s[i/bits.UintSize]>>(i%bits.UintSize)&1 == 1 {
			list = append(list, i)
		}
	}
	return list
}

// setOf returns the set of some processors.
func setOf(cpus ...int) (s cpuSet) {
	for _, c := range cpus {
		s[c/bits.UintSize] |= 1 << (c % bits.UintSize)
	}
	return s
}

func TestOneCPU(t *testing.T) {
	s := setOf(3, 31, 32, 63, 64, 4000)
	for i, want := range []int{3, 31, 32, 63, 64, 4000, 3, 31} {
		one := s.one(i)
		if got := one.cpus(); !slices.Equal(got, []int{want}) {
			t.Errorf("processor %d of %v is %v, want %d", i, s.cpus(), got, want)
		}
	}
	var none cpuSet
	if one := none.one(1); len(one.cpus()) > 0 {
		t.Errorf("an empty set has %v", one.cpus())
	}
}

// watcher is a context that notes where the thread of its looks may run.
type watcher struct {
	context.Context
	seen []int
}

func (w *watcher) Err() error {
	s := threadCPUs()
	w.seen = append(w.seen, s.cpus()...)
	return nil
}

// TestPin runs pinned sessions in threads that may use all processors, and
// one alone: workers are bound to those, each to its own as far as they go,
// the results are the same, and the caller's thread is left as it was.
func TestPin(t *testing.T) {
	runtime.LockOSThread() // and so ends with the test, whatever it is bound to
	all := threadCPUs()
	last := all.cpus()[len(all.cpus())-1]
	n := smallNet()
	m := n.model(t)
	clips, want := batchOf(t, n, m, 1)
	for _, mine := range []cpuSet{all, setOf(last)} {
		bindThread(&mine)
		if got := threadCPUs(); got != mine {
			t.Fatalf("bound to %v, want %v", got.cpus(), mine.cpus())
		}
		for _, first := range []int{0, 1, 5, -2} {
			s := m.NewSession(Threads(3), Pin(first))
			var bound []int
			for i := range s.workers {
				list := mine.cpus()
				one := s.workers[i].cpu.cpus()
				if !slices.Equal(one, []int{list[(max(first, 0)+i)%len(list)]}) {
					t.Errorf("Pin(%d) binds worker %d of %v to %v", first, i, list, one)
				}
				bound = append(bound, one...)
			}
			ctx, got := &watcher{Context: context.Background()}, room()
			if err := s.RunContext(ctx, &got, clips[0]); err != nil || !sameOutput(got, want[0]) {
				t.Errorf("Pin(%d): %v, %v, want %v", first, err, got, want[0])
			}
			if seen := slices.Compact(ctx.seen); !slices.Equal(seen, bound[:1]) {
				t.Errorf("Pin(%d) ran on %v, want %v", first, seen, bound[:1])
			}
			if now := threadCPUs(); now != mine {
				t.Errorf("Pin(%d) left the caller bound to %v, was %v", first, now.cpus(), mine.cpus())
			}
			served := make(chan cpuSet)
			go func() {
				s.workers[2].pin()
				served <- threadCPUs()
			}()
			if on := <-served; !slices.Equal(on.cpus(), bound[2:]) {
				t.Errorf("a worker of Pin(%d) runs on %v, want %v", first, on.cpus(), bound[2:])
			}
		}
	}
}
