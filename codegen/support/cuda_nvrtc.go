package support

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
)

// nvrtc is NVIDIA's run-time compiler. Its methods may be called from several
// goroutines.
type nvrtc struct {
	errorString func(result int32) string
	number      func(major, minor *int32) int32
	archCount   func(count *int32) int32
	archs       func(numbers *int32) int32
	create      func(program *uintptr, source, name *byte, headers int32, contents, names uintptr) int32
	destroy     func(program *uintptr) int32
	compile     func(program uintptr, count int32, options **byte) int32
	logSize     func(program uintptr, size *uint64) int32
	log         func(program uintptr, text *byte) int32
	cubinSize   func(program uintptr, size *uint64) int32
	cubin       func(program uintptr, code *byte) int32
	ptxSize     func(program uintptr, size *uint64) int32
	ptx         func(program uintptr, text *byte) int32
}

// openNVRTC opens NVRTC: the library at a path or, where that is empty, one that
// the system finds, for a driver of that version of CUDA.
func openNVRTC(path string, driver int32) (*nvrtc, error) {
	names := []string{path}
	if path == "" {
		names = nvrtcNames(runtime.GOOS, driver)
	}
	lib, err := openLibrary(names)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoNVRTC, err)
	}
	c := new(nvrtc)
	return c, lib.bind([]cFunc{
		{&c.errorString, "nvrtcGetErrorString"}, {&c.number, "nvrtcVersion"},
		{&c.archCount, "nvrtcGetNumSupportedArchs"}, {&c.archs, "nvrtcGetSupportedArchs"},
		{&c.create, "nvrtcCreateProgram"}, {&c.destroy, "nvrtcDestroyProgram"}, {&c.compile, "nvrtcCompileProgram"},
		{&c.logSize, "nvrtcGetProgramLogSize"}, {&c.log, "nvrtcGetProgramLog"},
		{&c.cubinSize, "nvrtcGetCUBINSize"}, {&c.cubin, "nvrtcGetCUBIN"},
		{&c.ptxSize, "nvrtcGetPTXSize"}, {&c.ptx, "nvrtcGetPTX"},
	})
}

// anyDriver is the version of a driver that takes code of every NVRTC.
const anyDriver = math.MaxInt32

// nvrtcNames returns what NVRTC may be called on a system, newest first. A driver of
// CUDA 12 takes no code of 13's compiler, which is the last one then.
func nvrtcNames(system string, driver int32) []string {
	newest, others := "libnvrtc.so.13", []string{"libnvrtc.so.12", "libnvrtc.so"}
	if system == "windows" {
		newest, others = "nvrtc64_130_0.dll", []string{"nvrtc64_120_0.dll"}
	}
	if driver < 13000 {
		return append(others, newest)
	}
	return append([]string{newest}, others...)
}

// version returns the compiler's version, as in 12.9.
func (c *nvrtc) version() (string, error) {
	major, minor, err := c.numbers()
	return fmt.Sprintf("%d.%d", major, minor), err
}

// numbers returns the two of the version.
func (c *nvrtc) numbers() (major, minor int32, err error) {
	err = c.check(c.number(&major, &minor))
	return major, minor, err
}

// CUDACode is what CUDA's compiler made of a source.
type CUDACode struct {
	CUBIN []byte // machine code; none for a compute capability such as compute_80
	PTX   string
	Log   string // what the compiler had to say: warnings and, if asked for, resources
}

// CompileCUDA compiles CUDA source with NVRTC, which needs no GPU: the library at
// a path or, where that is empty, one that the system finds. The code is for a
// GPU such as sm_80; more options are those of nvcc, and the name is for messages.
// Where it fails the error has the compiler's log; where there is no NVRTC it is
// ErrNoNVRTC.
func CompileCUDA(library, name string, source []byte, arch string, options ...string) (*CUDACode, error) {
	c, err := openNVRTC(library, anyDriver)
	if err != nil {
		return nil, err
	}
	return c.build(name, source, arch, options...)
}

// build compiles a source: see CompileCUDA.
func (c *nvrtc) build(name string, source []byte, arch string, options ...string) (*CUDACode, error) {
	if bytes.IndexByte(source, 0) >= 0 {
		return nil, fmt.Errorf("%s: the source has a zero byte", name)
	}
	if known, err := c.known(); err != nil {
		return nil, err
	} else if !slices.Contains(known, archNumber(arch)) {
		return nil, c.unknown(arch, known)
	}
	var program uintptr
	if err := c.check(c.create(&program, cString(string(source)), cString(name), 0, 0, 0)); err != nil {
		return nil, err
	}
	defer c.destroy(&program)
	options = append([]string{"--gpu-architecture=" + arch, "--std=c++17"}, options...)
	major, minor, err := c.numbers()
	if err != nil {
		return nil, err
	}
	if major > 12 || major == 12 && minor >= 9 {
		options = append(options, "--split-compile=0") // on all processors; the code is the same
	}
	list := make([]*byte, len(options))
	for i, o := range options {
		list[i] = cString(o)
	}
	failed := c.check(c.compile(program, int32(len(list)), &list[0]))
	runtime.KeepAlive(list) // its texts, which C sees through it
	log, err := c.text(program, c.logSize, c.log)
	if failed != nil || err != nil {
		return nil, fmt.Errorf("%s for %s: %w\n%s", name, arch, errors.Join(failed, err), log)
	}
	code := &CUDACode{Log: log}
	if code.PTX, err = c.text(program, c.ptxSize, c.ptx); err != nil {
		return nil, err
	}
	if code.CUBIN, err = c.bytes(program, c.cubinSize, c.cubin); err != nil {
		return nil, err
	}
	return code, nil
}

func (c *nvrtc) bytes(program uintptr, size func(uintptr, *uint64) int32, get func(uintptr, *byte) int32) ([]byte, error) {
	var n uint64
	if err := c.check(size(program, &n)); err != nil || n == 0 {
		return nil, err
	}
	b := make([]byte, n)
	return b, c.check(get(program, &b[0]))
}

// text is bytes without the zero at the end.
func (c *nvrtc) text(program uintptr, size func(uintptr, *uint64) int32, get func(uintptr, *byte) int32) (string, error) {
	b, err := c.bytes(program, size, get)
	return string(bytes.TrimRight(b, "\x00")), err
}

func (c *nvrtc) check(result int32) error {
	if result == 0 {
		return nil
	}
	return fmt.Errorf("NVRTC: %s", c.errorString(result))
}
