package support

import (
	"math"
	"testing"
	"unsafe"
)

// want computes every value by the formulas, in float64, in C, T, H, W order.
func (n *testNet) want(clip []float32) [][]float64 {
	values := [][]float64{nil}
	for _, v := range clip {
		values[0] = append(values[0], float64(v))
	}
	for i := range n.layers {
		l, in, out := &n.layers[i], n.values[n.layers[i].in], n.values[i+1]
		x := values[l.in]
		if l.kind == kindSoftmax {
			values = append(values, softmax64(x))
			continue
		}
		y := make([]float64, 0, out.elems())
		for c := range out.c {
			for t := range out.t {
				for h := range out.h {
					for w := range out.w {
						y = append(y, n.wantAt(l, in, x, values, c, t, h, w))
					}
				}
			}
		}
		values = append(values, y)
	}
	return values
}

func (n *testNet) wantAt(l *layer, in shape, x []float64, values [][]float64, c, t, h, w int) float64 {
	sum, count, most, tap := 0.0, 0, math.Inf(-1), 0
	weights, bias := []float32(nil), []float32(nil)
	if l.kind == kindConv {
		weights, bias = n.params[n.net.params[l.param].name], n.params[n.net.params[l.param+1].name]
	}
	taps := l.window[0].kernel * l.window[1].kernel * l.window[2].kernel
	for kt := range l.window[0].kernel {
		for kh := range l.window[1].kernel {
			for kw := range l.window[2].kernel {
				it, ih, iw := t*l.window[0].stride-l.window[0].pad+kt, h*l.window[1].stride-l.window[1].pad+kh, w*l.window[2].stride-l.window[2].pad+kw
				if it >= 0 && it < in.t && ih >= 0 && ih < in.h && iw >= 0 && iw < in.w {
					pixel := func(ch int) float64 { return x[((ch*in.t+it)*in.h+ih)*in.w+iw] }
					if l.kind == kindConv {
						for ci := range in.c {
							sum += pixel(ci) * float64(weights[(c*in.c+ci)*taps+tap])
						}
					} else {
						sum, count, most = sum+pixel(c), count+1, math.Max(most, pixel(c))
					}
				}
				tap++
			}
		}
	}
	switch l.kind {
	case kindMaxPool:
		return most
	case kindAveragePool:
		return sum / float64(count)
	}
	for _, e := range l.epi {
		switch e {
		case epiBias:
			sum += float64(bias[c])
		case epiReLU:
			sum = math.Max(sum, 0)
		case epiAdd:
			s := n.values[l.res]
			sum += values[l.res][((c*s.t+t*l.every[0])*s.h+h*l.every[1])*s.w+w*l.every[2]]
		}
	}
	return sum
}

func softmax64(x []float64) []float64 {
	most := x[0]
	for _, v := range x {
		most = math.Max(most, v)
	}
	sum, y := 0.0, make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(v - most)
		sum += y[i]
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}

// tileConv stands in for assembly with register tiles of many pixels.
func tileConv(k kernel) convFunc {
	at := func(p *float32, i int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i)) }
	return func(in, weights, bias, res, out *float32, tiles, taps int) {
		for i := range tiles * k.rows * k.cols {
			y, x := i/k.cols, i%k.cols // of a tall tile: rows
			if k.rows == 1 {
				y, x = 0, i
			}
			for c := range k.width {
				acc, w := float32(0), c
				for t := range taps {
					for h := range k.tapsH {
						for v := range k.tapsW * k.k {
							from := y*k.in.row + x*k.in.pixel + t*k.stepT + h*k.stepH + v/k.k*k.stepW + v%k.k
							acc += *at(in, from) * *at(weights, w)
							w += k.width
						}
					}
				}
				for _, e := range k.epi {
					switch e {
					case epiBias:
						acc += *at(bias, c)
					case epiReLU:
						acc = max(acc, 0)
					case epiAdd:
						acc += *at(res, y*k.res.row+x*k.res.pixel+c)
					}
				}
				*at(out, y*k.out.row+x*k.out.pixel+c) = acc
			}
		}
	}
}

// checkExact compares an output, bit by bit but for the sign of zero, with
// what the formulas give.
func checkExact(t testing.TB, name string, got []float32, want []float64) {
	t.Helper()
	for i := range want {
		if g := float64(got[i]); g != want[i] && !(math.IsNaN(g) && math.IsNaN(want[i])) {
			t.Fatalf("%s: value %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}
