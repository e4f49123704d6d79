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

// image is what a driver loads: machine code, or PTX with a zero at the end.
type image struct {
	code []byte
	made string // of what, by whom
}

// image returns what a GPU runs: code of the package's if there is some for it, else
// what NVRTC, the library of that name, makes of the source.
func (c *cudaCode) image(network string, d *device, nvrtc string) (*image, error) {
	if b := c.ahead(d.arch); b != nil {
		return &image{[]byte(b.code), "the package's machine code for " + b.arch}, nil
	}
	compiler, err := openNVRTC(nvrtc, d.version)
	if err != nil && len(c.cubins) > 0 {
		return nil, fmt.Errorf("the package has machine code for %s, the GPU is %s: %w", c.archs(), d.arch, err)
	} else if err != nil {
		return nil, err
	}
	return cachedImage(compiler, network+".cu", c.source, d.arch)
}

// ahead returns the machine code for a GPU, or nil. Code with instructions of the
// GPU's own goes first.
func (c *cudaCode) ahead(arch string) (code *cubin) {
	for i, b := range c.cubins {
		if own := strings.TrimRight(b.arch, "af"); own == arch && (code == nil || own != b.arch) {
			code = &c.cubins[i]
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
