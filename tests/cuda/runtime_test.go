package cuda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
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

// small is the network that is run on an emulated driver.
const small = `network net {
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
}`

// user is a program that runs a package on a GPU: see testdata/user.go.
type user struct {
	dir, program, weights string
	plan                  *ir.Plan
	precision             cuda.Precision
	comparison            *comparison
}

// newUser generates a network's package and builds it into a program.
func newUser(t *testing.T, g *ir.Graph, p cuda.Precision, c *comparison) *user {
	t.Helper()
	g = g.Clone()
	g.Taps = nil
	plans, err := avx.Plans(g, ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := cuda.Plan(g, p)
	if err != nil {
		t.Fatal(err)
	}
	o := codegen.Options{Package: "net", Source: "net.p3d", Version: "test"}
	m := suite.NewModule(t, pureGo)
	m.Package(t, "net", append(avx.Generate(plans, o), cuda.Generate(plan, p, o)...))
	source, err := os.ReadFile(filepath.Join("testdata", "user.go"))
	if err != nil {
		t.Fatal(err)
	}
	m.Write(t, "main.go", source)
	u := &user{dir: m.Dir, program: filepath.Join(m.Dir, "user"), plan: plan, precision: p, comparison: c}
	m.Go(t, nil, "build", "-tags=user", "-o", u.program, ".")
	u.weights = filepath.Join(m.Dir, "weights.safetensors")
	if err := harness.WriteWeights(u.weights, g.Params, c.weights); err != nil {
		t.Fatal(err)
	}
	return u
}

// vet checks the generated package for other systems.
func (u *user) vet(t *testing.T) {
	t.Helper()
	m := &suite.Module{Dir: u.dir}
	for _, target := range []string{"windows/amd64", "darwin/arm64"} {
		goos, goarch, _ := strings.Cut(target, "/")
		m.Go(t, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "vet", "-tags=user", "./...")
	}
}

// fakeDriver builds a library that stands in for the driver and NVRTC, and
// runs a network's kernels on the emulator.
func fakeDriver(t *testing.T, g *ir.Graph, p cuda.Precision, c *comparison) string {
	t.Helper()
	g = g.Clone()
	g.Taps = nil
	b := prepare(t, plan(t, g, p), p, c.weights)
	library := strings.Replace(string(b.main), "driver.h", "fake_cuda.h", 1)
	library = strings.Replace(library, "int main(int argc, char** argv) {\n    return emulator::drive(argc, argv, {\n",
		"const std::map<std::string, emulator::Kernel>& emulator::kernels() {\n    static const std::map<std::string, Kernel> all = {\n", 1)
	b.write(t, "fake.cpp", []byte(strings.Replace(library, "    });\n}", "    };\n    return all;\n}", 1)))
	compile(t, b.dir, "fake.cpp", "libfake.so", "-shared", "-fPIC")
	return filepath.Join(b.dir, "libfake.so")
}

// run runs the program with a driver and a compiler, and returns what it
// prints. It measures batches of the sizes given.
func (u *user) run(t *testing.T, driver, nvrtc, weights string, env []string, batches ...string) string {
	t.Helper()
	c := u.comparison
	in, err := json.Marshal(map[string]any{
		"Frames": slices.Collect(slices.Chunk(c.frames, len(c.frames)/3)),
		"Floats": slices.Collect(slices.Chunk(c.floats, len(c.floats)/3)), "Probabilities": c.want[0]["probabilities"] != nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(u.program, append([]string{driver, nvrtc, weights}, batches...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// emulated runs the program on the emulated driver, which lacks something, and
// checks that everything was given back.
func (u *user) emulated(t *testing.T, library, nvrtc, weights, lacks, cache string) string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	out := u.run(t, library, nvrtc, weights, []string{"FAKE_CUDA=" + lacks, "FAKE_CUDA_LOG=" + log, "XDG_CACHE_HOME=" + cache})
	left, err := os.ReadFile(log)
	if !strings.Contains(lacks, "devices") && !strings.Contains(lacks, "capability") && string(left) != "0 bytes, 0 modules" {
		t.Errorf("%v: on the GPU is left %q, want 0 bytes, 0 modules", err, left)
	}
	return out
}

// TestRuntime runs a generated package on the emulated GPU, and without one.
func TestRuntime(t *testing.T) {
	compiler(t)
	if runtime.GOOS != "linux" {
		t.Skip("the emulated driver is built for Linux")
	}
	t.Parallel()
	g := lower(t, small)
	c := newComparison(t, g, 3)
	u, fake := newUser(t, g, cuda.FP16, c), fakeDriver(t, g, cuda.FP16, c)
	u.vet(t)
	cache := t.TempDir()
	t.Run("results", func(t *testing.T) { u.results(t, u.emulated(t, fake, fake, u.weights, "", cache)) })
	t.Run("cache", func(t *testing.T) {
		u.results(t, u.emulated(t, fake, fake, u.weights, "compiles=0", cache))
		files, err := filepath.Glob(filepath.Join(cache, "p3dc", "*"))
		if err != nil || len(files) != 1 {
			t.Fatalf("the cache holds %v, %v", files, err)
		}
		if err := os.WriteFile(files[0], []byte("damaged"), 0o666); err != nil {
			t.Fatal(err)
		}
		u.results(t, u.emulated(t, fake, fake, u.weights, "", cache))
	})
	missing := filepath.Join(u.dir, "missing")
	weightsOnly := fmt.Sprintf("memory=%d", u.plan.PackedLen*u.precision.Bytes()+1000)
	for _, tc := range []struct{ name, nvrtc, weights, lacks, want string }{
		{"compiler", missing, u.weights, "", "error: no NVRTC, CUDA's run-time compiler; it comes with the CUDA toolkit"},
		{"weights", fake, missing, "", "error: stat " + missing + ": no such file"},
		{"GPU", fake, u.weights, "devices=0", "error: starting the driver: CUDA error 100, no CUDA-capable device is detected"},
		{"capability", fake, u.weights, "capability=7", "error: the GPU Emulated GPU has compute capability 7.0, needs 8.0 or newer"},
		{"memory for weights", fake, u.weights, "memory=100", "error: 1 MB for the weights on Emulated GPU: the GPU is out of memory"},
		{"memory for maps", fake, u.weights, weightsOnly, "error: ErrCUDAMemory: 1 MB for feature maps on Emulated GPU: the GPU is out of memory"},
		{"shared memory", fake, u.weights, "shared=1000", "bytes of shared memory, Emulated GPU has 1000"},
		{"compilation", fake, u.weights, "compiles=0", "error: net.cu for sm_90: NVRTC: NVRTC_ERROR_COMPILATION\nlogs"},
	} {
		t.Run("without "+tc.name, func(t *testing.T) {
			if got := u.emulated(t, fake, tc.nvrtc, tc.weights, tc.lacks, t.TempDir()); !strings.Contains(got, tc.want) {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	t.Run("without driver", func(t *testing.T) {
		if got := u.run(t, missing, fake, u.weights, nil); !strings.HasPrefix(got, "error: no NVIDIA driver: "+missing) {
			t.Errorf("got %s", got)
		}
	})
}

// printed is what the program prints.
type printed struct {
	Device       string
	Batch        []struct{ Logits, Features, Probabilities []float32 }
	One          []float32
	Two          [][]float32
	Faults       []string
	Milliseconds map[string]float64 // by batch
}

// results compares what the program printed with the interpreter.
func (u *user) results(t *testing.T, text string) printed {
	t.Helper()
	var got printed
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	check := func(what string, values []float32, clip int, name string) {
		if values == nil && u.comparison.want[clip][name] == nil {
			return // a network without softmax
		}
		if d, most := suite.Distance(values, u.comparison.want[clip][name]), tolerance(u.precision, u.comparison.depths[name]); !(d <= most) {
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
	name, classes, s := u.plan.Graph.Name, len(got.One), u.plan.Graph.Input.Shape
	want := []string{
		fmt.Sprintf("room for %d logits, %s has %d", classes-1, name, classes),
		fmt.Sprintf("the clip has %d bytes, %s takes %d: %d frames of %dx%d pixels (height x width), %d channels each",
			s.Elems()-1, name, s.Elems(), s.T, s.H, s.W, s.C),
		"no output: Run needs an Output that says what to copy out",
		"1 outputs for 2 clips: pass one for each",
		"4 clips, the session runs at most 3 at once: make it with Batch(4)",
		"clip 1: frames and values in one batch",
		fmt.Sprintf("Batch(%d): kernels count in 32 bits, %s runs at most %d clips at once", math.MaxInt32, name, math.MaxInt32/mostUnits(u.plan)),
		"<nil>", "<nil>", "<nil>", "the model is closed", "<nil>", "<nil>", "the model is closed", "the model is closed",
	}
	if len(got.Batch) != 3 || len(got.Two) != 2 || got.Device == "" || !slices.Equal(got.Faults, want) {
		t.Errorf("%d results, %d, on %s, errors\n%s\nwant\n%s", len(got.Batch), len(got.Two), got.Device, strings.Join(got.Faults, "\n"), strings.Join(want, "\n"))
	}
	return got
}

// mostUnits returns the most that the blocks of a launch share of one clip.
func mostUnits(p *ir.Plan) int {
	most := 0
	for _, l := range cuda.Launches(p) {
		most = max(most, l.Units)
	}
	return most
}
