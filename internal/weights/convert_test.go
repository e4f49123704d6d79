package weights

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every checkpoint of the network becomes the same file, metadata apart.
// convertFile converts the file in to the file out, which may be the same.
func convertFile(in, out string, want []Param, origin Origin) error {
	var b bytes.Buffer
	if err := Convert(&b, in, want, origin); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o600)
}

// safetensorsOf returns the file of some tensors.
func safetensorsOf(t *testing.T, tensors []Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSafetensors(&b, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestConvert(t *testing.T) {
	bodies := map[string]string{}
	for _, test := range readable {
		out := filepath.Join(t.TempDir(), "out.safetensors")
		if err := convertFile(filepath.Join("testdata", test.name), out, nil, Origin{}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		_, body := splitSafetensors(data)
		bodies[string(body)] = test.name

		f, err := Open(out)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string][]float32{}
		for _, tensor := range f.Tensors() {
			if values[tensor.Name], err = tensor.Float32s(); err != nil || tensor.DType != F32 {
				t.Errorf("%s: %v: %v", test.name, tensor, err)
			}
		}
		if diff := cmp.Diff(madeTensors(), values); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if strings.Contains(test.name, "wrapped") && f.Metadata()["arch"] != "P3D" {
			t.Errorf("%s: metadata %v", test.name, f.Metadata())
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different files: %v", len(bodies), bodies)
	}
}

func TestConvertTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "net")
	data, err := os.ReadFile("testdata/legacy_pre04.pth.tar")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var before []byte
	for range 2 { // a conversion of its own result changes nothing
		if err := convertFile(path, path, nil, Origin{Source: "net", Version: "1"}); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, after) {
			t.Error("the second conversion differs from the first")
		}
		before = after
	}
}

func TestConvertRefuses(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	tensors := []Tensor{
		floats(t, "module.a", []int{2}, 1, float32(math.Inf(1))),
		floats(t, "a", []int{1}),
	}
	if err := os.WriteFile(in, safetensorsOf(t, tensors), 0o600); err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	err := Convert(&written, in, nil, Origin{})
	want := in + ": a and module.a both become a\na: element 1 is +Inf, expected a finite number"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, expected %s", err, want)
	}
	if written.Len() > 0 {
		t.Errorf("%d bytes are written in spite of an error", written.Len())
	}
	if err := Convert(&written, filepath.Join(dir, "none"), nil, Origin{}); !os.IsNotExist(err) {
		t.Errorf("error %v", err)
	}
}

// Of many tensors that are not finite the first are named.
func TestConvertManyFaults(t *testing.T) {
	var tensors []Tensor
	for i := range 23 {
		tensors = append(tensors, floats(t, fmt.Sprint("x", i), []int{1}, float32(math.NaN())))
	}
	_, err := memoryFile(t, tensors...).cleaned()
	if err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.HasSuffix(err.Error(), "\nand 3 more") {
		t.Errorf("error %v", err)
	}
}
