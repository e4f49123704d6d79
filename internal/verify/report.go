package verify

import (
	"encoding/json"
	"math"
)

// Report is what a verification found.
type Report struct {
	Network string      `json:"network"`
	Against string      `json:"against"` // what the values were compared with
	Results []ISAResult `json:"results"` // the preferred instruction set first
}

// ISAResult is what was found on one instruction set.
type ISAResult struct {
	ISA         string       `json:"isa"`
	Comparisons []Comparison `json:"comparisons"`
	Identities  []Identity   `json:"identities"`
}

// Comparison is one value of the network beside its reference.
type Comparison struct {
	Value string `json:"value"` // logits, features, probabilities or a tap's name
	Tap   bool   `json:"tap"`
	Count int    `json:"count"` // how many values were compared
	// RelL2 is the relative L2 error ‖a-b‖/‖b‖ over the compared values.
	RelL2 Error `json:"rel_l2"`
	// Mean and RMS are how far the mean and the root mean square of all
	// values are from the reference's, relative to its root mean square. They
	// are there for taps of a reference file, which holds samples only.
	Mean *Error `json:"mean,omitempty"`
	RMS  *Error `json:"rms,omitempty"`
	// Tolerance is what RelL2, Mean and RMS may be at most.
	Tolerance float64 `json:"tolerance"`
	Passed    bool    `json:"passed"`
}

// Identity is a pair of runs that must agree to the bit.
type Identity struct {
	What      string `json:"what"`
	Different int    `json:"different"` // values that differ
	Count     int    `json:"count"`     // values compared
	Passed    bool   `json:"passed"`
}

// Error is a relative error. JSON has no infinity and no NaN: they become
// null.
type Error float64

// MarshalJSON writes a number, or null for what is not finite.
func (e Error) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(e)) || math.IsInf(float64(e), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(e))
}

// Passed reports whether all comparisons are within their tolerance and all
// identities hold. A report without results has not passed.
func (r *Report) Passed() bool {
	for i := range r.Results {
		if !r.Results[i].Passed() {
			return false
		}
	}
	return len(r.Results) > 0
}

// Passed reports whether the instruction set's comparisons and identities have
// all passed, and there are some.
func (r *ISAResult) Passed() bool {
	for _, c := range r.Comparisons {
		if !c.Passed {
			return false
		}
	}
	for _, i := range r.Identities {
		if !i.Passed {
			return false
		}
	}
	return len(r.Comparisons) > 0 && len(r.Identities) > 0
}

// Worst returns the largest relative L2 error of the outputs and taps, or an
// infinity where one is not finite.
func (r *ISAResult) Worst() float64 {
	worst := 0.0
	for _, c := range r.Comparisons {
		if math.IsNaN(float64(c.RelL2)) {
			return math.Inf(1)
		}
		worst = max(worst, float64(c.RelL2))
	}
	return worst
}

// judge sets Passed. NaN is not within any tolerance.
func (c *Comparison) judge() {
	ok := float64(c.RelL2) <= c.Tolerance
	for _, e := range []*Error{c.Mean, c.RMS} {
		ok = ok && (e == nil || float64(*e) <= c.Tolerance)
	}
	c.Passed = ok
}

// identical compares two runs bit by bit.
func identical(what string, a, b map[string][]float32, names []string) Identity {
	id := Identity{What: what}
	for _, name := range names {
		id.Count += len(a[name])
		for i, x := range a[name] {
			if math.Float32bits(x) != math.Float32bits(b[name][i]) {
				id.Different++
			}
		}
	}
	id.Passed = id.Different == 0 && id.Count > 0
	return id
}
