package support

import (
	"testing"
	"unsafe"
)

// TestLookAhead follows what a worker asks for ahead of each tile: every value
// that the tile's steps read or write there, and nothing outside of the arena.
func TestLookAhead(t *testing.T) {
	side := axis{3, 1, 1}
	in := buffer{offset: 100, frame: 10 * 12 * 16, row: 12 * 16, pixel: 16}
	out := buffer{offset: 5000, frame: 5 * 6 * 32, row: 6 * 32, pixel: 32}
	res := buffer{offset: 9000, frame: 10 * 12 * 32, row: 12 * 32, pixel: 32}
	p := &plan{
		arena: 20_000, buffers: []buffer{in, out, res},
		regions: []region{{
			space: shape{2, 5, 6, 64}, tile: shape{1, 2, 6, 32},
			steps: []step{{
				in: 0, out: 1, res: 2, every: [3]int{1, 2, 2}, ahead: ahead{in: true, res: true, out: true},
				window: [3]axis{side, {3, 2, 1}, {3, 2, 1}}, cover: [3]axis{{1, 1, 0}, {1, 1, 0}, {1, 1, 0}},
				from: shape{2, 10, 12, 16}, to: shape{2, 5, 6, 64},
			}},
		}},
	}
	arenas := [][]float32{make([]float32, p.arena), make([]float32, p.arena)}
	asked := make(map[*float32]bool)
	p.prefetch = func(at *float32, lines int) {
		for i := range lines {
			asked[(*float32)(unsafe.Add(unsafe.Pointer(at), 64*i))] = true
		}
	}
	for _, clips := range []int{1, 2} {
		w := &worker{team: &team{model: &Model{plan: p}, arenas: arenas, clips: make([]Clip, clips)}}
		r := &p.regions[0]
		for i := range r.grid().elems() * clips {
			clear(asked)
			w.lookAhead(r, i)
			for range 100 {
				w.prefetch()
			}
			if clips == 1 && i%2 > 0 {
				if len(asked) > 0 {
					t.Fatalf("tile %d has the pixels of the one before, but %d lines are asked for", i, len(asked))
				}
				continue
			}
			arena := arenas[i%clips]
			within := func(at *float32) bool {
				d := uintptr(unsafe.Pointer(at)) - uintptr(unsafe.Pointer(&arena[0]))
				return d < uintptr(4*len(arena))
			}
			for at := range asked {
				if !within(at) {
					t.Fatalf("%d clips, tile %d: a line outside of its clip's arena", clips, i)
				}
			}
			want := func(b *buffer, t0, h, x int) {
				t.Helper()
				for c := 0; c < b.pixel; c += lineLen {
					if !asked[&arena[b.at(t0, h, x)+c]] {
						t.Fatalf("%d clips, tile %d: position %d, %d, %d of the buffer at %d is not asked for", clips, i, t0, h, x, b.offset)
					}
				}
			}
			st := &r.steps[0]
			lo, hi := r.corners(i / clips)
			for tt := lo.t; tt < hi.t; tt++ {
				for h := lo.h; h < hi.h; h++ {
					for x := range 6 {
						want(&out, tt, h, x)
						want(&res, tt, 2*h, 2*x)
						t0, t1 := st.window[0].span(tt, 2)
						h0, h1 := st.window[1].span(h, 10)
						x0, x1 := st.window[2].span(x, 12)
						for a := t0; a < t1; a++ {
							for b := h0; b < h1; b++ {
								for c := x0; c < x1; c++ {
									want(&in, tt-1+a, 2*h-1+b, 2*x-1+c)
								}
							}
						}
					}
				}
			}
		}
	}
}
