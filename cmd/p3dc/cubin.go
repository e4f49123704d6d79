package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/codegen/support"
)

// nvrtcVariable is the environment variable that names NVRTC's library where the
// system does not find it.
const nvrtcVariable = "P3DC_NVRTC"

var archForm = regexp.MustCompile(`^sm_([0-9]{2,3})[af]?$`)

// archs returns the GPUs to compile for, each once.
func (a *backendArgs) archs() ([]string, error) {
	if len(a.Cubin) > 0 && !slices.Contains(a.Backend, "cuda") {
		return nil, usageError{errors.New("--cubin: machine code for GPUs, expected --backend cuda with it")}
	}
	var list []string
	for _, name := range a.Cubin {
		m := archForm.FindStringSubmatch(name)
		if m == nil {
			return nil, usageError{fmt.Errorf("--cubin %s: expected compute capabilities, as in sm_80,sm_90a", name)}
		}
		if n, _ := strconv.Atoi(m[1]); n < 80 {
			return nil, usageError{fmt.Errorf("--cubin %s: kernels need compute capability 8.0 or newer, sm_80", name)}
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

// compile makes machine code of the network's source, for all GPUs at once.
func (g *gpu) compile(ctx context.Context, n *network, pkg string, archs []string, phase func(string)) error {
	if len(archs) == 0 {
		return nil
	}
	phase("compiling for " + strings.Join(archs, ", "))
	source := cuda.Source(g.precision, codegen.Options{Package: pkg, Source: n.source, Version: version}, g.plans...)
	g.cubins = make([]cuda.Cubin, len(archs))
	errs := make([]error, len(archs))
	var wait sync.WaitGroup
	for i, arch := range archs {
		wait.Go(func() {
			code, err := cubin(ctx, pkg+".cu", source, arch)
			if err != nil {
				errs[i] = fmt.Errorf("--cubin %s: %w", arch, err)
			}
			g.cubins[i] = cuda.Cubin{Arch: arch, Code: code}
		})
	}
	wait.Wait()
	return cmp.Or(errs...)
}

// cubin compiles with NVRTC or, where there is none, with nvcc.
func cubin(ctx context.Context, name string, source []byte, arch string) ([]byte, error) {
	library := os.Getenv(nvrtcVariable)
	code, err := support.CompileCUDA(library, name, source, arch)
	if err == nil {
		return code.CUBIN, nil
	}
	if !errors.Is(err, support.ErrNoNVRTC) {
		return nil, err
	}
	nvcc, missing := exec.LookPath("nvcc")
	if missing != nil {
		return nil, fmt.Errorf("no compiler of CUDA: nvcc is not in PATH, and there is %w; %s names the library where the system does not find it", err, nvrtcVariable)
	}
	return runNVCC(ctx, nvcc, name, source, arch)
}

// runNVCC compiles in a temporary folder.
func runNVCC(ctx context.Context, nvcc, name string, source []byte, arch string) (code []byte, err error) {
	dir, err := os.MkdirTemp("", "p3dc-cubin-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, codegen.RemoveAll(dir)) }()
	if err := os.WriteFile(filepath.Join(dir, name), source, 0o666); err != nil {
		return nil, err
	}
	const result = "code.cubin"
	cmd := exec.CommandContext(ctx, nvcc, "--cubin", "--gpu-architecture="+arch, "--std=c++17", "--output-file="+result, name)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w\n%s", nvcc, err, strings.TrimSpace(string(out)))
	}
	return os.ReadFile(filepath.Join(dir, result))
}
