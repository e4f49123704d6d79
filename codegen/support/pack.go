package support

import (
	"fmt"
	"math"
)

// panelTask is a panel of one layer, which one worker packs.
type panelTask struct{ pack, panel int }

// packFault is why a layer cannot be packed.
type packFault struct {
	param int // what is at fault
	what  string
}

func faultf(param int, format string, args ...any) *packFault {
	return &packFault{param, fmt.Sprintf(format, args...)}
}

// in returns the fault as an error that names the parameter.
func (f *packFault) in(net *network) error {
	return fmt.Errorf("%s: %s", net.params[f.param].name, f.what)
}

// packAll folds every batch norm into its layer and lays the weights out as
// the kernels read them, in parallel. raw holds the parameters' values.
func packAll(net *network, p *plan, raw [][]float32) (*packedWeights, error) {
	packed, free, err := allocate(p.packed)
	if err != nil {
		return nil, err
	}
	var tasks []panelTask
	for i := range p.packs {
		for panel := range p.packs[i].panels() {
			tasks = append(tasks, panelTask{i, panel})
		}
	}
	faults := make([]*packFault, len(tasks))
	parallel(len(tasks), func() func(int) {
		var tile []float32
		return func(i int) {
			faults[i] = p.packs[tasks[i].pack].fill(packed, raw, tasks[i].panel, &tile)
		}
	})
	var errs []error // the first of each layer
	last := none
	for i, t := range tasks {
		if faults[i] != nil && t.pack != last {
			last = t.pack
			errs = append(errs, faults[i].in(net))
		}
	}
	w := newPackedWeights(packed, free)
	if errs != nil {
		w.release()
		return nil, listed(errs)
	}
	return w, nil
}

// tileLen is about how many values a panel is filled with at a time: they stay
// in the core's caches until they are copied to their places.
const tileLen = 8192

// fill computes the weights and biases of one panel, in float64 and rounded
// once: weights w·s and biases (b - mean)·s + beta with
// s = gamma/sqrt(var + epsilon). Some input channels at a time are gathered in
// tile, [tap][input channel][output channel], so that both the parameters and
// the panel are gone through in long runs.
func (p *pack) fill(packed []float32, raw [][]float32, panel int, tile *[]float32) *packFault {
	first := panel * p.panelWidth()
	lanes := min(p.panelWidth(), p.out-first)
	for o := first; o < first+lanes; o++ {
		_, bias := p.fold(raw, o)
		if p.project != nil {
			_, more := p.project.fold(raw, o)
			bias += more
		}
		packed[p.bias+o] = float32(bias)
	}
	at := p.weights + panel*p.panelLen()
	for q := p; q != nil; q = q.project {
		if fault := q.fillPanel(packed[at:][:q.ownLen()], raw, first, lanes, tile); fault != nil {
			return fault
		}
		at += q.ownLen()
	}
	return nil
}

// fillPanel is the part of fill for the weights of some output channels.
func (p *pack) fillPanel(dst []float32, raw [][]float32, first, lanes int, tile *[]float32) *packFault {
	scales := make([]float64, lanes)
	ok := true
	for lane := range scales {
		scale, bias := p.fold(raw, first+lane)
		scales[lane] = scale
		ok = ok && p.finiteNorm(raw, first+lane, float32(bias))
	}
	block := max(1, tileLen/(p.places()*p.width)) // input channels
	if n := p.places() * block * p.width; len(*tile) < n {
		*tile = make([]float32, n)
	}
	values := (*tile)[:p.places()*block*p.width]
	clear(values) // lanes behind the last channel stay zero
	taps, rows := p.tapCount(), make([][]float32, lanes)
	in := p.in / p.parts()
	for c := 0; c < in; c += block {
		n := min(block, in-c)
		for lane := range rows {
			rows[lane] = raw[p.weight][((first+lane)*p.in+c)*taps:][:(n+p.in-in)*taps]
		}
		switch {
		case p.parts() > 1:
			p.strassen(values, rows, scales, block)
		case p.transform != nil && !p.transform.late():
			p.points(values, rows, scales, block)
		default:
			p.scaled(values, rows, scales, block)
		}
		ok = ok && allFinite(values)
		for place := range p.places() {
			from := values[place*block*p.width:][:n*p.width]
			if p.transform != nil && p.transform.late() {
				for i := range n {
					copy(dst[((c+i)*p.places()+place)*p.width:], from[i*p.width:][:p.width])
				}
				continue
			}
			copy(dst[(place*in+c)*p.width:], from)
		}
	}
	if !ok {
		return p.fault(raw, first, lanes)
	}
	return nil
}

// scaled writes output channels' weights to their lanes.
func (p *pack) scaled(lanes []float32, rows [][]float32, scales []float64, block int) {
	taps := p.tapCount()
	for ; len(rows) >= 4; rows, scales, lanes = rows[4:], scales[4:], lanes[4:] { // at once, which is faster
		r0 := rows[0]
		r1, r2, r3 := rows[1][:len(r0)], rows[2][:len(r0)], rows[3][:len(r0)]
		s0, s1, s2, s3 := scales[0], scales[1], scales[2], scales[3]
		for t := range taps {
			at := t * block * p.width
			for i := t; i < len(r0); i += taps {
				out := (*[4]float32)(lanes[at:])
				out[0] = float32(float64(r0[i]) * s0)
				out[1] = float32(float64(r1[i]) * s1)
				out[2] = float32(float64(r2[i]) * s2)
				out[3] = float32(float64(r3[i]) * s3)
				at += p.width
			}
		}
	}
	for lane, row := range rows {
		for i, x := range row {
			lanes[(i%taps*block+i/taps)*p.width+lane] = float32(float64(x) * scales[lane])
		}
	}
}

// points writes what output channels' weights are at the points of Winograd's
// algorithm to their lanes.
func (p *pack) points(lanes []float32, rows [][]float32, scales []float64, block int) {
	taps, points := p.tapCount(), make([]float64, p.places())
	for lane, row := range rows {
		scale := scales[lane]
		for c := range len(row) / taps {
			p.transform.weights(points, row[c*taps:][:taps], p.taps)
			at := c*p.width + lane
			for _, x := range points {
				lanes[at] = float32(x * scale)
				at += block * p.width
			}
		}
	}
}

// finite reports whether x is neither infinite nor NaN.
func finite(x float32) bool { return x-x == 0 }

// allFinite reports whether no value is infinite or NaN: the difference of such
// a value and itself is NaN, and so is every sum with it. Four sums are faster
// than one.
func allFinite(values []float32) bool {
	var a, b, c, d float32
	for ; len(values) >= 4; values = values[4:] {
		v := (*[4]float32)(values)
		a += v[0] - v[0]
		b += v[1] - v[1]
		c += v[2] - v[2]
		d += v[3] - v[3]
	}
	for _, v := range values {
		a += v - v
	}
	return a+b+c+d == 0
}

// finiteNorm reports whether a channel's bias and variance are finite: an
// infinite variance would make all weights 0.
func (p *pack) finiteNorm(raw [][]float32, o int, bias float32) bool {
	return finite(bias) && (p.vari == none || finite(raw[p.vari][o]))
}

// fault says where the first value of a panel is that is not finite.
func (p *pack) fault(raw [][]float32, first, lanes int) *packFault {
	one := *p
	one.width = 1
	taps := p.tapCount()
	weights := make([]float32, p.places())
	for o := first; o < first+lanes; o++ {
		scale, bias := p.fold(raw, o)
		if !p.finiteNorm(raw, o, float32(bias)) {
			return p.normFault(raw, o)
		}
		for c := range p.in {
			row := raw[p.weight][(o*p.in+c)*taps:][:taps]
			if p.transform != nil && p.parts() == 1 && !p.transform.late() {
				one.points(weights, [][]float32{row}, []float64{scale}, 1)
			} else {
				one.scaled(weights, [][]float32{row}, []float64{scale}, 1)
			}
			if !allFinite(weights) {
				return faultf(p.weight, "the weight of output channel %d, input channel %d is not finite", o, c)
			}
		}
	}
	if p.parts() > 1 {
		return p.strassenFault(raw, first, lanes)
	}
	panic("BUG: a panel that is not finite has no value that is not")
}

// normFault says why a channel's batch norm and bias fold to no finite bias.
func (p *pack) normFault(raw [][]float32, o int) *packFault {
	for _, param := range []int{p.vari, p.gamma, p.mean, p.beta, p.conv} {
		if param == none {
			continue
		}
		switch x := raw[param][o]; {
		case !finite(x):
			return faultf(param, "the value of output channel %d is not finite: %g", o, x)
		case param == p.vari && float64(x)+p.epsilon <= 0:
			return faultf(param, "the variance of output channel %d is %g, expected 0 or more", o, x)
		}
	}
	return faultf(p.weight, "the bias of output channel %d, with its batch norm folded in, is not finite", o)
}

// fold returns the factor and the bias of an output channel.
func (p *pack) fold(raw [][]float32, o int) (scale, bias float64) {
	get := func(param int, absent float64) float64 {
		if param == none {
			return absent
		}
		return float64(raw[param][o])
	}
	scale, bias = 1, get(p.conv, 0)
	if p.gamma != none {
		scale = get(p.gamma, 1) / math.Sqrt(get(p.vari, 1)+p.epsilon)
		bias = get(p.beta, 0) + float64((bias-get(p.mean, 0))*scale) // not fused: the same bits everywhere
	}
	return scale, bias
}
