package cuda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// pureGo opens shared libraries without cgo, for packages that run on a GPU.
const pureGo = "github.com/ebitengine/purego"

// user is a program that runs a package on a GPU: see testdata/user.go.
type user struct {
	dir, program, weights, fake string
	c                           *comparison
	packed                      int // bytes of the weights
}

// newUser generates a package, builds it into a program, and builds a library
// that stands in for the driver.
func newUser(t *testing.T) *user {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the emulated driver is built for Linux")
	}
	g := lower(t, `network net {
    input rgb 3x4x11x9 {
        range 0..255
        mean  100 100 100
        std   50 50 50
    }
    block bottleneck expansion 2 mix B
    conv 16 kernel 1x3x3 stride 1x2x2
    stage res2 width 12 blocks 1
    pool average
    linear 10
    softmax
}`)
	u := &user{c: newComparison(t, g, 3)}
	g.Taps = nil
	plans, err := avx.Plans(g, ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b := build(t, g, cuda.FP16, u.c.weights)
	u.packed = len(b.weights)
	o := codegen.Options{Package: "net", Source: "net.p3d", Version: "test"}
	m := suite.NewModule(t, pureGo)
	m.Package(t, "net", append(avx.Generate(plans, o), cuda.Generate(b.plan, cuda.FP16, o)...))
	source, err := os.ReadFile(filepath.Join("testdata", "user.go"))
	if err != nil {
		t.Fatal(err)
	}
	m.Write(t, "main.go", source)
	u.dir, u.program = m.Dir, filepath.Join(m.Dir, "user")
	m.Go(t, nil, "build", "-tags=user", "-o", u.program, ".")
	m.Go(t, nil, "vet", "-tags=user", "./...")
	for _, target := range []string{"windows/amd64", "darwin/arm64"} {
		goos, goarch, _ := strings.Cut(target, "/")
		m.Go(t, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "vet", "-tags=user", "./...")
	}
	u.weights = filepath.Join(m.Dir, "weights.safetensors")
	if err := harness.WriteWeights(u.weights, g.Params, u.c.weights); err != nil {
		t.Fatal(err)
	}
	library := strings.Replace(string(b.main), "driver.h", "fake_cuda.h", 1)
	library = strings.Replace(library, "int main(int argc, char** argv) {\n    return emulator::drive(argc, argv, {\n",
		"const std::map<std::string, emulator::Kernel>& emulator::kernels() {\n    static const std::map<std::string, Kernel> all = {\n", 1)
	b.write(t, "fake.cpp", []byte(strings.Replace(library, "    });\n}", "    };\n    return all;\n}", 1)))
	compile(t, b.dir, "fake.cpp", "libfake.so", "-shared", "-fPIC")
	u.fake = filepath.Join(b.dir, "libfake.so")
	return u
}

// run runs the program with a driver and what it lacks, and a cache of its own.
func (u *user) run(t *testing.T, driver, nvrtc, weights, fake, cache string) string {
	t.Helper()
	frames := slices.Collect(slices.Chunk(u.c.frames, len(u.c.frames)/3))
	in, err := json.Marshal(map[string]any{"Frames": frames})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(u.program, driver, nvrtc, weights)
	log := filepath.Join(t.TempDir(), "log")
	cmd.Env = append(os.Environ(), "FAKE_CUDA="+fake, "FAKE_CUDA_LOG="+log, "XDG_CACHE_HOME="+cache)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	left, err := os.ReadFile(log)
	if driver == u.fake && !strings.Contains(fake, "devices") && !strings.Contains(fake, "capability") && string(left) != "0 bytes, 0 modules" {
		t.Errorf("%v: on the GPU is left %q, want 0 bytes, 0 modules", err, left)
	}
	return strings.TrimSpace(string(out))
}

// TestRuntime runs a generated package on the emulated GPU, and without one.
func TestRuntime(t *testing.T) {
	compiler(t)
	t.Parallel()
	u := newUser(t)
	cache := t.TempDir()
	t.Run("results", func(t *testing.T) { u.results(t, u.run(t, u.fake, u.fake, u.weights, "", cache)) })
	t.Run("cache", func(t *testing.T) {
		u.results(t, u.run(t, u.fake, u.fake, u.weights, "compiles=0", cache))
		files, err := filepath.Glob(filepath.Join(cache, "p3dc", "*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("the cache holds %v, %v", files, err)
		}
		if err := os.WriteFile(files[0], []byte("damaged"), 0o666); err != nil {
			t.Fatal(err)
		}
		u.results(t, u.run(t, u.fake, u.fake, u.weights, "", cache))
	})
	missing := filepath.Join(u.dir, "missing")
	for _, tc := range []struct{ name, driver, nvrtc, weights, fake, want string }{
		{"no driver", missing, u.fake, u.weights, "", "error: no NVIDIA driver: " + missing},
		{"no compiler", u.fake, missing, u.weights, "", "error: no NVRTC, CUDA's run-time compiler; it comes with the CUDA toolkit"},
		{"no weights", u.fake, u.fake, missing, "", "error: stat " + missing + ": no such file"},
		{"no GPU", u.fake, u.fake, u.weights, "devices=0", "error: starting the driver: CUDA error 100, no CUDA-capable device is detected"},
		{"old GPU", u.fake, u.fake, u.weights, "capability=7", "error: the GPU Emulated GPU has compute capability 7.0, needs 8.0 or newer"},
		{"no memory for weights", u.fake, u.fake, u.weights, "memory=100", "error: 1 MB for the weights on Emulated GPU: the GPU is out of memory"},
		{"no memory for maps", u.fake, u.fake, u.weights, fmt.Sprintf("memory=%d", u.packed+1000), "error: ErrCUDAMemory: 1 MB for feature maps on Emulated GPU: the GPU is out of memory"},
		{"little shared memory", u.fake, u.fake, u.weights, "shared=1000", "bytes of shared memory, Emulated GPU has 1000"},
		{"refused source", u.fake, u.fake, u.weights, "compiles=0", "error: net.cu for sm_90: NVRTC: NVRTC_ERROR_COMPILATION\nlogs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := u.run(t, tc.driver, tc.nvrtc, tc.weights, tc.fake, t.TempDir()); !strings.Contains(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// results compares what the program printed with the interpreter.
func (u *user) results(t *testing.T, text string) {
	t.Helper()
	var got struct {
		Device string
		Batch  []struct{ Logits, Features, Probabilities []float32 }
		One    []float32
		Two    [][]float32
		Faults []string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	check := func(what string, values []float32, clip int, name string) {
		if d, most := suite.Distance(values, u.c.want[clip][name]), tolerance(cuda.FP16, u.c.depths[name]); !(d <= most) {
			t.Errorf("%s: %s of clip %d is off by %.3g (relative L2), at most %.3g expected", what, name, clip, d, most)
		}
	}
	for i, out := range got.Batch {
		check("a batch", out.Logits, i, "logits")
		check("a batch", out.Features, i, "features")
		check("a batch", out.Probabilities, i, "probabilities")
	}
	check("one clip", got.One, 1, "logits")
	for i, logits := range got.Two {
		check("two clips", logits, i+1, "logits")
	}
	want := []string{
		"room for 9 logits, net has 10",
		"the clip has 1187 bytes, net takes 1188: 4 frames of 11x9 pixels (height x width), 3 channels each",
		"no output: Run needs an Output that says what to copy out",
		"1 outputs for 2 clips: pass one for each",
		"4 clips, the session runs at most 3 at once: make it with Batch(4)",
		"clip 1: frames and values in one batch",
		"<nil>", "<nil>", "<nil>", "the model is closed", "<nil>", "<nil>", "the model is closed", "the model is closed",
	}
	if len(got.Batch) != 3 || len(got.Two) != 2 || got.Device != "Emulated GPU" || !slices.Equal(got.Faults, want) {
		t.Errorf("%d results, %d, on %s, errors\n%s\nwant\n%s", len(got.Batch), len(got.Two), got.Device, strings.Join(got.Faults, "\n"), strings.Join(want, "\n"))
	}
}
