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
func TestConvert(t *testing.T) {
	bodies := map[string]string{}
	for _, test := range readable {
		out := filepath.Join(t.TempDir(), "out.safetensors")
		if err := Convert(filepath.Join("testdata", test.name), out, nil, Origin{}); err != nil {
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

func TestConvertInPlace(t *testing.T) {
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
		if err := Convert(path, path, nil, Origin{Source: "net", Version: "1"}); err != nil {
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
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	tensors := []Tensor{
		floats(t, "module.a", []int{2}, 1, float32(math.Inf(1))),
		floats(t, "a", []int{1}),
	}
	if err := WriteSafetensorsFile(in, tensors, nil); err != nil {
		t.Fatal(err)
	}
	err := Convert(in, out, nil, Origin{})
	want := in + ": a and module.a both become a\na: element 1 is +Inf, expected a finite number"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, expected %s", err, want)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("out exists after an error (%v)", err)
	}
	if err := Convert(filepath.Join(dir, "none"), out, nil, Origin{}); !os.IsNotExist(err) {
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
