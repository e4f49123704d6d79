package support

// line is Winograd's algorithm along one axis: tiles of results are made of
// as many products as there are points. Inputs that are phases apart, and the
// taps on them, have matrices of their own; what they make of a point is added.
// An axis that is left as it is has one of everything. Where channels are cut in
// parts, each input, tap and result of the matrices is one of each part.
type line struct {
	results, inputs, points, phases int
	parts                           int           // of the input and of the output channels
	late                            bool          // weights are made into points when they are used
	in, weights                     [][][]float64 // by phase: points x inputs, points x taps
	out                             [][]float64   // results x points
}

// transform is Winograd's algorithm for a convolution, by axis: frames, rows,
// columns.
type transform [3]*line

func (f *transform) points() int { return f[0].points * f[1].points * f[2].points }
func (f *transform) parts() int  { return f[0].parts }
func (f *transform) late() bool  { return f[2].late }
func (f *transform) phases() int { return f[0].phases * f.ofFrame() }

// ofFrame returns the number of phases of a frame.
func (f *transform) ofFrame() int { return f[1].phases * f[2].phases }

// weights writes to y the weights of a pair of channels at each point and, side
// by side, phase. g has them by tap. Products are not fused with sums, so
// that packed weights have the same bits everywhere.
func (f *transform) weights(y []float64, g []float32, taps [3]int) {
	var a, b [maxBlock]float64
	phases := f.phases()
	for phase := range phases {
		pt, ph, pw := phase/f.ofFrame(), phase/f[2].phases%f[1].phases, phase%f[2].phases
		mt, mh, mw := f[0].weights[pt], f[1].weights[ph], f[2].weights[pw]
		kt, kh := len(mt[0]), len(mh[0])
		for i := range kt * kh { // along each row
			for p, m := range mw {
				sum := 0.0
				for k, c := range m {
					frame, row := i/kh*f[0].phases+pt, i%kh*f[1].phases+ph
					x := g[(frame*taps[1]+row)*taps[2]+k*f[2].phases+pw]
					sum += float64(c * float64(x))
				}
				a[i*len(mw)+p] = sum
			}
		}
		combine(b[:], a[:], mh, kt, len(mw))
		combine(a[:], b[:], mt, 1, len(mh)*len(mw))
		for p := range f.points() {
			y[p*phases+phase] = a[p]
		}
	}
}

// combine multiplies outer blocks of lines, each of inner values, by a matrix.
func combine(y, x []float64, m [][]float64, outer, inner int) {
	for o := range outer {
		for p, row := range m {
			line := y[(o*len(m)+p)*inner:][:inner]
			clear(line)
			for k, c := range row {
				for i, v := range x[(o*len(row)+k)*inner:][:inner] {
					line[i] += float64(c * v)
				}
			}
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
