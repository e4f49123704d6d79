package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// safetensorsFile puts a header's length before it and zeros behind it.
func safetensorsFile(header string, body int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	data = append(data, header...)
	return append(data, make([]byte, body)...)
}

func TestSafetensorsMalformed(t *testing.T) {
	const a = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	tests := []struct {
		name, header string
		body         int
		want         string
	}{
		{"not JSON", `{xyz}`, 0, "safetensors header: invalid character"},
		{"ends early", `{"a":{"dtype":"F32",`, 0, "safetensors header: it ends too early"},
		{"after the end", `{} {}`, 0, "something follows the closing brace"},
		{"tensor twice", `{` + a + `,` + a + `}`, 8, `the header has the key "a" twice`},
		{"key twice", `{"a":{"dtype":"F32","dtype":"F32","shape":[2]}}`, 8, `tensor "a" has the key "dtype" twice`},
		{"unknown key", `{"a":{"type":"F32"}}`, 8, `tensor "a": unknown key "type"`},
		{"no offsets", `{"a":{"dtype":"F32","shape":[2]}}`, 8, `tensor "a": expected dtype, shape and data_offsets`},
		{"no object", `{"a":[1]}`, 8, `tensor "a" is [, expected an object`},
		{"unknown dtype", `{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}`, 8, `tensor "a": dtype: "F31" is unknown`},
		{"dtype no string", `{"a":{"dtype":3}}`, 8, `tensor "a": dtype: found 3, expected a string`},
		{"negative size", `{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8, "found -2, expected an integer from 0"},
		{"fraction", `{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}`, 8, "found 2.5, expected an integer"},
		{"size too large", `{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}`, 8, "found 9223372036854775808, expected"},
		{"size no number", `{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}`, 8, "found 2, expected a number"},
		{"shape no list", `{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}`, 8, "found 2, expected a list"},
		{"product too large", `{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8, "has too many elements"},
		{"bytes too large", `{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0, "0 bytes of data, expected 2305843009213693952"},
		{"many dimensions", `{"a":{"dtype":"F32","shape":[1` + strings.Repeat(",1", maxRank) + `],"data_offsets":[0,4]}}`, 4, `tensor "a": shape: more than 64 numbers`},
		{"three offsets", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}`, 8, "data_offsets: 3 numbers, expected 2"},
		{"backwards", `{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8, "ends at 0 before it begins at 8"},
		{"beyond the end", `{` + a + `}`, 7, "ends at byte 8 of 7: the file is truncated"},
		{"wrong size", `{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}`, 8, "8 bytes of data, expected 2 elements of F16 (shape 2)"},
		{"overlap", `{` + a + `,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12, `"b": its data begins at byte 4, inside the data`},
		{"gap", `{` + a + `,"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16, `"b": its data begins at byte 12, expected 8`},
		{"left over", `{` + a + `}`, 9, "1 bytes follow the data of the last tensor"},
		{"metadata no strings", `{"__metadata__":{"n":1}}`, 0, `__metadata__: "n" is 1, expected a string`},
		{"metadata no object", `{"__metadata__":"n"}`, 0, "__metadata__ is n, expected an object"},
		{"deep", `{"a":` + strings.Repeat("[", 100_000), 0, `tensor "a" is [, expected an object`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(safetensorsFile(test.header, test.body))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, expected one with %q", err, test.want)
			}
		})
	}
}

func TestSafetensorsHeaderLength(t *testing.T) {
	for n, want := range map[uint64]string{
		3:              "claims 3 bytes but only 2 follow: the file is truncated",
		1 << 40:        "claims 1099511627776 bytes, expected at most 100000000",
		math.MaxUint64: "expected at most 100000000",
	} {
		_, err := parse(append(binary.LittleEndian.AppendUint64(nil, n), "{}"...))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("length %d: error %v, expected one with %q", n, err, want)
		}
	}
}

// Scalars, empty tensors and files without tensors are legal.
func TestSafetensorsEmpty(t *testing.T) {
	f, err := parse(safetensorsFile(`{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},`+
		`"e":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}`, 4))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"s": 1, "e": 0} {
		tensor, _ := f.Lookup(name)
		if values, err := tensor.Float32s(); err != nil || len(values) != want {
			t.Errorf("%s: %v, %v", name, values, err)
		}
	}
	if _, err := parse(safetensorsFile(`{}   `, 0)); err != nil {
		t.Error(err)
	}
}

// What is written has the header and the data of the Python library, down to
// the bytes, but for the spaces that align the data.
func TestWriteLikePython(t *testing.T) {
	for _, name := range []string{"python.safetensors", "python_bf16.safetensors"} {
		python, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		f := openTest(t, name)
		tensors := f.Tensors()
		slices.Reverse(tensors)
		var b bytes.Buffer
		if err := WriteSafetensors(&b, tensors, f.Metadata()); err != nil {
			t.Fatal(err)
		}
		gotHeader, gotBody := splitSafetensors(b.Bytes())
		wantHeader, wantBody := splitSafetensors(python)
		if diff := cmp.Diff(strings.TrimRight(wantHeader, " "), strings.TrimRight(gotHeader, " ")); diff != "" {
			t.Errorf("%s: header (-want +got):\n%s", name, diff)
		}
		if !bytes.Equal(gotBody, wantBody) {
			t.Errorf("%s: the data differ", name)
		}
		if begin := safetensorsPrefix + len(gotHeader); begin%dataAlignment != 0 {
			t.Errorf("%s: the data begin at byte %d", name, begin)
		}
	}
}

func splitSafetensors(data []byte) (header string, body []byte) {
	n := safetensorsPrefix + int(binary.LittleEndian.Uint64(data))
	return string(data[safetensorsPrefix:n]), data[n:]
}

// Whatever is written is read back, and the order of writing does not show.
func TestWriteRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringN(1, 12, -1), 0, 6, rapid.ID).Draw(r, "names")
		want := map[string][]float32{}
		var tensors []Tensor
		for _, name := range names {
			if name == metadataKey {
				continue
			}
			shape := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 4).Draw(r, "shape")
			n, _ := elements(shape)
			want[name] = rapid.SliceOfN(rapid.Float32(), n, n).Draw(r, "values")
			tensor, err := NewFloat32(name, shape, want[name])
			if err != nil {
				r.Fatal(err)
			}
			tensors = append(tensors, tensor)
		}
		metadata := rapid.MapOf(rapid.String(), rapid.String()).Draw(r, "metadata")
		var first, second bytes.Buffer
		if err := WriteSafetensors(&first, tensors, metadata); err != nil {
			r.Fatal(err)
		}
		slices.Reverse(tensors)
		if err := WriteSafetensors(&second, tensors, metadata); err != nil {
			r.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			r.Fatal("another order, other bytes")
		}
		f, err := parse(first.Bytes())
		if err != nil {
			r.Fatal(err)
		}
		if len(metadata) > 0 && !cmp.Equal(f.Metadata(), metadata) {
			r.Fatalf("metadata %v, expected %v", f.Metadata(), metadata)
		}
		if len(f.Tensors()) != len(want) {
			r.Fatalf("%d tensors, expected %d", len(f.Tensors()), len(want))
		}
		for _, tensor := range f.Tensors() {
			if got, err := tensor.Float32s(); err != nil || !slices.Equal(got, want[tensor.Name]) {
				r.Fatalf("%v: %v, %v, expected %v", tensor, got, err, want[tensor.Name])
			}
		}
	})
}

func TestWriteRefuses(t *testing.T) {
	for want, tensors := range map[string][]Tensor{
		`safetensors: two tensors are named "a"`:               {floats(t, "a", nil), floats(t, "a", nil)},
		`safetensors: a tensor cannot be named "__metadata__"`: {floats(t, "__metadata__", nil)},
		`safetensors: a tensor cannot be named ""`:             {floats(t, "", nil)},
		`safetensors: tensor name "\xff" is not valid UTF-8`:   {floats(t, "\xff", nil)},
	} {
		var b bytes.Buffer
		if err := WriteSafetensors(&b, tensors, nil); err == nil || err.Error() != want || b.Len() > 0 {
			t.Errorf("error %v after %d bytes, expected %s", err, b.Len(), want)
		}
	}
}

// fullDisk fails after some bytes.
type fullDisk struct{ left int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		return 0, errFull
	}
	d.left -= len(p)
	return len(p), nil
}

func TestWriteReportsErrors(t *testing.T) {
	var whole bytes.Buffer
	tensors := openTest(t, "zip_strided.pth").Tensors()
	if err := WriteSafetensors(&whole, tensors, nil); err != nil {
		t.Fatal(err)
	}
	for left := range whole.Len() {
		if err := WriteSafetensors(&fullDisk{left}, tensors, nil); !errors.Is(err, errFull) {
			t.Fatalf("after %d bytes: error %v", left, err)
		}
	}
	if err := WriteSafetensors(io.Discard, tensors, nil); err != nil {
		t.Error(err)
	}
}
