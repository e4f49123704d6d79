package support

// line is Winograd's algorithm along one axis: tiles of results are made of
// as many products as there are points. Inputs that are phases apart, and the
// taps on them, have matrices of their own; what they make of a point is added.
// An axis that is left as it is has one of everything.
type line struct {
	results, inputs, points, phases int
	in, weights                     [][][]float64 // by phase: points x inputs, points x taps
	out                             [][]float64   // results x points
}

// transform is Winograd's algorithm for a convolution, by axis: frames, rows,
// columns.
type transform [3]*line

func (f *transform) points() int { return f[0].points * f[1].points * f[2].points }
func (f *transform) phases() int { return f[0].phases * f[1].phases * f[2].phases }

// weights writes to y the weights of a pair of channels at each point and, side
// by side, phase. g has them by tap.
func (f *transform) weights(y, g []float64, taps [3]int) {
	clear(y)
	phases := f.phases()
	for p := range f.points() {
		at := [3]int{p / (f[1].points * f[2].points), p / f[2].points % f[1].points, p % f[2].points}
		for t, x := range g {
			tap := [3]int{t / (taps[1] * taps[2]), t / taps[2] % taps[1], t % taps[2]}
			phase := 0
			for i, l := range f {
				phase = phase*l.phases + tap[i]%l.phases
				x *= l.weights[tap[i]%l.phases][at[i]][tap[i]/l.phases]
			}
			y[p*phases+phase] += x
		}
	}
}

// maxBlock is how many values the largest patch has.
const maxBlock = 49

// block holds patches, points or results of neighbouring channels.
type block [maxBlock][genericWidth]float32

// multiply multiplies the block by a matrix along each axis.
func (b *block) multiply(ms [3][][]float64) {
	n := len(ms[0][0]) * len(ms[1][0]) * len(ms[2][0])
	for axis, m := range ms {
		inner := 1
		for _, later := range ms[axis+1:] {
			inner *= len(later[0])
		}
		cols := len(m[0])
		outer := n / (cols * inner)
		n = outer * len(m) * inner
		if len(m) == 1 && cols == 1 {
			continue
		}
		x := *b
		for o := range outer {
			for i, row := range m {
				for k := range inner {
					y := &b[(o*len(m)+i)*inner+k]
					*y = [genericWidth]float32{}
					for j, c := range row {
						if c != 0 {
							addMul(y, &x[(o*cols+j)*inner+k], float32(c))
						}
					}
				}
			}
		}
	}
}

func addMul(y, x *[genericWidth]float32, c float32) {
	for i := range y {
		y[i] += c * x[i]
	}
}
