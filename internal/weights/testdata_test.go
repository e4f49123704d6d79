package weights

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// madeValues are the values that testdata/make.py gives a tensor.
func madeValues(shape []int, start int) []float32 {
	n, err := elements(shape)
	if err != nil {
		panic(err)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = float32((i+start)%256-128) / 8
	}
	return out
}

// madeParams are the parameters of testdata/make.py's network.
var madeParams = []Param{
	{Name: "conv1_custom.weight", Shape: []int{4, 3, 1, 3, 3}},
	{Name: "bn1.weight", Shape: []int{4}},
	{Name: "bn1.bias", Shape: []int{4}},
	{Name: "bn1.running_mean", Shape: []int{4}},
	{Name: "bn1.running_var", Shape: []int{4}},
	{Name: "fc.weight", Shape: []int{5, 4}},
	{Name: "fc.bias", Shape: []int{5}},
}

// madeTensors are the values of testdata/make.py's network.
func madeTensors() map[string][]float32 {
	starts := []int{1, 7, 11, 13, 17, 19, 23}
	out := map[string][]float32{}
	for i, p := range madeParams {
		out[p.Name] = madeValues(p.Shape, starts[i])
	}
	return out
}

// openTest opens a file of testdata until the test ends.
func openTest(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// golden compares got with a file of testdata, or writes it under -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// readable lists the files that PyTorch, safetensors and NumPy wrote.
var readable = []struct {
	name   string
	format string
	dtype  DType // of all tensors but the count of batches
}{
	{"zip.pth", FormatPyTorchZip, F32},
	{"zip_dict.pth", FormatPyTorchZip, F32},
	{"zip_protocol4.pth", FormatPyTorchZip, F32},
	{"zip_wrapped.pth.tar", FormatPyTorchZip, F32},
	{"zip_strided.pth", FormatPyTorchZip, F32},
	{"zip_parameters.pth", FormatPyTorchZip, F32},
	{"zip_f16.pt", FormatPyTorchZip, F16},
	{"zip_bf16.pt", FormatPyTorchZip, BF16},
	{"zip_f64.pt", FormatPyTorchZip, F64},
	{"legacy.pth", FormatPyTorchLegacy, F32},
	{"legacy_protocol1.pth", FormatPyTorchLegacy, F32},
	{"legacy_wrapped.pth.tar", FormatPyTorchLegacy, F32},
	{"legacy_strided.pth", FormatPyTorchLegacy, F32},
	{"legacy_f16.pt", FormatPyTorchLegacy, F16},
	{"legacy_bf16.pt", FormatPyTorchLegacy, BF16},
	{"legacy_f64.pt", FormatPyTorchLegacy, F64},
	{"legacy_pre04.pth.tar", FormatPyTorchLegacy, F32},
	{"python.safetensors", FormatSafetensors, F32},
	{"python_bf16.safetensors", FormatSafetensors, BF16},
	{"numpy.npz", FormatNumPy, F32},
	{"numpy_f16.npz", FormatNumPy, F16},
	{"numpy_f64.npz", FormatNumPy, F64},
	{"numpy_big_endian.npz", FormatNumPy, F32},
	{"numpy_compressed.npz", FormatNumPy, F32},
	{"numpy_fortran.npz", FormatNumPy, F32},
	{"numpy_versions.npz", FormatNumPy, F32},
}

// All formats and types of one checkpoint give identical tensors.
func TestReadable(t *testing.T) {
	for _, test := range readable {
		t.Run(test.name, func(t *testing.T) {
			f := openTest(t, test.name)
			if f.Format() != test.format {
				t.Errorf("format %q, expected %q", f.Format(), test.format)
			}
			for _, tensor := range f.Tensors() {
				want := test.dtype
				if isBookkeeping(tensor.Name) {
					want = I64
				}
				if tensor.DType != want {
					t.Errorf("%s is %v, expected %v", tensor.Name, tensor.DType, want)
				}
			}
			got, err := Match(f, madeParams)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(madeTensors(), got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

// Every file in testdata that is a checkpoint has its test.
func TestEveryFileIsTested(t *testing.T) {
	var tested []string
	for _, r := range readable {
		tested = append(tested, r.name)
	}
	for _, c := range caffeFiles {
		tested = append(tested, c.name)
	}
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		ext := filepath.Ext(name)
		if ext == ".py" || ext == ".json" || ext == ".golden" || strings.HasPrefix(name, "refused_") {
			continue
		}
		if !slices.Contains(tested, name) {
			t.Errorf("%s is in no test", name)
		}
	}
}

func TestOrderAndMetadata(t *testing.T) {
	f := openTest(t, "zip_wrapped.pth.tar")
	var names []string
	for _, tensor := range f.Tensors() {
		names = append(names, tensor.Name)
	}
	want := []string{
		"module.conv1_custom.weight", "module.bn1.weight", "module.bn1.bias", "module.bn1.running_mean",
		"module.bn1.running_var", "module.bn1.num_batches_tracked", "module.fc.weight", "module.fc.bias",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	wantMetadata := map[string]string{"epoch": "12", "arch": "P3D", "best_prec1": "71.5"}
	if diff := cmp.Diff(wantMetadata, f.Metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if got := openTest(t, "python.safetensors").Metadata()["format"]; got != "pt" {
		t.Errorf("safetensors metadata: format is %q", got)
	}
}

func TestLookup(t *testing.T) {
	f := openTest(t, "legacy.pth")
	if f.Path() != filepath.Join("testdata", "legacy.pth") {
		t.Errorf("path %s", f.Path())
	}
	tensor, ok := f.Lookup("fc.bias")
	if !ok || tensor.String() != "fc.bias F32 5" || tensor.Elements() != 5 || tensor.Bytes() != 20 {
		t.Errorf("fc.bias: %v, %v", tensor, ok)
	}
	if _, ok := f.Lookup("fc"); ok {
		t.Error("found fc")
	}
	count, _ := f.Lookup("bn1.num_batches_tracked")
	if _, err := count.Float32s(); err == nil || !strings.Contains(err.Error(), "holds I64") {
		t.Errorf("Float32s of integers: %v", err)
	}
}

// What Float32s returned stays when the file is closed.
func TestValuesOutliveFile(t *testing.T) {
	f, err := Open("testdata/zip.pth")
	if err != nil {
		t.Fatal(err)
	}
	values, err := Match(f, madeParams)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := values["fc.bias"][0]; got != -13.125 {
		t.Errorf("fc.bias[0] is %v after Close", got)
	}
	if len(f.Tensors()) != 0 {
		t.Error("a closed file has tensors")
	}
}

// The errors for files that are refused, as users see them.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/refused_*")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	var all strings.Builder
	for _, file := range append(files, filepath.Join("testdata", "make.py"), "testdata") {
		f, err := Open(file)
		if err == nil {
			f.Close()
			t.Errorf("%s: no error", file)
			continue
		}
		all.WriteString(filepath.ToSlash(err.Error()) + "\n")
	}
	golden(t, "refused.golden", all.String())
}

// Every beginning of a checkpoint is an error and not a crash.
func TestTruncated(t *testing.T) {
	for _, test := range readable {
		data, err := os.ReadFile(filepath.Join("testdata", test.name))
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(data) {
			if _, err := parse(data[:n:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes were accepted", test.name, n, len(data))
			}
		}
	}
}

func TestOpenMissing(t *testing.T) {
	if _, err := Open("testdata/none.pth"); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pth")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(empty); err == nil || !strings.HasSuffix(err.Error(), "empty.pth: the file is empty") {
		t.Errorf("error %v", err)
	}
}

func TestFloat16(t *testing.T) {
	for h := range 1 << 16 {
		sign, exponent, mantissa := float64(1), h>>10&0x1f, float64(h&0x3ff)
		if h>>15 != 0 {
			sign = -1
		}
		var want float64
		switch exponent {
		case 0:
			want = sign * mantissa * math.Pow(2, -24)
		case 31:
			want = sign * math.Inf(1)
			if mantissa != 0 {
				want = math.NaN()
			}
		default:
			want = sign * (1 + mantissa/1024) * math.Pow(2, float64(exponent-15))
		}
		got := float64(float16(uint16(h)))
		same := got == want && math.Signbit(got) == (sign < 0) || math.IsNaN(got) && math.IsNaN(want)
		if !same {
			t.Fatalf("float16(%#04x) = %v, expected %v", h, got, want)
		}
	}
}

// A tensor of more than one chunk, read against its strides.
func TestStridedChunks(t *testing.T) {
	const rows, columns = 301, 173
	values := madeValues([]int{columns, rows}, 0)
	tensor := Tensor{
		Name: "transposed", DType: F32, Shape: []int{rows, columns},
		data: encodeFloats(nil, values), stored: F32, strides: []int{1, rows},
	}
	got, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	for r := range rows {
		for c := range columns {
			if want := values[c*rows+r]; got[r*columns+c] != want {
				t.Fatalf("element %d,%d is %v, expected %v", r, c, got[r*columns+c], want)
			}
		}
	}
}

func TestNewFloat32(t *testing.T) {
	if _, err := NewFloat32("a", []int{2, 3}, make([]float32, 5)); err == nil ||
		err.Error() != `tensor "a": 5 values for shape 2x3, expected 6` {
		t.Errorf("error %v", err)
	}
	if _, err := NewFloat32("a", []int{-1}, nil); err == nil {
		t.Error("a negative dimension was accepted")
	}
	if _, err := NewFloat32("a", []int{math.MaxInt, 2}, nil); err == nil {
		t.Error("an overflowing shape was accepted")
	}
}
