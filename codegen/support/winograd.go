package support

// Winograd's algorithm F(m x m, 3x3): patches of m+2 by m+2 pixels become as
// many points, which a convolution sums over the input channels, and the sums
// become tiles of m x m results. Each of the three matrices that do this works
// along both axes. The constants are those of the points 0, ±√½, ±√2 and
// infinity, for m = 2 of 0, ±1 and infinity.
const (
	sqrt2     = 1.41421356237309504880168872420969808
	halfSqrt2 = sqrt2 / 2
)

// maxSide is the side of the largest patch.
const maxSide = 6

// block is a patch, its points or its results, in the upper left corner.
type block [maxSide][maxSide]float32

// spread makes a patch into points, for tiles of the given side: each row, then
// each column.
func (b *block) spread(side int) {
	for range 2 {
		for i := range side + 2 {
			if side == 2 {
				spread2(&b[i])
			} else {
				spread4(&b[i])
			}
		}
		b.transpose(side + 2)
	}
}

// gather makes the sums at the points into a tile of results.
func (b *block) gather(side int) {
	for range 2 {
		for i := range side + 2 {
			if side == 2 {
				gather2(&b[i])
			} else {
				gather4(&b[i])
			}
		}
		b.transpose(side + 2)
	}
}

func (b *block) transpose(n int) {
	for i := range n {
		for j := range i {
			b[i][j], b[j][i] = b[j][i], b[i][j]
		}
	}
}

// spread2 makes a line of four pixels into four points.
func spread2(x *[maxSide]float32) {
	x[0], x[1], x[2], x[3] = x[0]-x[2], x[1]+x[2], x[2]-x[1], x[3]-x[1]
}

// spread4 makes a line of six pixels into six points.
func spread4(x *[maxSide]float32) {
	p, q := x[4]-2*x[2], halfSqrt2*(x[3]-2*x[1])
	r, s := x[4]-0.5*x[2], sqrt2*(x[3]-0.5*x[1])
	x[0], x[5] = x[0]-2.5*x[2]+x[4], x[1]-2.5*x[3]+x[5]
	x[1], x[2], x[3], x[4] = p+q, p-q, r+s, r-s
}

// gather2 makes the sums at four points into two results.
func gather2(x *[maxSide]float32) {
	x[0], x[1] = x[0]+x[1]+x[2], x[1]-x[2]+x[3]
}

// gather4 makes the sums at six points into four results.
func gather4(x *[maxSide]float32) {
	s, u := x[1]+x[2], x[1]-x[2]
	t, v := x[3]+x[4], x[3]-x[4]
	x[0], x[1] = x[0]+s+t, halfSqrt2*u+sqrt2*v
	x[2], x[3] = 0.5*s+2*t, x[5]+0.5*halfSqrt2*u+2*sqrt2*v
}

// winogradIn transforms patches, one tile row after another.
func (w *worker) winogradIn(st *step, k *kernel) {
	w.tileRows(k, st.from.h, func(row, t, h int) {
		for col := w.lo.w; col < w.hi.w; col += st.maxTiles {
			in, from := w.place(st.in, t, h-1, col*k.cols-1)
			out, to := w.place(st.out, 0, row, col)
			n := min(st.maxTiles, w.hi.w-col)
			vectors := (st.from.c + k.width - 1) / k.width
			if k.winogradIn == nil {
				k.winogradInGeneric(in[from:], out[to:], n, vectors)
			} else {
				k.winogradIn(&in[from], &out[to], n, vectors)
			}
		}
	})
}

// winogradOut transforms sums. Tiles that reach over the map's edge are cut.
func (w *worker) winogradOut(st *step, k *kernel) {
	w.tileRows(k, st.to.h, func(row, t, h int) {
		whole := min(w.hi.w, st.to.w/k.cols)
		rows := min(k.rows, st.to.h-h)
		for col := w.lo.w; col < w.hi.w; {
			n, cols := min(st.maxTiles, whole-col), k.cols
			if n < 1 {
				n, cols = 1, st.to.w-col*k.cols
			}
			w.winogradTiles(st, k, row, col, t, h, n, rows, cols)
			col += n
		}
	})
}

// tileRows calls f for each tile row of the worker's tile, with the frame and
// the first row of pixels that it covers.
func (w *worker) tileRows(k *kernel, height int, f func(row, t, h int)) {
	perFrame := (height + k.rows - 1) / k.rows
	for row := w.lo.h; row < w.hi.h; row++ {
		f(row, row/perFrame, row%perFrame*k.rows)
	}
}

// winogradTiles transforms the sums of n tiles, of which rows x cols results
// each are on the map.
func (w *worker) winogradTiles(st *step, k *kernel, row, col, t, h, n, rows, cols int) {
	x, c := col*k.cols, w.lo.c
	in, from := w.place(st.in, 0, row, col)
	out, to := w.place(st.out, t, h, x)
	var res []float32
	if st.res != none {
		all, add := w.place(st.res, t*st.every[0], h*st.every[1], x*st.every[2])
		res = all[add+c:]
	}
	in, out = in[from+c:], out[to+c:]
	bias := w.packed[w.model.plan.packs[st.pack].bias+c:]
	vectors := (w.hi.c - c + k.width - 1) / k.width
	if k.winogradOut == nil {
		k.winogradOutGeneric(in, bias, res, out, n, vectors, rows, cols)
		return
	}
	var add *float32
	if res != nil {
		add = &res[0]
	}
	k.winogradOut(&in[0], &bias[0], add, &out[0], n, vectors, rows, cols)
}

// winogradInGeneric is the portable kernel: see winogradInFunc.
func (k *kernel) winogradInGeneric(in, out []float32, tiles, vectors int) {
	n := k.rows + 2
	var b block
	for i := range tiles {
		for c := range vectors * k.width {
			x, y := in[i*k.cols*k.in.pixel+c:], out[i*k.out.pixel+c:]
			for r := range n {
				for q := range n {
					b[r][q] = x[r*k.in.row+q*k.in.pixel]
				}
			}
			b.spread(k.rows)
			for p := range n * n {
				y[p*k.stepT] = b[p/n][p%n]
			}
		}
	}
}

// winogradOutGeneric is the portable kernel: see winogradOutFunc.
func (k *kernel) winogradOutGeneric(in, bias, res, out []float32, tiles, vectors, rows, cols int) {
	n := k.rows + 2
	var b block
	for i := range tiles {
		for c := range vectors * k.width {
			x := in[i*k.in.pixel+c:]
			for p := range n * n {
				b[p/n][p%n] = x[p*k.stepT]
			}
			b.gather(k.rows)
			for r := range rows {
				for q := range cols {
					add := at(res, i*k.cols*k.res.pixel+r*k.res.row+q*k.res.pixel+c)
					k.finish(b[r][q:q+1], bias[c:], add)
					out[i*k.cols*k.out.pixel+r*k.out.row+q*k.out.pixel+c] = b[r][q]
				}
			}
		}
	}
}

// winogradWeights are the rows of the matrix that makes three weights into the
// points', by the side of the tiles.
func winogradWeights(side int) [][3]float64 {
	if side == 2 {
		return [][3]float64{{1, 0, 0}, {.5, .5, .5}, {.5, -.5, .5}, {0, 0, 1}}
	}
	return [][3]float64{
		{1, 0, 0},
		{-1 / 1.5, -halfSqrt2 / 1.5, -.5 / 1.5},
		{-1 / 1.5, halfSqrt2 / 1.5, -.5 / 1.5},
		{1. / 6, sqrt2 / 6, 2. / 6},
		{1. / 6, -sqrt2 / 6, 2. / 6},
		{0, 0, 1},
	}
}

// transformWeights writes to points what 3x3 weights are at each.
func transformWeights(points []float64, m [][3]float64, g *[9]float64) {
	for i, r := range m {
		var row [3]float64
		for q := range row {
			row[q] = r[0]*g[q] + r[1]*g[3+q] + r[2]*g[6+q]
		}
		for j, c := range m {
			points[i*len(m)+j] = c[0]*row[0] + c[1]*row[1] + c[2]*row[2]
		}
	}
}
