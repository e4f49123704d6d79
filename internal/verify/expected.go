package verify

import (
	"math"

	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

// expected is what values are compared with: whole ones by name, or samples
// and moments of taps; and how far off values may be.
type expected struct {
	values    map[string][]float64
	taps      map[string]ReferenceTap
	tolerance float64
}

// expect computes what is expected, with the interpreter where there is no
// reference.
func (v *verifier) expect() (*expected, error) {
	e := &expected{tolerance: Tolerance(v.tapped)}
	if v.Reference == nil {
		var err error
		e.values, err = ir.Interpret(v.tapped, v.Weights, v.clip)
		return e, err
	}
	r := v.Reference
	e.values = map[string][]float64{"logits": r.Logits, "features": r.Features, "probabilities": softmax(r.Logits)}
	e.taps = r.Taps
	return e, nil
}

// softmax returns the probabilities of scores.
func softmax(scores []float64) []float64 {
	most := math.Inf(-1)
	for _, x := range scores {
		most = max(most, x)
	}
	probabilities := make([]float64, len(scores))
	sum := 0.0
	for i, x := range scores {
		probabilities[i] = math.Exp(x - most)
		sum += probabilities[i]
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return probabilities
}

// has reports whether a value is expected. A reference may lack some taps.
func (e *expected) has(name string) bool {
	_, whole := e.values[name]
	_, sampled := e.taps[name]
	return whole || sampled
}

// compare compares a value, C x T x H x W, with what is expected.
func (e *expected) compare(v harness.Value, got []float32) Comparison {
	c := Comparison{Value: v.Name, Tap: v.Tap, Tolerance: e.tolerance}
	if v.Name == "probabilities" {
		c.Tolerance = softmaxTolerance(e.tolerance, e.values["logits"])
	}
	if want, ok := e.values[v.Name]; ok {
		c.Count = len(want)
		c.RelL2 = Error(relL2(got, want))
	} else {
		t := e.taps[v.Name]
		c.Count = len(t.Samples)
		c.RelL2, c.Mean, c.RMS = sampled(t, got)
	}
	c.judge()
	return c
}

// sampled compares a tap with its samples and moments.
func sampled(t ReferenceTap, got []float32) (relative Error, mean, rms *Error) {
	values, want := make([]float32, len(t.Samples)), make([]float64, len(t.Samples))
	for i, s := range t.Samples {
		values[i], want[i] = got[s.Index], s.Value
	}
	m, r := moments(got)
	off := func(x float64) *Error {
		e := Error(math.Abs(x) / t.RMS)
		return &e
	}
	return Error(relL2(values, want)), off(m - t.Mean), off(r - t.RMS)
}
