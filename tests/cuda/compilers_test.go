package cuda

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// compilers are those besides NVRTC that take the source as it is, with what makes
// them write PTX. Newer versions of clang have to be told of which version.
var compilers = []struct {
	name string
	args []string
}{
	{"nvcc", []string{"--ptx", "--gpu-architecture=sm_80", "--std=c++17"}},
	{"clang", []string{"-x", "cuda", "--cuda-gpu-arch=sm_80", "--cuda-device-only", "-nocudainc", "-nocudalib",
		"-Xclang", "-target-feature", "-Xclang", "+ptx70", "-std=c++17", "-O3", "-Wall", "-S"}},
}

// TestCompilers compiles a small network in all precisions with the compilers that are
// here. The matrix kernels have the instructions that they are about.
func TestCompilers(t *testing.T) {
	small := lower(t, fmt.Sprintf("network %s {\n    %s\n}", networks[0].name, networks[0].source))
	for _, c := range compilers {
		t.Run(c.name, func(t *testing.T) {
			path, err := exec.LookPath(c.name)
			if err != nil {
				t.Skipf("needs %s in PATH", c.name)
			}
			t.Parallel()
			empty := filepath.Join(t.TempDir(), "empty.cu")
			if err := os.WriteFile(empty, nil, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := writePTX(path, c.args, empty); err != nil {
				t.Skipf("this %s compiles for no GPU: %v", c.name, err)
			}
			for _, p := range cuda.Precisions() {
				plan, err := cuda.Plan(small, p)
				if err != nil {
					t.Fatal(err)
				}
				source := filepath.Join(t.TempDir(), small.Name+".cu")
				if err := os.WriteFile(source, cuda.Source(p, codegen.Options{Source: "mixed.p3d", Version: "test"}, plan), 0o666); err != nil {
					t.Fatal(err)
				}
				ptx, err := writePTX(path, c.args, source)
				if err != nil {
					t.Fatal(err)
				}
				matrixKernels(t, ptx, plan, p)
			}
		})
	}
}

// writePTX compiles a file, and returns the text.
func writePTX(compiler string, args []string, source string) (string, error) {
	to := source + ".ptx"
	out, err := exec.Command(compiler, append(args, "-o", to, source)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	text, err := os.ReadFile(to)
	return string(text), err
}

// matrixKernels checks the instructions of all kernels that multiply matrices.
func matrixKernels(t *testing.T, ptx string, plan *ir.Plan, p cuda.Precision) {
	t.Helper()
	launches := cuda.Launches(plan)
	for i := range plan.Regions {
		steps := plan.Regions[i].Steps
		if k := &plan.Kernels[steps[len(steps)-1].Kernel]; k.Kind == ir.KernelConv {
			instructions(t, ptx, launches[i].Kernel, multiplies[p])
		}
	}
}
