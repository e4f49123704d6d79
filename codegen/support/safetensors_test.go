package support

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fileTensor is an entry of a safetensors file.
type fileTensor struct {
	name, dtype string
	shape       []int
	data        []float32
}

// safetensors writes the format: header length, header, data.
func safetensors(tensors []fileTensor) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data bytes.Buffer
	for _, t := range tensors {
		begin := data.Len()
		binary.Write(&data, binary.LittleEndian, t.data)
		header[t.name] = map[string]any{"dtype": t.dtype, "shape": t.shape, "data_offsets": []int{begin, data.Len()}}
	}
	return withHeader(header, data.Bytes())
}

func withHeader(header any, data []byte) []byte {
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), data...)
}

func writeFile(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.safetensors")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// convNet is one convolution of 2 to 3 channels: parameters l0.weight, l0.bias.
func convNet() *testNet {
	n := newTestNet(shape{1, 2, 2, 2})
	n.output("logits", n.conv(0, 3, [3]axis{unit, unit, unit}, none, epiBias))
	n.integers(1)
	n.build()
	return n
}

var generic = func(n *testNet) []candidate { return []candidate{{&n.plan, true}} }

// TestOpenErrors harms a weights file once a case.
func TestOpenErrors(t *testing.T) {
	t.Setenv(isaVariable, "")
	good := func() []fileTensor { return convNet().tensors() }
	header := func(h string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, tc := range []struct {
		name string
		file func() []byte
		want string // behind the path
	}{
		{"in order", func() []byte { return safetensors(good()) }, ""},
		{"counters of batches are no parameters", func() []byte {
			return safetensors(append(good(), fileTensor{"bn.num_batches_tracked", "I64", []int{}, []float32{1, 2}}))
		}, ""},
		{"seven bytes", func() []byte { return make([]byte, 7) }, "not a safetensors file: 7 bytes"},
		{"cut in the header", func() []byte { return safetensors(good())[:40] }, "not a safetensors file, or truncated: its header would take 163 of 40 bytes"},
		{"cut in the data", func() []byte { f := safetensors(good()); return f[:len(f)-1] }, `tensor "l0.bias": lies at bytes 24 to 36 of 35; the file is truncated or damaged`},
		{"a zip file", func() []byte { return []byte("PK\x03\x04 and so on") }, "not a safetensors file, or truncated: its header would take 7236828441365138256 of 14 bytes"},
		{"a huge header", func() []byte { return append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "{}"...) }, "not a safetensors file, or truncated: its header would take 18446744073709551615 of 10 bytes"},
		{"no JSON", func() []byte { return header("{nonsense") }, "not a safetensors file: its header is no JSON: invalid character 'n' looking for beginning of object key string"},
		{"a list", func() []byte { return header("[]") }, "not a safetensors file: its header is no JSON: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"},
		{"a tensor that is text", func() []byte { return header(`{"l0.bias":"x"}`) }, `tensor "l0.bias": json: cannot unmarshal string into Go value of type struct { DType string "json:\"dtype\""; Shape []int "json:\"shape\""; Offsets [2]uint64 "json:\"data_offsets\"" }`},
		{"half precision", func() []byte { g := good(); g[1].dtype = "F16"; return safetensors(g) }, "tensor \"l0.bias\": is F16, not F32; `p3dc weights convert` writes a file that fits"},
		{"offsets in the wrong order", func() []byte { return header(`{"l0.bias":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}`) }, `tensor "l0.bias": lies at bytes 12 to 0 of 0; the file is truncated or damaged`},
		{"no offsets", func() []byte { return header(`{"l0.bias":{"dtype":"F32","shape":[3]}}`) }, `tensor "l0.bias": of shape [3] takes 12 bytes, the file has 0`},
		{"tensors in the same bytes", func() []byte {
			return append(header(`{"l0.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},"l0.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`), make([]byte, 8)...)
		}, `tensors "l0.weight" and "l0.bias" lie in the same bytes; the file is damaged`},
		{"a negative extent", func() []byte { return header(`{"l0.bias":{"dtype":"F32","shape":[-3],"data_offsets":[0,0]}}`) }, `tensor "l0.bias": has the impossible shape [-3]`},
		{"a shape that overflows", func() []byte {
			return header(`{"l0.bias":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`)
		}, `tensor "l0.bias": has the impossible shape [4294967296 4294967296]`},
		{"more data than shape", func() []byte { g := good(); g[1].shape = []int{2}; return safetensors(g) }, `tensor "l0.bias": of shape [2] takes 8 bytes, the file has 12`},
		{"misshapen", func() []byte { g := good(); g[0].shape = []int{3, 2}; return safetensors(g) }, `not the weights of testnet: tensor "l0.weight" has shape [3 2], testnet needs [3 2 1 1 1]`},
		{"missing, extra and misshapen", func() []byte {
			g := good()
			g[0].shape = []int{2, 3, 1, 1, 1}
			g[1].name = "bias"
			return safetensors(append(g, fileTensor{"a", "F32", []int{1}, []float32{0}}))
		}, `not the weights of testnet: tensor "l0.weight" has shape [2 3 1 1 1], testnet needs [3 2 1 1 1]` +
			"\n" + `tensor "l0.bias" is missing` + "\n" + `tensor "a" is no parameter of testnet` + "\n" + `tensor "bias" is no parameter of testnet`},
		{"eleven more", func() []byte {
			g := good()
			for i := range 11 {
				g = append(g, fileTensor{fmt.Sprint("x", 10+i), "F32", []int{1}, []float32{0}})
			}
			return safetensors(g)
		}, "not the weights of testnet: " + strings.Join(extras(10), "\n") + "\nand 1 more"},
		{"a weight that is no number", func() []byte { g := good(); g[0].data[3] = nan; return safetensors(g) }, "l0.weight: the weight of output channel 1, input channel 1 is not finite"},
		{"an infinite weight", func() []byte { g := good(); g[0].data[4] = inf; return safetensors(g) }, "l0.weight: the weight of output channel 2, input channel 0 is not finite"},
		{"a bias that is no number", func() []byte { g := good(); g[1].data[2] = nan; return safetensors(g) }, "l0.bias: the value of output channel 2 is not finite: NaN"},
	} {
		n := convNet()
		path := writeFile(t, tc.file())
		m, err := open(&n.net, generic(n), path)
		want := ""
		if tc.want != "" {
			want = path + ": " + tc.want
		}
		if got := errorText(err); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, want)
		} else if (m == nil) != (err != nil) {
			t.Errorf("%s: a model %v with the error %v", tc.name, m != nil, err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func extras(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("tensor %q is no parameter of testnet", fmt.Sprint("x", 10+i)))
	}
	return lines
}

// TestOpenNoFile opens what is no weights file at all.
func TestOpenNoFile(t *testing.T) {
	n := convNet()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), dir, empty, ""} {
		if m, err := open(&n.net, generic(n), path); err == nil || m != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, %v", path, m, err)
		}
	}
	if _, err := open(&n.net, generic(n), filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
}

// FuzzReadSafetensors reads arbitrary bytes: errors, never panics, and no
// tensor beyond the file.
func FuzzReadSafetensors(f *testing.F) {
	f.Add(safetensors(convNet().tensors()))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := readSafetensors(file)
		if err != nil {
			return
		}
		for name, x := range tensors {
			if len(x.data) != 4*elems(x.shape) || len(x.data) > len(file) {
				t.Errorf("tensor %q of shape %v has %d bytes", name, x.shape, len(x.data))
			}
		}
	})
}

func TestChoose(t *testing.T) {
	plans := []*plan{{isa: "avx512"}, {isa: "avx2"}, {isa: "generic"}}
	for _, tc := range []struct {
		available [3]bool
		forced    string
		want      string // the plan, or the error
	}{
		{[3]bool{true, true, true}, "", "avx512"},
		{[3]bool{false, true, true}, "", "avx2"},
		{[3]bool{false, false, true}, "", "generic"},
		{[3]bool{true, true, true}, "avx2", "avx2"},
		{[3]bool{true, true, true}, "generic", "generic"},
		{[3]bool{false, true, true}, "avx512", "P3DC_ISA=avx512: this processor runs avx2, generic"},
		{[3]bool{true, true, true}, "AVX2", "P3DC_ISA=AVX2: this processor runs avx512, avx2, generic"},
	} {
		var candidates []candidate
		for i, p := range plans {
			candidates = append(candidates, candidate{p, tc.available[i]})
		}
		got := ""
		if p, err := choose(candidates, tc.forced); err != nil {
			got = err.Error()
		} else {
			got = p.isa
		}
		if got != tc.want {
			t.Errorf("%v, forced %q: %s, want %s", tc.available, tc.forced, got, tc.want)
		}
	}
}

// TestOpen opens a file as a program does, on the code path that the
// environment names.
func TestOpen(t *testing.T) {
	n := smallNet()
	path := writeFile(t, safetensors(n.tensors()))
	other := n.plan
	other.isa = "other"
	candidates := []candidate{{&plan{isa: "none"}, false}, {&n.plan, true}, {&other, true}}
	for env, want := range map[string]string{"": "generic", "other": "other"} {
		t.Setenv(isaVariable, env)
		m, err := open(&n.net, candidates, path)
		if err != nil {
			t.Fatal(err)
		}
		if m.ISA() != want {
			t.Errorf("%s=%s runs on %s", isaVariable, env, m.ISA())
		}
		got := make([]float32, 12)
		clip := n.integerClip(1)
		if err := m.NewSession().Run(&Output{Features: got}, Float32Clip(clip)); err != nil {
			t.Fatal(err)
		}
		for i, w := range n.want(clip)[n.plan.output("features").buffer] {
			if math.Abs(float64(got[i])-w) > 1e-6*math.Abs(w) {
				t.Errorf("feature %d is %v, want %v", i, got[i], w)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Setenv(isaVariable, "none")
	if _, err := open(&n.net, candidates, path); err == nil {
		t.Error("opened on a processor that does not have the instruction set")
	}
}
