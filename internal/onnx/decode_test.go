package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// small is a model with everything that a file can hold.
func small() *Model {
	return &Model{
		IRVersion: 8, Producer: "p3dc", Version: "1", Opset: 17,
		Metadata: map[string]string{"a": "1", "b": "2"},
		Graph: Graph{
			Name: "small",
			Nodes: []Node{
				{Name: "conv", Op: "Conv", Inputs: []string{"clip", "w"}, Outputs: []string{"y"}, Attrs: []Attr{
					intsAttr("kernel_shape", 1, 1, 1), intAttr("group", 1),
					{Name: "auto_pad", Type: AttrString, Text: "NOTSET"},
				}},
				{Name: "pool", Op: "GlobalAveragePool", Inputs: []string{"y"}, Outputs: []string{"z"}},
				{Name: "shape", Op: "Constant", Outputs: []string{"s"}, Attrs: []Attr{
					{Name: "value", Type: AttrTensor, Tensor: &Tensor{Type: Int64, Dims: []int64{2}, Ints: []int64{0, -1}}},
				}},
				{Name: "flat", Op: "Reshape", Inputs: []string{"z", "s"}, Outputs: []string{"v"}},
				{Name: "fc", Op: "Gemm", Inputs: []string{"v", "fc.w", "fc.b"}, Outputs: []string{"logits"}, Attrs: []Attr{
					{Name: "alpha", Type: AttrFloat, Float: 1}, intAttr("transB", 1),
				}},
			},
			Initializers: []Tensor{
				{Name: "w", Type: Float, Dims: []int64{2, 3, 1, 1, 1}, Floats: []float32{1, 2, 3, 4, 5, 6}},
				{Name: "fc.w", Type: Float, Dims: []int64{1, 2}, Floats: []float32{7, 8}},
				{Name: "fc.b", Type: Float, Dims: []int64{1}, Floats: []float32{9}},
			},
			Inputs:  []ValueInfo{{Name: "clip", Type: Float, Dims: []Dim{{Name: "N"}, {Size: 3}, {Size: 2}, {Size: 4}, {Size: 4}}}},
			Outputs: []ValueInfo{{Name: "logits", Type: Float, Dims: []Dim{{Name: "N"}, {Size: 1}}}},
		},
	}
}

func encoded(t testing.TB, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEncodeDecode(t *testing.T) {
	m := small()
	file := encoded(t, m)
	if !bytes.Equal(file, encoded(t, small())) {
		t.Error("the same model gives other bytes")
	}
	got, err := Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got.Graph.Initializers { // come back as bytes
		t0 := &got.Graph.Initializers[i]
		if t0.Floats, err = t0.Float32s(); err != nil {
			t.Fatal(err)
		}
		t0.Raw = nil
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Errorf("(-written +read)\n%s", d)
	}
}

// TestCutOff wants an error, and no panic, of every beginning of a file; where
// the beginning ends with a field, the model lacks what follows.
func TestCutOff(t *testing.T) {
	file := encoded(t, small())
	for n := range file {
		m, err := Decode(file[:n])
		if err != nil {
			continue
		}
		if _, _, err := Import(m); err == nil && len(m.Metadata) == len(small().Metadata) {
			t.Errorf("%d of %d bytes are read as all", n, len(file))
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	nested := func(num protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), b)
	}
	number := func(num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
	}
	tensor := func(fields ...[]byte) []byte {
		return nested(7, nested(5, slices.Concat(nested(8, []byte("w")), slices.Concat(fields...))))
	}
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "not an ONNX model"},
		{"text", []byte("not a model at all"), "not a protobuf message"},
		{"no graph", number(1, 8), "not an ONNX model"},
		{"two graphs", slices.Concat(number(1, 8), nested(7, nil), nested(7, nil), nested(8, number(2, 17))), "not an ONNX model"},
		{"wire type", nested(1, nil), "field 1 has wire type 2"},
		{"length", []byte{7<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0x7f}, "damaged or cut off"},
		{"nodes", nested(7, bytes.Repeat(nested(1, nil), maxNodes+1)), "graph: nodes: more than 131072 of them"},
		{"attributes", nested(7, nested(1, bytes.Repeat(nested(5, nil), maxArgs+1))), "more than 1024 of them"},
		{"dimensions", nested(7, nested(5, nested(1, make([]byte, maxDims+1)))), `initializer "": dimensions: more than 16 of them`},
		{"raw data", nested(7, nested(5, number(9, 1))), "field 9 has wire type 0"},
		{"raw data and floats", tensor(nested(9, make([]byte, 4)), nested(4, make([]byte, 4))), `initializer "w": its elements are given twice`},
		{"raw data and integers", tensor(nested(9, make([]byte, 4)), number(7, 1)), `initializer "w": its elements are given twice`},
		{"raw data and a file", tensor(nested(9, make([]byte, 4)), nested(13, nil)), `initializer "w": its elements are given twice`},
		{"raw data of a file", tensor(number(14, 1), nested(9, make([]byte, 4))), `initializer "w": its elements are given twice`},
		{"attribute's elements", nested(7, nested(1, slices.Concat(nested(3, []byte("n")), nested(5, slices.Concat(nested(1, []byte("value")),
			nested(5, slices.Concat(nested(9, nil), number(7, 1)))))))), `node "n" (): attribute "value": its elements are given twice`},
		{"sparse", nested(7, nested(15, nil)), "sparse initializers are not supported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Decode(tt.file); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestEncodeErrors(t *testing.T) {
	m := small()
	m.Graph.Initializers[0].Floats = m.Graph.Initializers[0].Floats[:5]
	if err := m.Encode(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), `tensor "w" has 5 elements; expected 6`) {
		t.Errorf("got %v", err)
	}
	// More than 2 GiB, of which one tensor's worth is there.
	m = small()
	values := make([]float32, 1<<26)
	for range 9 {
		m.Graph.Initializers = append(m.Graph.Initializers, Tensor{Type: Float, Dims: []int64{1 << 26}, Floats: values})
	}
	if err := m.Encode(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "protobuf allows 2147483647") {
		t.Errorf("got %v", err)
	}
}

// TestExternal reads weights from a file beside the model.
func TestExternal(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries map[string]string
		twice   bool // another tensor wants the same bytes
		want    string
	}{
		{"all", map[string]string{"location": "w.bin"}, false, ""},
		{"part", map[string]string{"location": "w.bin", "offset": "4", "length": "24"}, false, ""},
		{"folder", map[string]string{"location": "sub/w.bin"}, false, "w.bin"},
		{"above", map[string]string{"location": "../w.bin"}, false, `the elements of tensor "w" are in "../w.bin"; expected a file beside the model`},
		{"absolute", map[string]string{"location": "/etc/passwd"}, false, "expected a file beside the model"},
		{"missing", map[string]string{"location": "v.bin"}, false, "v.bin"},
		{"outside", map[string]string{"location": "w.bin", "offset": "8"}, false, "24 bytes from byte 8 on lie outside of the file, which has 28"},
		{"negative", map[string]string{"location": "w.bin", "offset": "-8"}, false, "outside of the file"},
		{"huge", map[string]string{"location": "w.bin", "offset": "9223372036854775807"}, false, "outside of the file"},
		{"length", map[string]string{"location": "w.bin", "length": "20"}, false, "has 20 bytes in w.bin; expected 24"},
		{"number", map[string]string{"location": "w.bin", "offset": "x"}, false, "invalid syntax"},
		{"folder itself", map[string]string{"location": "."}, false, "not a regular file"},
		{"link", map[string]string{"location": "inside.bin"}, false, ""},
		{"link out", map[string]string{"location": "outside.bin"}, false, `tensor "w": outside.bin: a symbolic link leads out of the model's folder; expected a file beside the model`},
		{"linked folder", map[string]string{"location": "up/w.bin"}, false, `tensor "w": up/w.bin: a symbolic link leads out`},
		{"no location", map[string]string{"offset": "4"}, false, `the elements of tensor "w" are in ""; expected a file beside the model`},
		{"no entries", nil, false, `the elements of tensor "w" are in ""; expected a file beside the model`},
		{"overlap", map[string]string{"location": "w.bin"}, true, "they overlap"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "model")
			err := errors.Join(
				os.Mkdir(dir, 0o777),
				os.WriteFile(filepath.Join(above, "w.bin"), make([]byte, 28), 0o666),
				os.WriteFile(filepath.Join(dir, "w.bin"), make([]byte, 28), 0o666),
				os.Symlink("w.bin", filepath.Join(dir, "inside.bin")),
				os.Symlink("../w.bin", filepath.Join(dir, "outside.bin")),
				os.Symlink("..", filepath.Join(dir, "up")),
			)
			if err != nil {
				t.Fatal(err)
			}
			file := externalised(t, tt.entries, tt.twice)
			path := filepath.Join(dir, "model.onnx")
			if err := os.WriteFile(path, file, 0o666); err != nil {
				t.Fatal(err)
			}
			m, err := ReadFile(path)
			if tt.want == "" {
				if err == nil {
					_, _, err = Import(m)
				}
				if files := m.ExternalFiles(); !slices.Equal(files, []string{tt.entries["location"]}) {
					t.Errorf("external files %q", files)
				}
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// externalised returns the small model as a file with an initializer, or two,
// whose elements lie elsewhere.
func externalised(t *testing.T, entries map[string]string, twice bool) []byte {
	t.Helper()
	var tensor message
	for _, d := range []int64{2, 3, 1, 1, 1} {
		tensor.int(1, d)
	}
	tensor.int(2, int64(Float))
	for key, value := range entries {
		tensor.nest(13, func(e *message) { e.text(1, key); e.text(2, value) })
	}
	tensor.int(14, 1)
	m := small()
	m.Graph.Initializers = m.Graph.Initializers[1:]
	var file, graph message
	m.Graph.encode(&graph)
	add := func(name string) {
		graph.nest(5, func(e *message) { e.text(8, name); e.add(tensor.pieces[0].bytes...) })
	}
	add("w")
	if twice {
		add("again")
	}
	file.int(1, 8)
	file.nest(8, func(e *message) { e.int(2, 17) })
	file.nest(7, func(e *message) { *e = graph })
	var b bytes.Buffer
	if err := file.writeTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFile(dir); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
	missing := filepath.Join(dir, "missing.onnx")
	if _, err := ReadFile(missing); err == nil || !strings.HasPrefix(err.Error(), missing+": ") {
		t.Errorf("a missing file: %v", err)
	}
	large := filepath.Join(dir, "large.onnx")
	if err := os.WriteFile(large, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 3<<30); err != nil { // takes no room
		t.Fatal(err)
	}
	if _, err := ReadFile(large); err == nil || !strings.Contains(err.Error(), "larger than 2 GiB") {
		t.Errorf("a large file: %v", err)
	}
}
