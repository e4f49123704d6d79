package random

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/p3dc/p3dc/internal/verify"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// planTolerance is how far two interpreters' results may be from each other, as
// a relative L2 error. Both add the same float64 numbers in another order. Where a
// drawn layer's terms cancel, or all but a few results are cut off, what is left
// is small beside the terms whose roundings it has; a wrong tap is 1e-3 and more.
const planTolerance = 1e-10

// agree compares what two interpreters computed.
func agree(what string, got, want map[string][]float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s has %d results, want %d", what, len(got), len(want))
	}
	for name := range want {
		if d := distance(got[name], want[name]); !(d <= planTolerance) {
			return fmt.Errorf("%s: %s is off by %.3g (relative L2)", what, name, d)
		}
	}
	return nil
}

// distance is the relative L2 error, and the absolute one of a result that should
// be all zero.
func distance[T float32 | float64](got []T, want []float64) float64 {
	norm := 0.0
	for _, x := range want {
		norm += x * x
	}
	if norm > 0 || len(got) != len(want) {
		return suite.Distance(got, want)
	}
	for _, x := range got {
		norm += float64(x) * float64(x)
	}
	return math.Sqrt(norm)
}

// judge compares what a package computed with what it should. On data of small
// integers nothing rounds, and every value must be equal.
//
// Otherwise a value may be as far off as verify.Tolerance says, and ten times as
// far where Winograd's algorithm may be chosen for every layer, which is also what
// tests/kernels allows. That is derived for maps of many values. A drawn network
// may end in one value, or cut off all but a few, where the terms of a sum cancel:
// a value that is farther off may be as far as rounding errors alone can bring it,
// see conditioned.
func (n *network) judge(r suite.Result) error {
	var errs []error
	for name, want := range n.want {
		got := r.Values[name]
		d := distance(got, want)
		if n.exact {
			if d != 0 {
				errs = append(errs, fmt.Errorf("%s on %s, %d threads: %s is off by %.3g (relative L2) though nothing rounds", n.net.Name, r.ISA, r.Threads, name, d))
			}
			continue
		}
		most := verify.Tolerance(n.net.Graph)
		if n.winograd != ir.WinogradNever {
			most *= 10
		}
		if d <= most {
			continue
		}
		n.loose = true
		bound, err := n.conditioned(name)
		if err != nil {
			return err
		}
		if most = max(most, bound); !(d <= most) {
			errs = append(errs, fmt.Errorf("%s on %s, %d threads: %s is off by %.3g (relative L2), at most %.3g expected", n.net.Name, r.ISA, r.Threads, name, d, most))
		}
	}
	return errors.Join(errs...)
}

// conditioned returns how far float32 may be off in a value of a network that
// amplifies errors. A layer's float32 result is the exact one of weights that are
// off by the roundings of its n products, 0.4·2^-24·√(n/2) in the mean (see
// verify.Tolerance), and by that of the weights themselves: so the network is
// interpreted with weights that are off by so much at random, some times. A sample
// of a few values may be small by chance; eight times the largest of four samples
// is exceeded by no more than one value in some ten thousand. Winograd's
// algorithm on the largest tiles errs by up to ten times what direct sums do.
func (n *network) conditioned(name string) (float64, error) {
	most := 0.0
	for sample := range uint64(4) {
		r := rand.New(rand.NewPCG(n.seed, 3+sample))
		off := map[string][]float32{}
		const blow = 1 << 10 // above float32's own steps, in which weights are given
		for _, p := range n.net.Graph.Params {
			products := 1
			if len(p.Shape) > 1 {
				products = p.Elems() / p.Shape[0]
			}
			step := 0x1p-24 * (1 + 0.4*math.Sqrt(float64(products)/2))
			w := append([]float32(nil), n.net.Weights[p.Name]...)
			for i := range w {
				w[i] *= float32(1 + blow*step*r.NormFloat64())
			}
			off[p.Name] = w
		}
		values, err := ir.Interpret(n.net.Graph, off, n.net.Clip)
		if err != nil {
			return 0, err
		}
		most = max(most, distance(values[name], n.want[name])/blow)
	}
	if n.winograd != ir.WinogradNever {
		most *= 10
	}
	return 8 * most, nil
}
