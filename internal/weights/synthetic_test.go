package weights

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// The first values that PyTorch's side of the reference states.
func TestSyntheticReference(t *testing.T) {
	tests := []struct {
		param Param
		want  [3]float32
	}{
		{Param{Name: "conv1_custom.weight", Shape: []int{64, 3, 1, 7, 7}}, [3]float32{-0.02833224, 0.06297382, -0.09491776}},
		{Param{Name: "bn1.running_var", Shape: []int{64}}, [3]float32{1.1423075, 1.2867534, 1.4707788}},
		{Param{Name: "fc.bias", Shape: []int{400}}, [3]float32{-0.00446974, -0.00385364, -0.04398739}},
	}
	for _, test := range tests {
		got := Synthetic([]Param{test.param})[test.param.Name]
		if n, _ := elements(test.param.Shape); len(got) != n {
			t.Errorf("%s has %d values, expected %d", test.param.Name, len(got), n)
		}
		checkPrinted(t, test.param.Name, got, test.want)
	}
	checkPrinted(t, "clip", SyntheticClip(3), [3]float32{1.1255438, -0.99014735, -0.41775775})
}

// checkPrinted compares values with ones that were printed with at least 8
// decimals.
func checkPrinted(t *testing.T, name string, got []float32, want [3]float32) {
	t.Helper()
	for i, w := range want {
		if math.Abs(float64(got[i]-w)) > 5e-9 {
			t.Errorf("%s[%d] is %v, expected %v", name, i, got[i], w)
		}
	}
}

// The bytes that NumPy computes by the same rule.
func TestSyntheticPython(t *testing.T) {
	data, err := os.ReadFile("testdata/synthetic.json")
	if err != nil {
		t.Fatal(err)
	}
	var tensors []struct {
		Name   string
		Shape  []int
		SHA256 string
	}
	if err := json.Unmarshal(data, &tensors); err != nil {
		t.Fatal(err)
	}
	for _, want := range tensors {
		var values []float32
		if want.Name == "clip" {
			n, _ := elements(want.Shape)
			values = SyntheticClip(n)
		} else {
			values = Synthetic([]Param{{Name: want.Name, Shape: want.Shape}})[want.Name]
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(encodeFloats(nil, values))); got != want.SHA256 {
			t.Errorf("%s: SHA-256 %s, expected %s", want.Name, got, want.SHA256)
		}
	}
}

// Every kind of tensor keeps to its range and fills it.
func TestSyntheticRanges(t *testing.T) {
	bound := math.Sqrt(6.0 / 27)
	tests := []struct {
		param    Param
		low, top float64
	}{
		{Param{Name: "bn.3", Shape: []int{5000}, Role: ir.RoleVariance}, 0.5, 1.5},
		{Param{Name: "bn.0", Shape: []int{5000}, Role: ir.RoleGamma}, 0.4, 0.6},
		{Param{Name: "bn.running_var", Shape: []int{5000}, Role: ir.RoleMean}, -0.1, 0.1},
		{Param{Name: "fc.1", Shape: []int{5000}, Role: ir.RoleBias}, -0.1, 0.1},
		{Param{Name: "a.running_mean", Shape: []int{5000}}, -0.1, 0.1},
		{Param{Name: "a.running_var", Shape: []int{5000}}, 0.5, 1.5},
		{Param{Name: "a.weight", Shape: []int{200, 3, 1, 3, 3}}, -bound, bound},
		{Param{Name: "a.weight", Shape: []int{5000}}, 0.4, 0.6},
		{Param{Name: "a.bias", Shape: []int{5000}}, -0.1, 0.1},
		{Param{Name: "a.kernel", Shape: []int{200, 27}}, -bound, bound},
		{Param{Name: "shift", Shape: []int{5000}}, -0.1, 0.1},
	}
	for _, test := range tests {
		low, top := math.Inf(1), math.Inf(-1)
		for _, v := range Synthetic([]Param{test.param})[test.param.Name] {
			low, top = min(low, float64(v)), max(top, float64(v))
		}
		width := test.top - test.low
		const slack = 1e-7 // of rounding to float32
		if low < test.low-slack || top > test.top+slack || top-low < 0.99*width {
			t.Errorf("%v: values from %v to %v, expected from %v to %v", test.param, low, top, test.low, test.top)
		}
	}
}

// A tensor's values do not depend on the company it is asked for in.
func TestSyntheticIndependent(t *testing.T) {
	together := Synthetic(madeParams)
	for _, p := range madeParams {
		alone := Synthetic([]Param{p})[p.Name]
		for i := range alone {
			if alone[i] != together[p.Name][i] {
				t.Fatalf("%s[%d] is %v alone and %v in company", p.Name, i, alone[i], together[p.Name][i])
			}
		}
	}
}

func BenchmarkSynthetic(b *testing.B) {
	want := []Param{{Name: "conv.weight", Shape: []int{512, 512, 3, 3}}}
	b.SetBytes(4 * 512 * 512 * 9)
	for b.Loop() {
		Synthetic(want)
	}
}
