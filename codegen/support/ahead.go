package support

// prefetchFunc asks for cache lines from at on, into the second-level cache.
type prefetchFunc func(at *float32, lines int)

// ahead says which operands of a step are asked for while the tile before is
// computed.
type ahead struct{ in, res, out bool }

// A stretch of memory is asked for some lines at a time, between kernel calls:
// as many as a core keeps track of.
const (
	lineLen      = 16 // values in a cache line
	linesAtATime = 24
)

// stretches are parts of an arena that a worker asks for.
type stretches struct {
	left  [][]float32
	first int // of those that are not all asked for
}

// lookAhead notes what the i-th tile of a region, counted over all clips, will
// touch. Where it has the pixels of the tile before it, that is nothing new.
func (w *worker) lookAhead(r *region, i int) {
	if w.model.plan.prefetch == nil {
		return
	}
	w.next.left, w.next.first = w.next.left[:0], 0
	if len(w.clips) == 1 && i%r.grid().c > 0 {
		return
	}
	arena := w.arenas[i%len(w.clips)]
	lo, hi := r.corners(i / len(w.clips))
	for s := range r.steps {
		st := &r.steps[s]
		if st.ahead == (ahead{}) {
			continue
		}
		from, to := r.extent(st, lo, hi)
		if st.ahead.in {
			first, end := st.reads(from, to)
			w.next.add(arena, &w.model.plan.buffers[st.in], first, end)
		}
		if st.ahead.res {
			first, end := st.adds(from, to)
			w.next.add(arena, &w.model.plan.buffers[st.res], first, end)
		}
		if st.ahead.out {
			w.next.add(arena, &w.model.plan.buffers[st.out], from, to)
		}
	}
}

// add adds the rows of a map from one corner to the other: in each frame they
// follow one another.
func (s *stretches) add(arena []float32, b *buffer, from, to shape) {
	for t := from.t; t < to.t; t++ {
		first, last := b.at(t, from.h, from.w), b.at(t, to.h-1, to.w-1)
		s.left = append(s.left, arena[first:last+b.pixel])
	}
}

// prefetch asks for some more of what the next tile will touch.
func (w *worker) prefetch() {
	s := &w.next
	for n := linesAtATime; n > 0 && s.first < len(s.left); {
		x := s.left[s.first]
		lines := min(n, (len(x)+lineLen-1)/lineLen)
		w.model.plan.prefetch(&x[0], lines)
		n -= lines
		if s.left[s.first] = x[min(lines*lineLen, len(x)):]; len(s.left[s.first]) == 0 {
			s.first++
		}
	}
}
