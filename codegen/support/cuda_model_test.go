package support

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoDriver opens a model where there is no driver. With one, on a GPU, the
// suites under tests/cuda do the rest.
func TestNoDriver(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "libcuda.so.1")
	_, err := openCUDAModel(&network{}, &cudaPlan{}, &cudaCode{}, "weights", []CUDAOption{CUDALibraries(missing, ""), CUDADevice(0)})
	if err == nil || !strings.HasPrefix(err.Error(), "no NVIDIA driver: ") || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
}

// TestForeignLibrary opens a library that is there and is no driver.
func TestForeignLibrary(t *testing.T) {
	for _, name := range []string{"libc.so.6", "libSystem.B.dylib", "kernel32.dll"} {
		if _, err := openLibrary([]string{name}); err != nil {
			continue
		}
		if _, err := openCUDA(name); err == nil || !strings.Contains(err.Error(), name+" has no function cuInit") {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Skip("none of the usual libraries is here")
}

// TestCodeCache checks that what is damaged counts as not there.
func TestCodeCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "code.cubin")
	if _, err := readCode(path); err == nil {
		t.Error("read a file that is not there")
	}
	writeCode(path, []byte("machine code"))
	if code, err := readCode(path); err != nil || string(code) != "machine code" {
		t.Errorf("read %q, %v", code, err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1]++
	for _, damaged := range [][]byte{nil, data[:10], data} {
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		if code, err := readCode(path); !errors.Is(err, os.ErrInvalid) {
			t.Errorf("read %q, %v of a damaged file", code, err)
		}
	}
	if a, b := cachePath("12.9", "sm_80", "x"), cachePath("12.9", "sm_90", "x"); a == b {
		t.Errorf("both are kept at %s", a)
	}
}
