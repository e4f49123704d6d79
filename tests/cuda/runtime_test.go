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
	"time"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// pureGo opens shared libraries without cgo, for packages that run on a GPU.
const pureGo = "github.com/ebitengine/purego"

// small is the network that is run on an emulated driver. Its first layer has
// larger tiles for several clips.
const small = `network net {
    input rgb 3x2x11x9 {
        range 0..255
        mean  100 100 100
        std   50 50 50
    }
    block bottleneck expansion 2 mix B
    conv 80 kernel 1x3x3
    stage res2 width 12 blocks 1
    pool average
    linear 10
    softmax
}`

// user is a program that runs a package on a GPU: see testdata/user.go.
type user struct {
	dir, program, weights string
	under                 []string // a command that runs the program
	plans                 []*ir.Plan
	precision             cuda.Precision
	comparison            *comparison
}

// newUser generates a network's package and builds it into a program.
func newUser(t *testing.T, g *ir.Graph, p cuda.Precision, c *comparison, cubins ...cuda.Cubin) *user {
	t.Helper()
	m, onGPU := newModule(t, g, p, cubins...)
	source, err := os.ReadFile(filepath.Join("testdata", "user.go"))
	if err != nil {
		t.Fatal(err)
	}
	m.Write(t, "main.go", source)
	u := &user{dir: m.Dir, program: filepath.Join(m.Dir, "user"), plans: onGPU, precision: p, comparison: c}
	m.Go(t, nil, "build", "-tags=user", "-ldflags=-s -w", "-o", u.program, ".")
	u.write(t, g)
	return u
}

// newModule generates a network's package, called net, in a module of its own, and
// returns its plans for a GPU, too.
func newModule(t *testing.T, g *ir.Graph, p cuda.Precision, cubins ...cuda.Cubin) (*suite.Module, []*ir.Plan) {
	t.Helper()
	g = g.Clone()
	g.Taps = nil
	plans, err := avx.Plans(g, ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	onGPU, err := cuda.Plans(g, p)
	if err != nil {
		t.Fatal(err)
	}
	o := codegen.Options{Package: "net", Source: "net.p3d", Version: "test"}
	m := suite.NewModule(t, pureGo)
	m.Package(t, "net", append(avx.Generate(plans, o), cuda.Generate(onGPU, p, o, cubins...)...))
	return m, onGPU
}

// write writes the network's weights.
func (u *user) write(t *testing.T, g *ir.Graph) {
	t.Helper()
	u.weights = filepath.Join(u.dir, "weights.safetensors")
	if err := harness.WriteWeights(u.weights, g.Params, u.comparison.weights); err != nil {
		t.Fatal(err)
	}
}

// vet checks the generated package for other systems.
func (u *user) vet(t *testing.T) {
	t.Helper()
	m := &suite.Module{Dir: u.dir}
	for _, target := range []string{"windows/amd64", "darwin/arm64"} {
		goos, goarch, _ := strings.Cut(target, "/")
		m.Go(t, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "vet", "./net")
	}
}

// fakeDriver builds a library that stands in for the driver and NVRTC, and
// runs a network's kernels on the emulator.
func fakeDriver(t *testing.T, g *ir.Graph, p cuda.Precision) string {
	t.Helper()
	g = g.Clone()
	g.Taps = nil
	plans, err := cuda.Plans(g, p)
	if err != nil {
		t.Fatal(err)
	}
	b := emulate(t, p, plans...)
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
		"Frames": slices.Collect(slices.Chunk(c.frames, len(c.frames)/len(c.want))),
		"Floats": slices.Collect(slices.Chunk(c.floats, len(c.floats)/len(c.want))), "Probabilities": c.want[0]["probabilities"] != nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	command := slices.Concat(u.under, []string{u.program, driver, nvrtc, weights}, batches)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// emulated runs the program on the emulated driver, which lacks something, and
// checks that everything was given back and that the runs were so many graphs.
func (u *user) emulated(t *testing.T, library, nvrtc, weights, lacks, cache string, graphs ...int) string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	out := u.run(t, library, nvrtc, weights, []string{"FAKE_CUDA=" + lacks, "FAKE_CUDA_LOG=" + log, "XDG_CACHE_HOME=" + cache})
	if strings.Contains(lacks, "devices") || strings.Contains(lacks, "capability=7") {
		return out // there has been nothing to give back
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	left, ran, _ := strings.Cut(string(text), "; ran ")
	if want := "0 bytes, 0 of the host, 0 modules, 0 objects"; left != want {
		t.Errorf("on the GPU is left %q, want %q", left, want)
	}
	for _, n := range graphs {
		launches := len(cuda.Launches(u.plans[0]))
		if want := fmt.Sprintf("%d graphs, %d launches, %d kernels for one clip", n, (userRuns+userLaunched-n)*launches, userSingle*launches); ran != want {
			t.Errorf("it ran %q, want %q", ran, want)
		}
	}
	return out
}

// userRuns is how often the program runs the network, without measuring: three
// times for the profile.
const userRuns = 3 + 2 + userSingle + 3

// userLaunched is how often it does so without a graph: for the profile.
const userLaunched = 1

// userSingle is how often it does so in sessions for one clip.
const userSingle = 3 * 3

// older returns the driver without graphs, as old ones are.
func older(t *testing.T, library string) string {
	t.Helper()
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "libolder.so")
	// A name in the table of symbols, which nobody finds any more.
	data = bytes.ReplaceAll(data, []byte("\x00cuGraphLaunch\x00"), []byte("\x00cuGraphLacks_\x00"))
	if err := os.WriteFile(path, data, 0o777); err != nil {
		t.Fatal(err)
	}
	return path
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
	if plans, err := cuda.Plans(g, cuda.FP16); err != nil || len(plans) != 3 {
		t.Fatalf("%d plans, %v: one clip, a few and many are to have tiles of their own", len(plans), err)
	}
	u := newUser(t, g, cuda.FP16, c, cuda.Cubin{Arch: "sm_80", Code: []byte("cubin")}) // as the emulated driver takes it
	fake := fakeDriver(t, g, cuda.FP16)
	u.vet(t)
	cache := t.TempDir()
	t.Run("results", func(t *testing.T) { u.results(t, u.emulated(t, fake, fake, u.weights, "", cache, userRuns)) })
	t.Run("without graphs", func(t *testing.T) { u.results(t, u.emulated(t, older(t, fake), fake, u.weights, "", cache, 0)) })
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
	t.Run("machine code", func(t *testing.T) {
		u.results(t, u.emulated(t, fake, missing, u.weights, "capability=8", "", userRuns))
	})
	t.Run("a GPU newer than the compiler", func(t *testing.T) {
		cache := t.TempDir()
		u.results(t, u.emulated(t, fake, fake, u.weights, "capability=12", cache, userRuns))
		u.results(t, u.emulated(t, fake, fake, u.weights, "capability=12 compiles=0", cache))
	})
	packed := filepath.Join(u.dir, "weights.p3dw")
	if out := u.run(t, "pack", u.weights, packed, nil); out != "" {
		t.Fatal(out)
	}
	var got printed
	t.Run("packed weights", func(t *testing.T) { got = u.results(t, u.emulated(t, fake, fake, packed, "", cache)) })
	t.Run("C", func(t *testing.T) { u.inC(t, fake, packed, &got) })
	t.Run("Python", func(t *testing.T) { u.inPython(t, fake, packed, &got) })
	weightsOnly := fmt.Sprintf("memory=%d", packedBytes(u.plans, u.precision)+1000)
	for _, tc := range []struct{ name, nvrtc, weights, lacks, want string }{
		{"compiler", missing, u.weights, "", "error: the package has machine code for sm_80, the GPU is sm_90: no NVRTC, CUDA's run-time compiler; it comes with the CUDA toolkit"},
		{"weights", fake, missing, "", "error: stat " + missing + ": no such file"},
		{"GPU", fake, u.weights, "devices=0", "error: starting the driver: CUDA error 100, no CUDA-capable device is detected"},
		{"capability", fake, u.weights, "capability=7", "error: the GPU Emulated GPU has compute capability 7.0, needs 8.0 or newer"},
		{"memory for weights", fake, u.weights, "memory=100", "error: 1 MB for the weights on Emulated GPU: the GPU is out of memory"},
		{"memory for maps", fake, u.weights, weightsOnly, "error: ErrCUDAMemory: 1 MB for feature maps on Emulated GPU: the GPU is out of memory"},
		{"locked memory", fake, u.weights, "locked=100", "error: 1 MB of the host's memory for clips, locked: the system has not so much to lock"},
		{"shared memory", fake, u.weights, "shared=1000", "bytes of shared memory, Emulated GPU has 1000"},
		{"a compiler of its generation", fake, u.weights, "knows=75", "error: NVRTC 12.9 does not know the GPU sm_90; it knows sm_75; a newer one may know more"},
		{"a driver of its compiler's generation", fake, u.weights, "nvrtc=13", "error: loading the kernels, code for sm_90 by NVRTC 13.9: CUDA error 200, an error of the emulated driver; " +
			"the driver is of CUDA 12.9, which takes code of compilers up to CUDA 12: update it, or compile with one of those"},
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
	Device   string
	Batch    []struct{ Logits, Features, Probabilities []float32 }
	One      []float32
	Two      [][]float32
	Resident [][][]float32 // frames and values on the GPU, the results of each on the host, then there
	Together [][]float32   // by clip, each in a session of its own
	Profile  []struct {
		Name        string
		Min, Median time.Duration
	}
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
	for i, logits := range got.Together {
		check("sessions together", logits, i, "logits")
	}
	if len(got.Resident) == 4 && len(got.Batch) == 3 && len(got.Two) == 2 {
		// The same kernels on the same values: to the bit.
		same := func(what string, a, b []float32) {
			if !slices.Equal(a, b) {
				t.Errorf("%s: %v on the GPU, %v from the host", what, a, b)
			}
		}
		frames, framesLeft, values, valuesLeft := got.Resident[0], got.Resident[1], got.Resident[2], got.Resident[3]
		same("clip 1 of frames", frames[1], got.One)
		same("clip 2 of frames", frames[2], got.Two[1])
		same("results of frames", framesLeft[0], frames[2])
		for i := range got.Batch {
			same(fmt.Sprintf("clip %d of values", i), values[i], got.Batch[i].Logits)
		}
		same("results of values", valuesLeft[0], values[2])
	}
	plan := planFor(u.plans, 2)
	for i, l := range cuda.Launches(plan) {
		if i == 0 {
			l.Kernel = cuda.FramesKernel(plan)
		}
		if i >= len(got.Profile) || got.Profile[i].Name != l.Kernel || got.Profile[i].Min <= 0 || got.Profile[i].Min != got.Profile[i].Median {
			t.Errorf("the profile is %+v, its launch %d is of %s", got.Profile, i, l.Kernel)
			break
		}
	}
	name, classes, s := u.plans[0].Graph.Name, len(got.One), u.plans[0].Graph.Input.Shape
	want := []string{
		fmt.Sprintf("room for %d logits, %s has %d", classes-1, name, classes),
		fmt.Sprintf("the clip has %d bytes, %s takes %d: %d frames of %dx%d pixels (height x width), %d channels each",
			s.Elems()-1, name, s.Elems(), s.T, s.H, s.W, s.C),
		"no output: Run needs an Output that says what to copy out",
		"no context: pass context.Background(), or call a method without one",
		"context canceled", "context canceled",
		"the session is already running; use one session for each goroutine",
		"no batch: RunCUDA needs a CUDABatch that says where the clips are",
		"2 outputs on the GPU for 1 clips: pass one for each",
		"clip 0: the clip on the GPU has the address 0\n" +
			fmt.Sprintf("clip 0: room for 1 logits on the GPU, %s has %d\n", name, classes) +
			fmt.Sprintf("clip 1: the clip on the GPU has %d values, %s takes %d: %d channels, %d frames of %dx%d pixels (height x width)\n",
				s.Elems()-1, name, s.Elems(), s.C, s.T, s.H, s.W) +
			"clip 1: frames and values in one batch\n" +
			fmt.Sprintf("clip 1: room for %d logits, %s has %d\n", classes-1, name, classes) +
			"clip 1: the room for logits on the GPU has the address 0",
		"a profile of no clips: expected at least one", "a profile of 0 runs: expected at least one",
		"4 clips, the session runs at most 3 at once: make it with Batch(4)", "context canceled",
		"1 outputs for 2 clips: pass one for each",
		"4 clips, the session runs at most 3 at once: make it with Batch(4)",
		"clip 1: frames and values in one batch",
		fmt.Sprintf("Batch(%d): kernels count in 32 bits, %s runs at most %d clips at once", math.MaxInt32, name, (math.MaxInt32-256)/mostUnits(u.plans[len(u.plans)-1])),
		"<nil>", "<nil>", "<nil>", "the model is closed", "the model is closed", "<nil>", "<nil>", "the model is closed", "the model is closed",
	}
	if len(got.Batch) != 3 || len(got.Two) != 2 || len(got.Resident) != 4 || len(got.Together) != 3 || got.Device == "" || !slices.Equal(got.Faults, want) {
		t.Errorf("%d results, %d, on %s, errors\n%s\nwant\n%s", len(got.Batch), len(got.Two), got.Device, strings.Join(got.Faults, "\n"), strings.Join(want, "\n"))
	}
	return got
}

// packedBytes returns the size of the weights of all plans, give or take a bit.
func packedBytes(plans []*ir.Plan, p cuda.Precision) int {
	bytes := 0
	for _, plan := range plans {
		bytes += plan.PackedLen * p.Bytes()
	}
	return bytes
}

// mostUnits returns the most that the blocks of a launch share of one clip.
func mostUnits(p *ir.Plan) int {
	most := 0
	for _, l := range cuda.Launches(p) {
		most = max(most, l.Units)
	}
	return most
}
