package ir

// covers returns, for each of the ops [i, j) of a region, where the positions
// of its result lie that a tile of the last op's result needs. It fails where
// two readers need pixels that are not alike, or where a tile of a result that
// leaves the region would overlap others. Where they need frames that are not
// alike, a tile must be complete in time, and the axis is zero.
func (s *scheduler) covers(i, j int) ([]Window, bool) {
	space := s.g.Values[s.ops[j-1].Out].Shape
	covers := make([]Window, j-i)
	for k := j - 1; k >= i; k-- {
		op, read := &s.ops[k], false
		need := func(w Window) bool {
			if read && (w.H != covers[k-i].H || w.W != covers[k-i].W) {
				return false
			}
			if read && w.T != covers[k-i].T {
				w.T = Axis{}
			}
			covers[k-i], read = w, true
			return true
		}
		for r := k + 1; r < j; r++ {
			reader := &s.ops[r]
			if reader.in == op.out && !need(reader.window.Of(covers[r-i])) {
				return nil, false
			}
			if reader.res == op.out && !need(reader.every.window().Of(covers[r-i])) {
				return nil, false
			}
		}
		if !read {
			covers[k-i] = UnitWindow
		}
		shape := s.g.Values[op.Out].Shape
		within := covers[k-i].H == Unit && covers[k-i].W == Unit && shape.H == space.H && shape.W == space.W
		if !within && !s.local(op.out, i, j) {
			return nil, false
		}
	}
	return covers, true
}

// window returns the window that visits what is read with the skip.
func (n Skip) window() Window {
	return Window{Axis{1, n.T, 0}, Axis{1, n.H, 0}, Axis{1, n.W, 0}}
}

// splitsTime reports whether tiles of single frames of the last op's result
// have no frame in common, in any op of the region.
func (s *scheduler) splitsTime(i, j int, covers []Window) bool {
	frames := s.g.Values[s.ops[j-1].Out].Shape.T
	for k := i; k < j; k++ {
		c := covers[k-i].T
		if s.ops[k].transform.T.Size() > 1 || c == (Axis{}) || c.Kernel > c.Stride || c.Pad > 0 {
			return false
		}
		if !s.local(s.ops[k].out, i, j) && (c != Unit || s.g.Values[s.ops[k].Out].Shape.T != frames) {
			return false
		}
	}
	return frames > 1
}

// extent returns the range of positions and channels of a step's result on
// the region's tile [lo, hi).
func (r *Region) extent(st *Step, lo, hi Shape) (from, to Shape) {
	from, to = lo, hi
	from.T, to.T = 0, st.OutShape.T
	if r.Space.T > 1 {
		from.T, to.T = st.Cover.T.Span(lo.T, hi.T, st.OutShape.T)
	}
	from.H, to.H = st.Cover.H.Span(lo.H, hi.H, st.OutShape.H)
	from.W, to.W = st.Cover.W.Span(lo.W, hi.W, st.OutShape.W)
	if r.Space.C == 1 {
		from.C, to.C = 0, st.OutShape.C
	}
	return from, to
}

// extents lists the different extents that a step meets on a region's tiles.
func (r *Region) extents(st *Step) [][2]Shape {
	seen := map[[2]Shape]bool{}
	var all [][2]Shape
	n := r.Tiles()
	for i := range n.Elems() {
		lo, hi := r.tile(i, n)
		from, to := r.extent(st, lo, hi)
		from.C, to.C = 0, 0
		if e := [2]Shape{from, to}; !seen[e] {
			seen[e] = true
			all = append(all, e)
		}
	}
	return all
}

// tile returns the corners of the i-th of n tiles.
func (r *Region) tile(i int, n Shape) (lo, hi Shape) {
	lo = Shape{i / (n.H * n.W * n.C) * r.Tile.T, i / (n.W * n.C) % n.H * r.Tile.H, i / n.C % n.W * r.Tile.W, i % n.C * r.Tile.C}
	hi = Shape{
		min(lo.T+r.Tile.T, r.Space.T), min(lo.H+r.Tile.H, r.Space.H),
		min(lo.W+r.Tile.W, r.Space.W), min(lo.C+r.Tile.C, r.Space.C),
	}
	return lo, hi
}

// tileRows returns the rows of the transform's tiles, in all its tiles along
// time, that cover a step's extent: they begin at multiples of their size, so
// that a value does not depend on how a region is cut.
func (f Transform) tileRows(from, to Shape) (times, first, rows int) {
	mt, mh := f.T.Size(), f.H.Size()
	times = (to.T - from.T + mt - 1) / mt
	first = from.H / mh
	return times, first, (to.H+mh-1)/mh - first
}
