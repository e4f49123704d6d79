package support

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// packAll folds every batch norm into its layer and lays the weights out as
// the kernels read them, in parallel. raw holds the parameters' bytes.
func packAll(net *network, p *plan, raw [][]byte) ([]float32, error) {
	packed := make([]float32, p.packed)
	errs := make([]error, len(p.packs))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(p.packs)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(p.packs); i = int(next.Add(1)) - 1 {
				if err := p.packs[i].fill(packed, raw); err != nil {
					errs[i] = fmt.Errorf("%s: %w", net.params[p.packs[i].weight].name, err)
				}
			}
		})
	}
	wg.Wait()
	return packed, errors.Join(errs...)
}

// float returns the i-th value of a parameter.
func float(raw []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
}

// fill computes one layer's weights and biases, in float64 and rounded once:
// weights w·s and biases (b - mean)·s + beta with s = gamma/sqrt(var + epsilon).
func (p *pack) fill(packed []float32, raw [][]byte) error {
	values := p.reader(raw[p.weight])
	for o := range p.out {
		scale, bias := p.fold(raw, o)
		b := float32(bias)
		if !finite(b) || p.vari != none && !finite(float(raw[p.vari], o)) { // an infinite variance would make all weights 0
			return fmt.Errorf("output channel %d has a batch norm or bias that is not finite", o)
		}
		packed[p.bias+o] = b
		panel := packed[p.weights+o/p.width*p.panelLen():]
		lane := o % p.width
		for c := range p.in {
			for t, x := range values(o*p.in + c) {
				w := float32(x * scale)
				if !finite(w) {
					return fmt.Errorf("the weight of output channel %d, input channel %d is not finite", o, c)
				}
				panel[(t*p.in+c)*p.width+lane] = w
			}
		}
	}
	return nil
}

// reader returns a function that gives a pair of channels' weights at every
// tap or, for Winograd's algorithm, at every point and phase. The slice is used
// again.
func (p *pack) reader(raw []byte) func(pair int) []float64 {
	taps := make([]float64, p.taps[0]*p.taps[1]*p.taps[2])
	read := func(pair int) []float64 {
		for t := range taps {
			taps[t] = float64(float(raw, pair*len(taps)+t))
		}
		return taps
	}
	if p.transform == nil {
		return read
	}
	points := make([]float64, p.places())
	return func(pair int) []float64 {
		p.transform.weights(points, read(pair), p.taps)
		return points
	}
}

// finite reports whether x is neither infinite nor NaN.
func finite(x float32) bool { return x-x == 0 }

// fold returns the factor and the bias of an output channel.
func (p *pack) fold(raw [][]byte, o int) (scale, bias float64) {
	get := func(param int, absent float64) float64 {
		if param == none {
			return absent
		}
		return float64(float(raw[param], o))
	}
	scale, bias = 1, get(p.conv, 0)
	if p.gamma != none {
		scale = get(p.gamma, 1) / math.Sqrt(get(p.vari, 1)+p.epsilon)
		bias = get(p.beta, 0) + (bias-get(p.mean, 0))*scale
	}
	return scale, bias
}
