package cuda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestContestant runs the comparison's contestant of tests/peers on an emulated GPU,
// through its protocol.
func TestContestant(t *testing.T) {
	compiler(t)
	if runtime.GOOS != "linux" {
		t.Skip("the emulated driver is built for Linux")
	}
	t.Parallel()
	g := lower(t, small)
	c := newComparison(t, g, 1)
	dir, plans := contestant(t, g)
	if err := harness.WriteWeights(filepath.Join(dir, "weights"), g.Params, c.weights); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "clip"), floatBytes(c.floats), 0o666); err != nil {
		t.Fatal(err)
	}
	fake := fakeDriver(t, g, cuda.BF16)
	for _, batch := range []int{1, 3, 9} { // of three schedules
		spec := fmt.Sprintf(`{"net": "net", "weights": "weights", "clip": "clip", "batch": %d, "driver": %q, "nvrtc": %q}`, batch, fake, fake)
		cmd := exec.Command("./contestant", spec)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader("run 1\nrun 2\n")
		log := filepath.Join(t.TempDir(), "log")
		cmd.Env = append(os.Environ(), "FAKE_CUDA_LOG="+log, "XDG_CACHE_HOME="+t.TempDir())
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &complaints)
		}
		left, err := os.ReadFile(log)
		if err != nil || !strings.HasPrefix(string(left), "0 bytes, 0 of the host, 0 modules, 0 objects;") {
			t.Errorf("on the GPU is left %q, %v", left, err)
		}
		answers := json.NewDecoder(bytes.NewReader(out))
		var ready struct {
			Device  string
			Logits  [][]float32
			Kernels []struct {
				Name string
				MS   float64
			}
		}
		if err := answers.Decode(&ready); err != nil {
			t.Fatal(err)
		}
		if ready.Device != "Emulated GPU" || len(ready.Logits) != batch {
			t.Errorf("%d results on %s, want %d", len(ready.Logits), ready.Device, batch)
		}
		for i, logits := range ready.Logits {
			if d := suite.Distance(logits, c.want[0]["logits"]); !(d <= tolerance(cuda.BF16, c.depths["logits"])) {
				t.Errorf("the logits of clip %d of %d are off by %.3g (relative L2)", i, batch, d)
			}
		}
		launches := cuda.Launches(planFor(plans, batch))
		if len(ready.Kernels) != len(launches) {
			t.Fatalf("the times of %d kernels, want %d", len(ready.Kernels), len(launches))
		}
		for i, k := range ready.Kernels {
			if k.Name != launches[i].Kernel || !(k.MS > 0) {
				t.Errorf("kernel %d is %s and takes %g ms, want %s", i, k.Name, k.MS, launches[i].Kernel)
			}
		}
		for n := 1; n <= 2; n++ {
			var measured struct {
				MS     []float64
				WallMS float64 `json:"wall_ms"`
			}
			if err := answers.Decode(&measured); err != nil || len(measured.MS) != n || !(measured.WallMS >= measured.MS[0] && measured.MS[0] > 0) {
				t.Errorf("%d batches took %v, %v", n, measured, err)
			}
		}
	}
}

// contestant builds the program with a network's package, in bf16, and returns its
// folder.
func contestant(t *testing.T, g *ir.Graph) (string, []*ir.Plan) {
	t.Helper()
	m, plans := newModule(t, g, cuda.BF16)
	for from, to := range map[string]string{"p3dcgpu/main.go": "main.go", "p3dcgpu/memory.go": "memory.go", "protocol/protocol.go": "protocol/protocol.go"} {
		source, err := os.ReadFile(filepath.Join("..", "peers", filepath.FromSlash(from)))
		if err != nil {
			t.Fatal(err)
		}
		m.Write(t, to, source)
	}
	m.Go(t, nil, "vet", "-tags=gpu", ".")
	m.Go(t, nil, "build", "-tags=gpu", "-o", "contestant", ".")
	return m.Dir, plans
}
