package support

import (
	"encoding/binary"
	"math"
	"slices"
)

// packCUDA folds every batch norm into its layer and lays the weights out as a
// GPU's kernels read them, layers in parallel. raw holds the parameters' values.
func packCUDA(net *network, p *cudaPlan, raw [][]float32) ([]byte, error) {
	packed := make([]byte, p.packed)
	faults := make([]error, len(p.packs))
	parallel(len(p.packs), func() func(int) {
		return func(i int) {
			if fault := p.packs[i].fill(packed, raw, p.precision); fault != nil {
				faults[i] = fault.in(net)
			}
		}
	})
	return packed, listed(slices.DeleteFunc(faults, func(err error) bool { return err == nil }))
}

// fill packs one layer.
func (p *cudaPack) fill(packed []byte, raw [][]float32, values precision) *packFault {
	own, _ := p.steps()
	for o := range p.out {
		scale, bias := p.fold(raw, o)
		if !p.finiteNorm(raw, o, float32(bias)) {
			return p.normFault(raw, o)
		}
		if p.project != nil {
			more, shift := p.project.fold(raw, o)
			if !p.project.finiteNorm(raw, o, float32(shift)) {
				return p.project.normFault(raw, o)
			}
			bias += shift
			if fault := p.row(packed, raw, p.project, values, o, own*p.depth, 0, more); fault != nil {
				return fault
			}
		}
		binary.LittleEndian.PutUint32(packed[p.bias+4*o:], math.Float32bits(float32(bias)))
		if fault := p.row(packed, raw, &p.pack, values, o, 0, p.pitch, scale); fault != nil {
			return fault
		}
	}
	return nil
}

// row packs the weights of one output channel, from a place of the reduction on,
// with taps so far apart.
func (p *cudaPack) row(packed []byte, raw [][]float32, of *pack, values precision, o, from, pitch int, scale float64) *packFault {
	taps := of.tapCount()
	weights := raw[of.weight][o*of.in*taps:][:of.in*taps]
	for c := range of.in {
		for t := range taps {
			tap := t/of.taps[2]*p.rowTaps + p.leadTaps + t%of.taps[2]
			at := p.weights + p.place(o, from+tap*pitch+c)*values.bytes()
			if x := float32(float64(weights[c*taps+t]) * scale); !values.put(packed[at:], x) {
				return faultf(of.weight, "the weight of output channel %d, input channel %d is not finite, or too large for the precision: %g", o, c, x)
			}
		}
	}
	return nil
}
