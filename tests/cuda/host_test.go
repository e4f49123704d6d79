package cuda

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/tests/internal/suite"
)

// inC builds the package's C functions, with all warnings, into a program and
// compares what it computes with the Go program's results: to the bit.
func (u *user) inC(t *testing.T, fake, packed string, want *printed) {
	dir := t.TempDir()
	clips := filepath.Join(dir, "clips")
	if err := os.WriteFile(clips, append(slices.Clone(u.comparison.frames), floatBytes(u.comparison.floats)...), 0o666); err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(filepath.Join("testdata", "user.c"))
	if err != nil {
		t.Fatal(err)
	}
	u.gcc(t, "-o", filepath.Join(dir, "user"), program)
	library(t, dir, fake)
	for _, tc := range []struct{ code, env string }{{"net.cu", ""}, {"net.cu", "capability=12"}, {"net_sm_80.cubin", ""}} {
		what := tc.code + " " + tc.env
		cmd := exec.Command(filepath.Join(dir, "user"), tc.code, packed, clips)
		cmd.Dir = filepath.Join(u.dir, "net")
		log := filepath.Join(dir, "log")
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "FAKE_CUDA_LOG="+log, "FAKE_CUDA="+tc.env)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		data, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", what, err, &complaints)
		}
		var values []float32
		for i := 0; i+4 <= len(data); i += 4 {
			values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(data[i:])))
		}
		var all [][]float32
		for _, get := range []func(i int) []float32{
			func(i int) []float32 { return want.Batch[i].Logits },
			func(i int) []float32 { return want.Batch[i].Features },
			func(i int) []float32 { return want.Batch[i].Probabilities },
			func(i int) []float32 { return want.Resident[0][i] },
			func(i int) []float32 { return want.Resident[0][i] },
		} {
			for i := range 3 {
				all = append(all, get(i))
			}
		}
		if !slices.Equal(values, slices.Concat(all...)) {
			t.Errorf("%s: C has %v, Go has %v", what, values, all)
		}
		complain := strings.Join([]string{
			"too many: 4 clips, expected 1 to 3", "none: no clips",
			"weights: " + clips + ": no packed weights", "code: loading the kernels: CUDA error 200, an error of the emulated driver",
			"batch: a batch of 1073741824 clips, expected 1 to ",
		}, "\n")
		if !strings.HasPrefix(complaints.String(), complain) {
			t.Errorf("%s: it complains\n%s\nwant\n%s", what, &complaints, complain)
		}
		if left, err := os.ReadFile(log); err != nil || !strings.HasPrefix(string(left), "0 bytes, 0 of the host, 0 modules, 0 objects;") {
			t.Errorf("%s: on the GPU is left %q, %v", what, left, err)
		}
	}
}

// gcc compiles the package's C functions.
func (u *user) gcc(t *testing.T, flags ...string) {
	t.Helper()
	dir := filepath.Join(u.dir, "net")
	flags = append([]string{"-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-I", dir, filepath.Join(dir, "net_host.c")}, flags...)
	if out, err := exec.Command("gcc", append(flags, "-ldl")...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
}

// library puts the emulated driver where its names are looked for.
func library(t *testing.T, dir, fake string) {
	t.Helper()
	for _, name := range []string{"libcuda.so.1", "libnvrtc.so.13"} {
		if err := os.Symlink(fake, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// inPython runs the snippet of docs/cuda.md, with the network's name and sizes in
// place of those of P3D-63.
func (u *user) inPython(t *testing.T, fake, packed string, want *printed) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	doc, err := os.ReadFile(filepath.Join(suite.Root(t), "docs", "cuda.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, snippet, found := strings.Cut(string(doc), "```python\n")
	snippet, _, ends := strings.Cut(snippet, "```\n")
	if !found || !ends {
		t.Fatal("docs/cuda.md has no Python")
	}
	dir := t.TempDir()
	u.gcc(t, "-shared", "-fPIC", "-o", filepath.Join(dir, "libnet.so"))
	library(t, dir, fake)
	for name, content := range map[string][]byte{"frames.raw": u.comparison.frames[:len(u.comparison.frames)/3], "net.cu": []byte("source")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(packed, filepath.Join(dir, "net.p3dw")); err != nil {
		t.Fatal(err)
	}
	snippet = strings.NewReplacer("p3d63", "net", "CLASSES = 400", "CLASSES = 10").Replace(snippet)
	cmd := exec.Command(python, "-c", snippet+"\nprint([x.hex() for x in logits])")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "FAKE_CUDA_LOG="+filepath.Join(dir, "log"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var printed []float32
	for _, word := range strings.FieldsFunc(lines[len(lines)-1], func(r rune) bool { return strings.ContainsRune("[]', ", r) }) {
		x, err := strconv.ParseFloat(word, 32)
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, float32(x))
	}
	if !slices.Equal(printed, want.Resident[0][0]) {
		t.Errorf("Python has %v, Go has %v", printed, want.Resident[0][0])
	}
}
