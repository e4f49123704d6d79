// Package nvrtc compiles CUDA source with NVIDIA's run-time compiler, which is
// opened when it is needed: no cgo, and no CUDA where nobody asks for it. It
// needs no GPU.
package nvrtc
