package metamorphic

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// network has a block of each kind that MIX names. The clip is large enough for
// pixels that no border reaches.
const network = `network net {
    input rgb 3x8x40x36
    block bottleneck expansion 2 mix MIX
    conv 8 kernel 1x3x3 stride 1x2x2 pad 0x1x1
    stage res2 width 16 blocks 3
    pool max 8x20x18 stride 8x20x18
    linear 10
    names port {
        flat      "{block}.conv2"
        flat-norm "{block}.bn2"
    }
}`

// classifier and stem are names of the scheme port.
const (
	classifier = "fc"
	stem       = "conv1_custom"
	middle     = "layer1.0" // the first block
	features   = "res2"     // the stage's tap
)

// lower returns the network of a mix, fused.
func lower(t *testing.T, mix string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(strings.Replace(network, "MIX", mix, 1)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	suite.ExactNorms(g)
	return suite.Fuse(t, g)
}

// exact returns a network of the mix with small integers for data, so that its
// sums do not depend on their order, and without transforms, which round.
func exact(t *testing.T, name, mix string) *suite.Net {
	t.Helper()
	n, _, err := suite.Exact(name, lower(t, mix), ir.ScheduleOptions{Winograd: ir.WinogradNever}, 7)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// other returns a copy of a network with a name, weights and a clip of its own.
func other(n *suite.Net, name string) *suite.Net {
	c := *n
	c.Name, c.Weights, c.Clip = name, map[string][]float32{}, slices.Clone(n.Clip)
	for k, w := range n.Weights {
		c.Weights[k] = slices.Clone(w)
	}
	return &c
}

// values are a run's results by name.
type values = map[string][]float32

// run runs networks on all instruction sets and calls check with the results of
// each, by the networks' names.
func run(t *testing.T, nets []*suite.Net, check func(t *testing.T, got map[string]values)) {
	t.Helper()
	p := suite.Build(t, nets)
	for _, isa := range p.ISAs(t) {
		got := map[string]values{}
		for _, r := range p.Run(t, []string{isa}) {
			got[r.Net.Name] = r.Values
		}
		t.Run(isa, func(t *testing.T) { check(t, got) })
	}
}

// equal compares two results.
func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %s", what, difference(got, want))
	}
	if !slices.ContainsFunc(want, func(x float32) bool { return x != 0 }) {
		t.Errorf("%s: all is zero, which shows nothing", what)
	}
}

func difference(got, want []float32) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d values, want %d", len(got), len(want))
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("element %d is %v, want %v", i, got[i], want[i])
}

// TestPermutedInput exchanges the clip's channels, and the stem's weights with
// them: nothing changes.
func TestPermutedInput(t *testing.T) {
	n := exact(t, "straight", "A B C")
	p := other(n, "permuted")
	turn(p.Clip, 3, len(p.Clip)/3)
	w := p.Weights[stem+".weight"]
	per := 3 * 9
	for o := 0; o < len(w); o += per {
		turn(w[o:][:per], 3, 9)
	}
	run(t, []*suite.Net{n, p}, func(t *testing.T, got map[string]values) {
		for name := range got["straight"] {
			equal(t, name, got["permuted"][name], got["straight"][name])
		}
	})
}

// turn moves every one of n rows to the next place, and the last to the first.
func turn(w []float32, n, row int) {
	last := slices.Clone(w[(n-1)*row:][:row])
	copy(w[row:], w[:(n-1)*row])
	copy(w, last)
}

// TestPermutedChannels exchanges the channels between the first convolution of
// a block and what reads it: nothing changes.
func TestPermutedChannels(t *testing.T) {
	for _, kind := range []string{"A", "B", "C"} {
		n := exact(t, "straight", kind)
		p := other(n, "permuted")
		const channels = 16
		reduce := p.Weights[middle+".conv1.weight"]
		turn(reduce, channels, len(reduce)/channels)
		for _, v := range []string{"weight", "bias", "running_mean", "running_var"} {
			turn(p.Weights[middle+".bn1."+v], channels, 1)
		}
		readers := map[string]int{".conv2.weight": 9} // S
		if kind == "B" {
			readers[".conv3.weight"] = 3 // T
		}
		for name, taps := range readers {
			w := p.Weights[middle+name]
			for o := 0; o < len(w); o += channels * taps {
				turn(w[o:][:channels*taps], channels, taps)
			}
		}
		t.Run(kind, func(t *testing.T) {
			run(t, []*suite.Net{n, p}, func(t *testing.T, got map[string]values) {
				for name := range got["straight"] {
					equal(t, name, got["permuted"][name], got["straight"][name])
				}
			})
		})
	}
}

// TestPermutedClasses exchanges the classes: so are the scores.
func TestPermutedClasses(t *testing.T) {
	n := exact(t, "straight", "A B C")
	p := other(n, "permuted")
	const classes = 10
	w := p.Weights[classifier+".weight"]
	turn(w, classes, len(w)/classes)
	turn(p.Weights[classifier+".bias"], classes, 1)
	run(t, []*suite.Net{n, p}, func(t *testing.T, got map[string]values) {
		want := slices.Clone(got["straight"]["logits"])
		turn(want, classes, 1)
		equal(t, "logits", got["permuted"]["logits"], want)
		equal(t, features, got["permuted"][features], got["straight"][features])
	})
}

// TestNoTime makes T zero: what B and C add to S is nothing, and blocks of both
// kinds compute what blocks without T do.
func TestNoTime(t *testing.T) {
	c := exact(t, "hybrid", "C")
	for name, w := range c.Weights {
		if strings.Contains(name, ".conv3.") || strings.HasSuffix(name, ".bn3.bias") || strings.HasSuffix(name, ".bn3.running_mean") {
			clear(w)
		}
	}
	b, s := other(c, "parallel"), other(c, "spatial")
	b.Graph, s.Graph = lower(t, "B"), lower(t, "spatial")
	maps.DeleteFunc(s.Weights, func(name string, _ []float32) bool {
		return strings.Contains(name, ".conv3.") || strings.Contains(name, ".bn3.")
	})
	run(t, []*suite.Net{b, c, s}, func(t *testing.T, got map[string]values) {
		for name, want := range got["spatial"] {
			equal(t, "B: "+name, got["parallel"][name], want)
			equal(t, "C: "+name, got["hybrid"][name], want)
		}
	})
}

// TestShifted moves the clip by a frame, two rows and four pixels: the features move by a
// frame, a row and two pixels, where neither meets the border.
func TestShifted(t *testing.T) {
	n := exact(t, "still", "A B C")
	s := other(n, "shifted")
	const frames, height, width = 8, 40, 36
	at := func(c, t, h, w int) int { return ((c*frames+t)*height+h)*width + w }
	for c := range 3 {
		for t := range frames - 1 {
			for h := range height - 2 {
				for w := range width - 4 {
					s.Clip[at(c, t+1, h+2, w+4)] = n.Clip[at(c, t, h, w)]
				}
			}
		}
	}
	run(t, []*suite.Net{n, s}, func(t *testing.T, got map[string]values) {
		// Three blocks see three frames and pixels to each side, and the stem another
		// pixel of its input: all of that must have moved.
		const channels, rows, cols = 32, height / 2, width / 2
		var moved, want []float32
		for c := range channels {
			for t := 3; t+3 < frames-1; t++ {
				for h := 4; 2*(h+3)+1 < height-2; h++ {
					for w := 4; 2*(w+3)+1 < width-4; w++ {
						at := func(t, h, w int) int { return ((c*frames+t)*rows+h)*cols + w }
						want = append(want, got["still"][features][at(t, h, w)])
						moved = append(moved, got["shifted"][features][at(t+1, h+1, w+2)])
					}
				}
			}
		}
		equal(t, features, moved, want)
	})
}
