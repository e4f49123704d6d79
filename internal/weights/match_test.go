package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
	"pgregory.net/rapid"
)

// floats returns a tensor for tests, of zeros where values are left out.
func floats(t testing.TB, name string, shape []int, values ...float32) Tensor {
	t.Helper()
	n, err := elements(shape)
	if err != nil {
		t.Fatal(err)
	}
	tensor, err := NewFloat32(name, shape, append(values, make([]float32, n-len(values))...))
	if err != nil {
		t.Fatal(err)
	}
	return tensor
}

// memoryFile returns a File of tensors.
func memoryFile(t testing.TB, tensors ...Tensor) *File {
	t.Helper()
	f, err := newFile("memory", tensors, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// One error names everything that is wrong.
func TestMatchError(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	huge := Tensor{
		Name: "module.layer1.0.bn3.weight", DType: F64, Shape: []int{2}, stored: F64,
		data: binary.LittleEndian.AppendUint64(make([]byte, 8), math.Float64bits(1e300)),
	}
	count := Tensor{Name: "module.layer1.0.conv4.weight", DType: I64, Shape: []int{1}, stored: I64, data: make([]byte, 8)}
	f := memoryFile(t,
		floats(t, "module.conv1_custom.weight", []int{64, 3, 1, 7, 7}),
		floats(t, "module.bn1.num_batches_tracked", nil),
		floats(t, "module.bn1.weight", []int{64}, 1, 2, nan),
		floats(t, "module.bn1.bias", []int{64}, inf),
		floats(t, "module.layer1.0.conv1.weigth", []int{64, 64, 1, 1, 1}),
		floats(t, "module.layer1.0.conv_2.weight", []int{64, 64, 1, 3, 3}),
		huge,
		count,
		floats(t, "module.fc.weight", []int{101, 2048}),
		floats(t, "module.fc.bias", []int{101}),
		floats(t, "module.twice", []int{3}),
		floats(t, "twice", []int{3}),
		floats(t, "module.zzz", nil),
	)
	f.path = "some/where/p3d.pth"
	_, err := Match(f, []Param{
		{Name: "conv1_custom.weight", Shape: []int{64, 3, 1, 7, 7}},
		{Name: "bn1.weight", Shape: []int{64}},
		{Name: "bn1.bias", Shape: []int{64}},
		{Name: "layer1.0.conv1.weight", Shape: []int{64, 64, 1, 1, 1}},
		{Name: "layer1.0.conv2.weight", Shape: []int{64, 64, 1, 3, 3}},
		{Name: "layer1.0.conv4.weight", Shape: []int{1}},
		{Name: "layer1.0.bn3.weight", Shape: []int{2}},
		{Name: "fc.weight", Shape: []int{400, 2048}},
		{Name: "fc.bias", Shape: []int{400}},
		{Name: "twice", Shape: []int{3}},
		{Name: "temporal_embedding", Shape: []int{7, 9}},
	})
	var match *MatchError
	if !errors.As(err, &match) || len(match.Problems) != 13 {
		t.Fatalf("error %v", err)
	}
	golden(t, "match.golden", err.Error()+"\n")
}

func TestMatchOneProblem(t *testing.T) {
	f := memoryFile(t, floats(t, "a", []int{2}))
	_, err := Match(f, []Param{{Name: "a", Shape: []int{2, 1}}})
	const want = "the checkpoint does not fit the network: 1 problem\n  misshapen   a: found 2, expected 2x1"
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// Of many faults the first are shown, and the others counted.
func TestMatchManyProblems(t *testing.T) {
	var want []Param
	for i := range 25 {
		want = append(want, Param{Name: fmt.Sprintf("layer%02d.weight", i), Shape: []int{1}})
	}
	_, err := Match(memoryFile(t, floats(t, "layer24.weight", []int{2})), want)
	if err == nil || strings.Count(err.Error(), "missing     ") != 20 || !strings.HasSuffix(err.Error(), "\n  and 5 more: 4 missing, 1 misshapen") ||
		!strings.Contains(err.Error(), ": 25 problems\n") {
		t.Errorf("error %v", err)
	}
}

// A variance below zero is named; other parameters may be negative.
func TestMatchNegativeVariance(t *testing.T) {
	f := memoryFile(t, floats(t, "bn.bias", []int{3}, 1, -1, 1), floats(t, "bn.running_var", []int{3}, 0, 1, -0.5))
	_, err := Match(f, []Param{
		{Name: "bn.bias", Shape: []int{3}, Role: ir.RoleBeta},
		{Name: "bn.running_var", Shape: []int{3}, Role: ir.RoleVariance},
	})
	const want = "1 problem\n  negative    bn.running_var: the variance of channel 2 is -0.5, expected 0 or more"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error %v, expected one with %q", err, want)
	}
}

// A network that does have a parameter of a name that is usually ignored.
func TestMatchBookkeepingWanted(t *testing.T) {
	f := memoryFile(t, floats(t, "bn.num_batches_tracked", []int{1}, 3))
	got, err := Match(f, []Param{{Name: "bn.num_batches_tracked", Shape: []int{1}}})
	if err != nil || got["bn.num_batches_tracked"][0] != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMatchRepeatedParam(t *testing.T) {
	defer func() {
		if r := recover(); r != "BUG: two parameters are named a" {
			t.Errorf("panic %v", r)
		}
	}()
	_, _ = Match(memoryFile(t), []Param{{Name: "a", Shape: nil}, {Name: "a", Shape: nil}})
}

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"fc.bias": "fc.bias", "module.fc.bias": "fc.bias", "module.module.fc.bias": "fc.bias",
		"modules.fc": "modules.fc", "a.module.b": "a.module.b",
	} {
		if got := CleanName(name); got != want {
			t.Errorf("CleanName(%q) = %q, expected %q", name, got, want)
		}
	}
}

func TestSuggestIsBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	if got := suggest(Param{Name: long, Shape: nil}, []Param{{Name: long + "y"}}); got != "" {
		t.Errorf("suggested for a name of a megabyte: %.60s", got)
	}
	if got := suggest(Param{Name: "abc", Shape: []int{1}}, []Param{{Name: "qqqqqq", Shape: []int{2}}}); got != "" {
		t.Errorf("suggested what is not alike: %s", got)
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"kitten", "sitting", 3},
		{"conv1", "conv_1", 1}, {"weight", "weigth", 2}, {"flaw", "lawn", 2}, {"aXbYc", "abc", 2},
	} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, expected %d", test.a, test.b, got, test.want)
		}
	}
}

func TestEditDistanceIsMetric(t *testing.T) {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("abc.")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		ab, ba := editDistance(a, b), editDistance(b, a)
		if ab != ba || (ab == 0) != (a == b) || ab > editDistance(a, c)+editDistance(c, b) ||
			ab > max(len(a), len(b)) {
			t.Fatalf("distances %d and %d", ab, ba)
		}
	})
}
