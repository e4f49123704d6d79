package support

import (
	"fmt"
	"math"
	"testing"
)

// ingestNet has an input of so many channels and a convolution that gives it a
// border. Where the pixels are not to lie one after another, a pool reads them,
// too.
func ingestNet(channels, width int, tight, bgr bool) *testNet {
	n := newTestNet(shape{2, 3, width, channels})
	n.net.bgr, n.net.scale = bgr, 1.0/255
	for c := range channels {
		n.net.mean[c] = []float64{0.485, 0.456, 0.406, 0.5}[c]
		n.net.std[c] = []float64{0.229, 0.224, 0.225, 0.25}[c]
	}
	n.conv(0, 1, [3]axis{unit, {3, 1, 1}, {5, 1, 2}}, none)
	if !tight {
		n.pool(kindMaxPool, 0, [3]axis{unit, unit, unit})
	}
	n.output("input", 0)
	n.integers(1)
	n.build()
	return n
}

// TestIngest compares both kinds of clips with what the input buffer must
// hold, to the bit: channels in the network's order, bytes by the table,
// borders and what pads a pixel untouched.
func TestIngest(t *testing.T) {
	for _, channels := range []int{1, 2, 3, 4} {
		for _, width := range []int{1, 2, 5, 16} {
			for i := range 4 {
				tight, bgr := i&1 != 0, i&2 != 0
				t.Run(fmt.Sprintf("%d channels, width %d, tight %v, bgr %v", channels, width, tight, bgr), func(t *testing.T) {
					checkIngest(t, ingestNet(channels, width, tight, bgr))
				})
			}
		}
	}
}

func checkIngest(t *testing.T, n *testNet) {
	in, lut := n.net.clip, lookup(&n.net)
	frames := make([]uint8, in.elems())
	values := make([]float32, len(frames))
	normalised := make([]float32, len(frames)) // frames as values
	for i := range frames {
		frames[i] = uint8(i*37 + 11)
		values[i] = float32(i + 1)
		c, pixel := i%in.c, i/in.c
		if n.net.bgr {
			c = in.c - 1 - c
		}
		normalised[c*in.t*in.h*in.w+pixel] = lut[c][frames[i]]
	}
	m := n.model(t)
	for _, tc := range []struct {
		name string
		clip Clip
		want []float32
	}{{"bytes", Uint8Clip(frames), normalised}, {"values", Float32Clip(values), values}} {
		s := m.NewSession(Threads(2))
		if err := s.Run(&Output{}, tc.clip); err != nil {
			t.Fatal(err)
		}
		b := n.plan.buffers[0]
		for c := range in.c {
			for f := range in.t {
				for h := range in.h {
					for x := range in.w {
						got := &s.arenas[0][b.at(f, h, x)+c]
						if want := tc.want[((c*in.t+f)*in.h+h)*in.w+x]; *got != want {
							t.Fatalf("%s: channel %d of pixel (%d, %d, %d) is %v, want %v", tc.name, c, f, h, x, *got, want)
						}
						*got = 0
					}
				}
			}
		}
		for i, v := range s.arenas[0][:in.t*b.frame] {
			if v != 0 {
				t.Fatalf("%s: value %d of the input buffer, which holds no pixel's channel, is %v", tc.name, i, v)
			}
		}
	}
}

// TestLookup checks the table: 1/255 as a factor may round otherwise than a
// division in float64, and the value is rounded once more.
func TestLookup(t *testing.T) {
	n := ingestNet(3, 1, true, false)
	for c, table := range lookup(&n.net) {
		for v, got := range table {
			want := (float64(v)/255 - n.net.mean[c]) / n.net.std[c]
			if math.Abs(float64(got)-want) > 0x1p-23*math.Abs(want)+1e-15 {
				t.Errorf("channel %d: %d becomes %v, want %v", c, v, got, want)
			}
		}
	}
}
