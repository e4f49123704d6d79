package ir

import (
	"math"
	"testing"
)

// TestRounding compares the expected error of a convolution's and a linear
// layer's sums with that of plain loops in float32.
func TestRounding(t *testing.T) {
	g := parseGraph(t, `graph t: input 3x6x6x40 rgb
%1 c 3x6x6x16 = conv 3x3x3/1x1x1/1x1x1 w=c.weight b=c.bias %0 | bias
%2 r 3x6x6x16 = relu %1
%3 p 1x3x3x16 = pool max 3x2x2/3x2x2/0x0x0 %2
%4 flat 1x1x1x144 = flatten %3
%5 fc 1x1x1x30 = linear w=fc.weight %4
output conv = %2
output scores = %5
`)
	w, clip := randomWeights(g, 1), randomClip(g, 1)
	want, rounding, err := InterpretRounding(g, w, clip)
	if err != nil {
		t.Fatal(err)
	}
	conv := float32Conv(clip, w["c.weight"], w["c.bias"], Shape{3, 6, 6, 40}, 16)
	flat := float32Pool(conv, Shape{3, 6, 6, 16})
	scores := make([]float32, 30)
	for o := range scores {
		for i, x := range flat {
			scores[o] += x * w["fc.weight"][o*len(flat)+i]
		}
	}
	for name, got := range map[string][]float32{"conv": conv, "scores": scores} {
		as64 := make([]float64, len(got))
		for i, x := range got {
			as64[i] = float64(x)
		}
		if d, most := relL2(as64, want[name]), rounding[name]; d > most || d < most/4 {
			t.Errorf("%s is off by %.2g, expected is %.2g", name, d, most)
		}
	}
}

// float32Conv is a 3x3x3 convolution with bias and ReLU, in C, T, H, W order.
func float32Conv(x, w, bias []float32, s Shape, out int) []float32 {
	y := make([]float32, out*s.Pixels())
	for o := range out {
		for p := range s.Pixels() {
			t, h, c := p/(s.H*s.W), p/s.W%s.H, p%s.W
			var sum float32
			for tap := range s.C * 27 {
				dt, dh, dc := t+tap/9%3-1, h+tap/3%3-1, c+tap%3-1
				if dt >= 0 && dt < s.T && dh >= 0 && dh < s.H && dc >= 0 && dc < s.W {
					sum += x[tap/27*s.Pixels()+(dt*s.H+dh)*s.W+dc] * w[o*s.C*27+tap]
				}
			}
			y[o*s.Pixels()+p] = max(0, sum+bias[o])
		}
	}
	return y
}

// float32Pool is the maximum over all frames of 2x2 pixels.
func float32Pool(x []float32, s Shape) []float32 {
	y := make([]float32, s.C*s.H*s.W/4)
	for i, v := range x {
		c, h, w := i/s.Pixels(), i/s.W%s.H, i%s.W
		at := (c*s.H/2+h/2)*s.W/2 + w/2
		y[at] = max(y[at], v)
	}
	return y
}

// TestGrowth checks by how much larger than a result what a transform sums is.
func TestGrowth(t *testing.T) {
	for _, tt := range []struct {
		line Line
		want float64
	}{
		// Each result is the sum of a product of two inputs and a weight, and
		// of one of an input and two weights.
		{Line{Results: 2, Taps: 3, Stride: 1, Closed: true}, 4.0 / 3},
		// One tap is a product.
		{Line{Results: 1, Taps: 1, Stride: 1}, 1},
	} {
		if got := tt.line.growth(); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v grows by %g, want %g", tt.line, got, tt.want)
		}
	}
	two, four := Line{Results: 2, Taps: 3, Stride: 1}, Line{Results: 4, Taps: 3, Stride: 1}
	if two.growth() < 1 || four.growth() < two.growth() {
		t.Errorf("%v grows by %g, %v by %g: more results take larger sums", two, two.growth(), four, four.growth())
	}
}
