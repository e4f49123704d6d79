package ptx

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Launch is a call of a kernel.
type Launch struct {
	Blocks, Threads, Shared int // threads of a block, bytes
	Args                    []uint64
	Memory                  []Range
	Only                    []int     // these blocks alone, if there are any
	Counters                *Counters // where what warps do is added, if it is wanted
}

// mostSteps are as many instructions of warps as a block may take.
const mostSteps = 1 << 25

// block is the block of threads that a goroutine is at.
type block struct {
	kernel   *Kernel
	launch   *Launch
	number   int
	shared   shared
	global   *global
	warps    []*warp
	steps    int
	counters Counters
	counting bool
}

// Run executes a launch, its blocks on all processors, and returns the first fault.
func (k *Kernel) Run(l Launch) error {
	if len(l.Args) != len(k.params) {
		return fmt.Errorf("kernel %s has %d parameters, not %d", k.Name, len(k.params), len(l.Args))
	}
	if l.Threads > k.most || l.Threads <= 0 || l.Threads%warpSize != 0 {
		return fmt.Errorf("kernel %s has blocks of up to %d threads, and of whole warps: %d are neither", k.Name, k.most, l.Threads)
	}
	g, err := newGlobal(l.Memory)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.Name, err)
	}
	numbers := l.Only
	if numbers == nil {
		for i := range l.Blocks {
			numbers = append(numbers, i)
		}
	}
	var next atomic.Int64
	var lock sync.Mutex
	var wg sync.WaitGroup
	var fault error
	for range min(len(numbers), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			b := newBlock(k, &l, g)
			for i := next.Add(1) - 1; i < int64(len(numbers)); i = next.Add(1) - 1 {
				if err := b.run(numbers[i]); err != nil {
					lock.Lock()
					if fault == nil {
						fault = err
					}
					lock.Unlock()
					next.Store(int64(len(numbers)))
				}
			}
			lock.Lock()
			defer lock.Unlock()
			if l.Counters != nil {
				l.Counters.Add(&b.counters)
			}
		})
	}
	wg.Wait()
	if fault == nil && l.Only == nil {
		if err := g.finish(); err != nil {
			return fmt.Errorf("kernel %s: %w", k.Name, err)
		}
	}
	return fault
}

// newBlock makes a block's memories; run uses them again and again.
func newBlock(k *Kernel, l *Launch, g *global) *block {
	b := &block{kernel: k, launch: l, global: g, counting: l.Counters != nil}
	for first := 0; first < l.Threads; first += warpSize {
		w := &warp{block: b, first: first, registers: make([]lanes, k.slots)}
		for lane := range warpSize {
			w.registers[k.threadAt][lane] = uint64(first + lane)
			for value, at := range k.constants {
				w.registers[at][lane] = value
			}
			for i, value := range l.Args {
				w.registers[k.paramsAt+i][lane] = value
			}
		}
		b.warps = append(b.warps, w)
	}
	return b
}

// run executes one block.
func (b *block) run(number int) error {
	b.number, b.steps = number, 0
	b.shared.start(b.launch.Shared)
	for _, w := range b.warps {
		for lane := range warpSize {
			w.registers[b.kernel.blockAt][lane] = uint64(number)
		}
		w.start()
	}
	b.counters.Blocks++
	b.counters.Warps += len(b.warps)
	running := slices.Clone(b.warps)
	for len(running) > 0 {
		waiting := running[:0]
		for _, w := range running {
			ended, err := w.run()
			if err != nil {
				return err
			}
			if !ended {
				waiting = append(waiting, w)
			}
		}
		if n := len(waiting); n > 0 && n < len(b.warps) {
			w := waiting[0]
			return w.fault(&b.kernel.code[w.groups[0].at], 0, fmt.Errorf("waits for %d warps, which have ended", len(b.warps)-n))
		}
		b.shared.barrier()
		for _, w := range waiting {
			w.release()
		}
		running = waiting
	}
	return nil
}
