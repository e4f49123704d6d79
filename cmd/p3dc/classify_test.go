package main

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSoftmax(t *testing.T) {
	got := softmax([]float32{1000, 1000 + float32(math.Ln2), -1000})
	for i, want := range []float64{1. / 3, 2. / 3, 0} {
		if math.Abs(got[i]-want) > 1e-5 { // a float32 of that size is no finer
			t.Errorf("softmax[%d] = %v, want %v", i, got[i], want)
		}
	}
}

func TestBest(t *testing.T) {
	p := []float64{0.2, 0.3, 0.2, 0.3}
	want := []prediction{{1, "b", 0.3}, {3, "d", 0.3}, {0, "a", 0.2}}
	if d := cmp.Diff(want, best(p, []string{"a", "b", "c", "d"}, 3)); d != "" {
		t.Errorf("best (-want +got):\n%s", d)
	}
	if got := best(p, nil, 9); len(got) != 4 || got[0].Label != "" {
		t.Errorf("best of more than there are: %v", got)
	}
}

// TestClassifyFields pins the names of the fields, on which programs rely.
func TestClassifyFields(t *testing.T) {
	var b bytes.Buffer
	r := videoResult{Video: "v", Network: "n", ISA: "i", Starts: []int{0}, Predictions: []prediction{{1, "l", 0.5}}, Error: "e"}
	if err := (&classifyCmd{JSON: true}).print(&b, &r, 0); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"clip_starts", "error", "isa", "network",
		"predictions", "predictions.class", "predictions.label", "predictions.probability", "video",
	}
	if d := cmp.Diff(want, fields(t, b.Bytes())); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
	if bytes.Count(b.Bytes(), []byte("\n")) != 1 {
		t.Errorf("more than one line: %q", &b)
	}
}
