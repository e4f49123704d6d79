package cuda

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/codegen/support"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

var (
	update     = flag.Bool("update", false, "rewrite the limits of the kernels' registers")
	allDevices = flag.Bool("devices", false, "compile for all kinds of GPUs, not the first and the last alone")
)

// nvrtcVariable is the environment's variable that says where NVRTC is.
const nvrtcVariable = "P3DC_NVRTC"

// devices are what the source is compiled for, with the most shared memory that
// a block may ask for there.
var devices = []struct {
	arch   string
	shared int
}{{"sm_80", 163 << 10}, {"sm_86", 99 << 10}, {"sm_89", 99 << 10}, {"sm_90a", 227 << 10}}

// TestNVRTC compiles every kernel of P3D-63 for the first and the last of the
// devices, and of a small network in the other precisions for one. No kernel may spill
// registers or use local memory, registers stay within the committed limits, and the
// matrix kernels have the instructions that they are about. For all devices, as in CI:
//
//	go test ./tests/cuda -run NVRTC -args -devices
func TestNVRTC(t *testing.T) {
	library := nvrtc(t)
	g := preset(t)
	g.Taps = nil
	for i, d := range devices {
		if testing.Short() || !*allDevices && !*update && i > 0 && i < len(devices)-1 {
			continue
		}
		t.Run("p3d63/bf16/"+d.arch, func(t *testing.T) {
			t.Parallel()
			compiled(t, library, suite.Fuse(t, g), cuda.BF16, d.arch, d.shared)
		})
	}
	small := lower(t, fmt.Sprintf("network %s {\n    %s\n}", networks[0].name, networks[0].source))
	for _, p := range []cuda.Precision{cuda.FP16, cuda.TF32, cuda.FP32} {
		t.Run(fmt.Sprintf("%s/%v/sm_80", small.Name, p), func(t *testing.T) {
			t.Parallel()
			compiled(t, library, small, p, "sm_80", devices[0].shared)
		})
	}
}

// others are more GPUs, those of Jetson Orin and of Blackwell, which compilers from
// 12.9 on know.
var others = []string{"sm_87", "sm_100", "sm_103", "sm_120"}

// TestNVRTCOthers compiles a small network for more GPUs. No kernel may use local
// memory, and the matrix kernels have the instructions that they are about.
func TestNVRTCOthers(t *testing.T) {
	library := os.Getenv(nvrtcVariable)
	small := lower(t, fmt.Sprintf("network %s {\n    %s\n}", networks[0].name, networks[0].source))
	plan, err := cuda.Plan(small, cuda.BF16)
	if err != nil {
		t.Fatal(err)
	}
	source := cuda.Source(cuda.BF16, codegen.Options{Source: small.Name + ".p3d", Version: "test"}, plan)
	for _, arch := range others {
		t.Run(arch, func(t *testing.T) {
			if _, err := support.CompileCUDA(library, "empty.cu", nil, arch); err != nil {
				t.Skipf("needs NVRTC for %s, in %s or where the system finds it: %v", arch, nvrtcVariable, err)
			}
			t.Parallel()
			code, err := support.CompileCUDA(library, small.Name+".cu", source, arch, "--ptxas-options=-v")
			if err != nil {
				t.Fatal(err)
			}
			if use := resources(t, code.Log); len(use) != len(cuda.Entries(plan)) {
				t.Errorf("%d kernels were compiled, want %d\n%s", len(use), len(cuda.Entries(plan)), code.Log)
			}
			matrixKernels(t, code.PTX, plan, cuda.BF16)
		})
	}
}

// multiplies are the instructions of the tensor cores that a precision uses.
var multiplies = map[cuda.Precision]string{
	cuda.BF16: "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32",
	cuda.FP16: "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32",
	cuda.TF32: "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
	cuda.FP32: "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
}

func compiled(t *testing.T, library string, g *ir.Graph, p cuda.Precision, arch string, most int) {
	plan, err := cuda.Plan(g, p)
	if err != nil {
		t.Fatal(err)
	}
	source := cuda.Source(p, codegen.Options{Source: g.Name + ".p3d", Version: "test"}, plan)
	code, err := support.CompileCUDA(library, g.Name+".cu", source, arch, "--ptxas-options=-v")
	if err != nil {
		t.Fatal(err)
	}
	use := resources(t, code.Log)
	if want := len(cuda.Entries(plan)); len(use) != want {
		t.Errorf("%d kernels were compiled, want %d\n%s", len(use), want, code.Log)
	}
	for _, l := range cuda.Launches(plan) {
		if l.Shared > most {
			t.Errorf("%s takes %d bytes of shared memory, %s has %d", l.Kernel, l.Shared, arch, most)
		}
	}
	matrixKernels(t, code.PTX, plan, p)
	limits(t, filepath.Join("testdata", "limits", fmt.Sprintf("%s_%v_%s.txt", g.Name, p, arch)), use, plan)
}

// instructions checks that a matrix kernel's PTX has what it is about.
func instructions(t *testing.T, ptx, kernel, multiply string) {
	t.Helper()
	_, body, found := strings.Cut(ptx, ".entry "+kernel+"(")
	body, _, _ = strings.Cut(body, ".entry ")
	for _, want := range []string{multiply, "ldmatrix.sync.aligned.m8n8.x4", "cp.async."} {
		if !found || !strings.Contains(body, want) {
			t.Errorf("%s has no %s", kernel, want)
		}
	}
}

// registers is how many a kernel's threads take, by kernel.
type registers map[string]int

var (
	entryLine    = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	stackLine    = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	registerLine = regexp.MustCompile(`Used (\d+) registers`)
)

// resources reads the compiler's log. Local memory fails the test.
func resources(t *testing.T, log string) registers {
	t.Helper()
	use, kernel := registers{}, ""
	for line := range strings.Lines(log) {
		if m := entryLine.FindStringSubmatch(line); m != nil {
			kernel = m[1]
		}
		if m := stackLine.FindStringSubmatch(line); m != nil && (m[1] != "0" || m[2] != "0" || m[3] != "0") {
			t.Errorf("%s: %s", kernel, strings.TrimSpace(line))
		}
		if m := registerLine.FindStringSubmatch(line); m != nil {
			use[kernel], _ = strconv.Atoi(m[1])
		}
	}
	return use
}

// limits compares registers with those of a file: more are a fault, and fewer
// ask for a new file.
func limits(t *testing.T, path string, use registers, plan *ir.Plan) {
	t.Helper()
	var text bytes.Buffer
	for _, name := range cuda.Entries(plan) {
		fmt.Fprintf(&text, "%s %d\n", name, use[name])
	}
	if *update {
		if err := os.WriteFile(path, text.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text.Bytes(), want) {
		t.Errorf("kernels and their registers are not those of %s; compare, and rewrite with -update\n%s", path, text.Bytes())
	}
}
