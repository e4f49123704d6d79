package ir

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// lanes is how many output channels convolve computes at once, in registers.
const lanes = 8

// convolve writes into y the convolution of x by w, of Cout x Cin x KT x KH x
// KW, without bias. Taps on padding are skipped. The order of every sum
// depends on the shapes alone, not on the number of processors.
func convolve(y, x tensor, win Window, w []float64) {
	packed, blockLen := packTaps(w, y.C, x.C, win)
	rows := y.T * y.H
	blocks := (y.C + lanes - 1) / lanes
	parallel(blocks*rows, func(i int) {
		b := i / rows
		convolveRow(y, x, win, packed[b*blockLen:(b+1)*blockLen], b*lanes, i%rows)
	})
}

// packTaps returns w as [Cout/lanes][KT][KH][KW][Cin][lanes], the last block
// filled up with zeros, and the length of one block. The taps of one row meet
// neighbouring pixels, so they are one run in both arrays.
func packTaps(w []float64, cout, cin int, win Window) (packed []float64, blockLen int) {
	taps := win.Taps()
	blockLen = taps * cin * lanes
	packed = make([]float64, (cout+lanes-1)/lanes*blockLen)
	for o := range cout {
		block := packed[o/lanes*blockLen:]
		for c := range cin {
			for t := range taps {
				block[(t*cin+c)*lanes+o%lanes] = w[(o*cin+c)*taps+t]
			}
		}
	}
	return packed, blockLen
}

// convolveRow computes channels c0 to c0+lanes of one row of output pixels;
// row counts through frames and heights.
func convolveRow(y, x tensor, win Window, block []float64, c0, row int) {
	oT, oH := row/y.H, row%y.H
	t0, t1 := win.T.Range(oT, x.T)
	h0, h1 := win.H.Range(oH, x.H)
	for oW := range y.W {
		w0, w1 := win.W.Range(oW, x.W)
		var sum [lanes]float64
		if w0 < w1 {
			for kt := t0; kt < t1; kt++ {
				for kh := h0; kh < h1; kh++ {
					iT, iH, iW := oT*win.T.Stride-win.T.Pad+kt, oH*win.H.Stride-win.H.Pad+kh, oW*win.W.Stride-win.W.Pad+w0
					from := ((iT*x.H+iH)*x.W + iW) * x.C
					tap := (kt*win.H.Kernel+kh)*win.W.Kernel + w0
					multiplyAdd(&sum, x.data[from:from+(w1-w0)*x.C], block[tap*x.C*lanes:])
				}
			}
		}
		copy(y.at(oT, oH, oW)[c0:], sum[:])
	}
}

// multiplyAdd adds to each lane the dot product of x with that lane of w,
// which is len(x) x lanes.
func multiplyAdd(sum *[lanes]float64, x, w []float64) {
	s0, s1, s2, s3, s4, s5, s6, s7 := sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]
	for _, v := range x {
		k := (*[lanes]float64)(w)
		s0 += v * k[0]
		s1 += v * k[1]
		s2 += v * k[2]
		s3 += v * k[3]
		s4 += v * k[4]
		s5 += v * k[5]
		s6 += v * k[6]
		s7 += v * k[7]
		w = w[lanes:]
	}
	*sum = [lanes]float64{s0, s1, s2, s3, s4, s5, s6, s7}
}

// pool writes into y what p makes of x. A NaN in a window is that window's
// maximum.
func pool(y, x tensor, p Pool) {
	parallel(y.T*y.H, func(row int) {
		oT, oH := row/y.H, row%y.H
		for oW := range y.W {
			poolPixel(y.at(oT, oH, oW), x, p, oT, oH, oW)
		}
	})
}

func poolPixel(y []float64, x tensor, p Pool, oT, oH, oW int) {
	t0, t1 := p.T.Range(oT, x.T)
	h0, h1 := p.H.Range(oH, x.H)
	w0, w1 := p.W.Range(oW, x.W)
	if p.Kind == PoolMax {
		for c := range y {
			y[c] = math.Inf(-1)
		}
	}
	for kt := t0; kt < t1; kt++ {
		for kh := h0; kh < h1; kh++ {
			for kw := w0; kw < w1; kw++ {
				in := x.at(oT*p.T.Stride-p.T.Pad+kt, oH*p.H.Stride-p.H.Pad+kh, oW*p.W.Stride-p.W.Pad+kw)
				if p.Kind == PoolAverage {
					add(y, in)
					continue
				}
				for c, v := range in {
					y[c] = max(y[c], v)
				}
			}
		}
	}
	if p.Kind == PoolAverage {
		n := float64((t1 - t0) * (h1 - h0) * (w1 - w0))
		for c := range y {
			y[c] /= n
		}
	}
}

// parallel calls f for every i below n, on all processors, in any order.
func parallel(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
