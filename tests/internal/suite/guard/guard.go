//go:build suite && linux && amd64

// Package guard is the file that a generated package gets whose kernels run with
// guarded operands.
package guard

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"unsafe"
)

// Guard makes every kernel of the package on an instruction set run on copies of
// its operands, each as long as the kernel may touch: twice, first with a page
// behind every copy that cannot be touched, then with one before. A kernel that
// touches more ends the program with a message.
//
// A kernel may touch: of what a convolution reads, the channels that it sums and
// no more; of weights, its panel's; everywhere else whole vectors of its panel,
// which pixels have room for. Prefetches may go anywhere.
func Guard(isa string) {
	for _, c := range candidates() {
		p := c.plan
		for r := range p.regions {
			if p.isa != isa {
				break
			}
			for s := range p.regions[r].steps {
				st := &p.regions[r].steps[s]
				guardKernel(p, st, st.kernel)
				for _, k := range st.tails {
					guardKernel(p, st, k)
				}
				if st.winograd != nil {
					for _, k := range append(append([]int(nil), st.winograd.spread...), st.winograd.gather...) {
						guardKernel(p, st, k)
					}
				}
			}
		}
	}
}

// guarded are the kernels that are wrapped, so that none is twice.
var guarded sync.Map

func guardKernel(p *plan, st *step, i int) {
	if i == none {
		return
	}
	k := &p.kernels[i]
	if _, ok := guarded.LoadOrStore(k, true); ok {
		return
	}
	var f *transform
	taps := [3]int{}
	if st.pack != none {
		f, taps = p.packs[st.pack].transform, p.packs[st.pack].taps
	}
	switch {
	case k.conv != nil:
		k.conv = guardConv(p.isa, st, k, k.conv)
	case k.late != nil:
		k.late = guardLate(p.isa, k, f, taps, k.late)
	case k.pool != nil:
		k.pool = guardPool(p.isa, k, k.pool)
	case k.spread != nil:
		k.spread = guardSpread(p.isa, k, f, taps, k.spread)
	case k.gather != nil:
		k.gather = guardGather(p.isa, k, f, k.gather)
	}
}

func guardConv(isa string, st *step, k *kernel, call convFunc) convFunc {
	own := *k
	return func(in, weights, bias, res, out *float32, tiles, taps int) {
		k, points := &own, 1
		if k.points > 0 {
			points, taps = taps, 1
		}
		// last is the place of the last pixel.
		last := func(p pitch) int {
			between := p.pixel * k.cols
			if st.run == runRows {
				between = p.row * k.rows
			}
			return (tiles-1)*between + (k.cols-1)*p.pixel + (k.rows-1)*p.row
		}
		inPitch, outPitch := k.in, k.out
		if k.points > 0 {
			outPitch.row = 0
		}
		n := lengths{
			in:      (points-1)*k.stepT + last(inPitch) + (taps-1)*k.stepT + (k.tapsH-1)*k.stepH + (k.tapsW-1)*k.stepW + k.k,
			weights: points*taps*k.tapsH*k.tapsW*k.k*k.width + k.k2*k.width,
			out:     (points-1)*k.out.row + last(outPitch) + k.width,
		}
		for _, e := range k.epi {
			switch e {
			case epiBias:
				n.bias = k.width
			case epiAdd:
				n.res = last(k.res) + k.width
			}
		}
		if k.k2 > 0 {
			n.res = last(k.res) + k.k2
		}
		given := taps
		if k.points > 0 {
			given = points
		}
		guard(func() string {
			return fmt.Sprintf("a convolution on %s: %+v, %d tiles, %d taps", isa, own, tiles, given)
		}, operand{in, weights, bias, res, out}, n,
			func(o operand) { call(o.in, o.weights, o.bias, o.res, o.out, tiles, given) })
	}
}

// guardLate guards a late transform's products. What it makes of the weights is for
// itself, and is not copied back.
func guardLate(isa string, k *kernel, f *transform, taps [3]int, call lateFunc) lateFunc {
	own := *k
	return func(in, panel, made, ahead, out *float32, tiles, row, rows int) {
		k, points := &own, rows*f[2].points
		n := lengths{
			in:      (points-1)*k.stepT + (tiles*k.cols-1)*k.in.pixel + k.k,
			weights: taps[1] * taps[2] * k.k * k.width,
			res:     taps[2] * k.k * k.width,
			out:     (points-1)*k.out.row + (tiles*k.cols-1)*k.out.pixel + k.width,
		}
		guard(func() string {
			return fmt.Sprintf("late products on %s: %+v, %d tiles, rows %d to %d", isa, own, tiles, row, row+rows)
		}, operand{in: in, weights: panel, res: made, out: out}, n,
			func(o operand) { call(o.in, o.weights, o.res, ahead, o.out, tiles, row, rows) })
	}
}

func guardPool(isa string, k *kernel, call poolFunc) poolFunc {
	own := *k
	return func(in, out *float32, pixels, tapsT, tapsH, tapsW int, scale float32) {
		k := &own
		n := lengths{
			in:  (pixels-1)*k.in.pixel + (tapsT-1)*k.stepT + (tapsH-1)*k.stepH + (tapsW-1)*k.stepW + k.width,
			out: (pixels-1)*k.out.pixel + k.width,
		}
		guard(func() string { return fmt.Sprintf("a pool on %s: %+v, %d pixels", isa, own, pixels) }, operand{in: in, out: out}, n,
			func(o operand) { call(o.in, o.out, pixels, tapsT, tapsH, tapsW, scale) })
	}
}

func guardSpread(isa string, k *kernel, f *transform, taps [3]int, call spreadFunc) spreadFunc {
	own := *k
	return func(in, out *float32, tiles, vectors int) {
		k := &own
		n := lengths{
			in:  (tiles-1)*k.cols*f[2].phases*k.in.pixel + vectors*k.width,
			out: (tiles-1)*k.out.pixel + (f.points()-1)*k.stepT + vectors*k.width,
		}
		switch {
		case f[0].inputs > 1:
			n.in += (k.to-k.from-1)*k.in.row + (f.parts()-1)*k.k
		case f.ofFrame() > 1:
			// A vector of eight has the phases of a row; the last tap is of this one.
			phase := (taps[1] - 1) % f[1].phases
			n.in = (tiles-1)*k.cols*f[2].phases*k.in.pixel + ((f[1].inputs-1)*f[1].phases+phase)*k.in.row + (f[2].inputs-1)*f[2].phases*k.in.pixel + 8
			n.out = (tiles-1)*k.out.pixel + (f.points()-1)*k.stepT + (f[1].phases-1)*f[2].phases*k.k + 8
		default:
			n.in += (f[1].inputs-1)*k.in.row + (f[2].inputs-1)*k.in.pixel
		}
		guard(func() string { return fmt.Sprintf("a transform of patches on %s: %+v, %d tiles", isa, own, tiles) }, operand{in: in, out: out}, n,
			func(o operand) { call(o.in, o.out, tiles, vectors) })
	}
}

func guardGather(isa string, k *kernel, f *transform, call gatherFunc) gatherFunc {
	own := *k
	return func(in, bias, res, out *float32, tiles, vectors, rows, cols int) {
		k, along := &own, rows
		if f[0].results > 1 {
			along = k.to
		}
		channels := vectors * f.parts() * k.width
		last := func(p pitch) int { return (tiles-1)*k.cols*p.pixel + (along-1)*p.row + (cols-1)*p.pixel }
		n := lengths{in: (tiles-1)*k.in.pixel + (f.points()-1)*k.stepT + vectors*k.width, out: last(k.out) + channels}
		for _, e := range k.epi {
			switch e {
			case epiBias:
				n.bias = channels
			case epiAdd:
				n.res = last(k.res) + channels
			}
		}
		guard(func() string {
			return fmt.Sprintf("a transform of sums on %s: %+v, %d tiles, %dx%d", isa, own, tiles, along, cols)
		}, operand{in, nil, bias, res, out}, n,
			func(o operand) { call(o.in, o.bias, o.res, o.out, tiles, vectors, rows, cols) })
	}
}

// operand is what a kernel takes; lengths are how many values it may touch.
type (
	operand struct{ in, weights, bias, res, out *float32 }
	lengths struct{ in, weights, bias, res, out int }
)

// guard calls a kernel on guarded copies of its operands, and copies its result
// back. Operands of no values point to memory that cannot be touched.
func guard(what func() string, o operand, n lengths, call func(operand)) {
	pages.Lock()
	defer pages.Unlock()
	debug.SetPanicOnFault(true)
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "%v: a value that is not of its operands, in %s; it may touch %+v values\n", r, what(), n)
			os.Exit(1)
		}
	}()
	for _, behind := range []bool{true, false} {
		var c operand
		for i, x := range []struct {
			from *float32
			n    int
			to   **float32
		}{{o.in, n.in, &c.in}, {o.weights, n.weights, &c.weights}, {o.bias, n.bias, &c.bias}, {o.res, n.res, &c.res}, {o.out, n.out, &c.out}} {
			*x.to = pages.copy(i, x.from, x.n, behind)
		}
		call(c)
		if !behind {
			copy(unsafe.Slice(o.out, n.out), unsafe.Slice(c.out, n.out))
		}
	}
}

// guardPages is the memory of the operands of the call under way.
type guardPages struct {
	sync.Mutex
	of [5][]byte // whole pages, the first and the last of which cannot be touched
}

var pages guardPages

const page = 4096

// copy copies values to an operand's memory: to the end in front of the last
// page, or to the start behind the first.
func (p *guardPages) copy(i int, from *float32, n int, behind bool) *float32 {
	size := 4 * n
	if m := p.of[i]; len(m) < size+3*page {
		if m != nil {
			must(syscall.Munmap(m))
		}
		whole := (2*size + 4*page) / page * page
		m, err := syscall.Mmap(-1, 0, whole, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		must(err)
		must(syscall.Mprotect(m[:page], syscall.PROT_NONE))
		must(syscall.Mprotect(m[whole-page:], syscall.PROT_NONE))
		p.of[i] = m
	}
	start := page
	if behind || n == 0 {
		start = len(p.of[i]) - page - size
	}
	at := (*float32)(unsafe.Pointer(&p.of[i][start]))
	if n > 0 {
		copy(unsafe.Slice(at, n), unsafe.Slice(from, n))
	}
	return at
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
