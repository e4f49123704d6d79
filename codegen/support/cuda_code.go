package support

import (
	"errors"
	"fmt"
	"strings"
)

// cudaCode is the network's kernels: CUDA source, and machine code for the kinds of
// GPU that it was compiled for ahead of time.
type cudaCode struct {
	source string
	cubins []cubin
}

// cubin is machine code for GPUs of one compute capability. A letter behind its
// number, as in sm_90a, stands for instructions that no other one has.
type cubin struct{ arch, code string }

// machineCode returns what a GPU runs: code of the package's if there is some for
// it, else what NVRTC, the library of that name, makes of the source.
func (c *cudaCode) machineCode(network, arch, nvrtc string) ([]byte, error) {
	if code := c.ahead(arch); code != "" {
		return []byte(code), nil
	}
	compiler, err := openNVRTC(nvrtc)
	if err != nil && len(c.cubins) > 0 {
		return nil, fmt.Errorf("the package has machine code for %s, the GPU is %s: %w", c.archs(), arch, err)
	} else if err != nil {
		return nil, err
	}
	return cachedCode(compiler, network+".cu", c.source, arch)
}

// ahead returns the machine code for a GPU, or nothing. Code with instructions of
// the GPU's own goes first.
func (c *cudaCode) ahead(arch string) (code string) {
	for _, b := range c.cubins {
		if own := strings.TrimRight(b.arch, "af"); own == arch && (code == "" || own != b.arch) {
			code = b.code
		}
	}
	return code
}

func (c *cudaCode) archs() string {
	var names []string
	for _, b := range c.cubins {
		names = append(names, b.arch)
	}
	return strings.Join(names, ", ")
}

// ErrNoNVRTC is returned where NVRTC is not found.
var ErrNoNVRTC = errors.New("no NVRTC, CUDA's run-time compiler; it comes with the CUDA toolkit and with the Python package nvidia-cuda-nvrtc-cu12")
