package nvrtc

import (
	"bytes"
	"fmt"
	"runtime"

	"github.com/p3dc/p3dc/internal/dynlib"
)

// Compiler is NVRTC. Its methods may be called from several goroutines.
type Compiler struct {
	lib *dynlib.Library

	errorString func(result int32) string
	version     func(major, minor *int32) int32
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

// Open opens NVRTC: the library at a path or, where that is empty, one that the
// system finds.
func Open(path string) (*Compiler, error) {
	names := []string{path}
	if path == "" {
		names = libraryNames()
	}
	lib, err := dynlib.Open(names...)
	if err != nil {
		return nil, fmt.Errorf("no NVRTC, which comes with the CUDA toolkit or the Python package nvidia-cuda-nvrtc-cu12: %w", err)
	}
	c := &Compiler{lib: lib}
	for _, f := range []struct {
		to   any
		name string
	}{
		{&c.errorString, "nvrtcGetErrorString"}, {&c.version, "nvrtcVersion"},
		{&c.create, "nvrtcCreateProgram"}, {&c.destroy, "nvrtcDestroyProgram"}, {&c.compile, "nvrtcCompileProgram"},
		{&c.logSize, "nvrtcGetProgramLogSize"}, {&c.log, "nvrtcGetProgramLog"},
		{&c.cubinSize, "nvrtcGetCUBINSize"}, {&c.cubin, "nvrtcGetCUBIN"},
		{&c.ptxSize, "nvrtcGetPTXSize"}, {&c.ptx, "nvrtcGetPTX"},
	} {
		if err := lib.Func(f.to, f.name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// libraryNames returns what NVRTC may be called, newest first.
func libraryNames() []string {
	if runtime.GOOS == "windows" {
		return []string{"nvrtc64_130_0.dll", "nvrtc64_120_0.dll"}
	}
	return []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}
}

// Version returns the compiler's version, as in 12.9.
func (c *Compiler) Version() (string, error) {
	var major, minor int32
	if err := c.check(c.version(&major, &minor)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d", major, minor), nil
}

// Code is what the compiler made of a source.
type Code struct {
	CUBIN []byte // machine code
	PTX   string
	Log   string // what the compiler had to say: warnings and, if asked for, resources
}

// Compile compiles a source, whose name is for messages, for a GPU such as sm_80,
// with more options as nvcc has them. Where it fails the error has the log.
func (c *Compiler) Compile(name string, source []byte, arch string, options ...string) (*Code, error) {
	if bytes.IndexByte(source, 0) >= 0 {
		return nil, fmt.Errorf("%s: the source has a zero byte", name)
	}
	var program uintptr
	if err := c.check(c.create(&program, cString(string(source)), cString(name), 0, 0, 0)); err != nil {
		return nil, err
	}
	defer c.destroy(&program)
	options = append([]string{"--gpu-architecture=" + arch, "--std=c++17"}, options...)
	list := make([]*byte, len(options))
	for i, o := range options {
		list[i] = cString(o)
	}
	failed := c.check(c.compile(program, int32(len(list)), &list[0]))
	runtime.KeepAlive(list) // its texts, which C sees through it
	log, err := c.text(program, c.logSize, c.log)
	if failed != nil || err != nil {
		return nil, fmt.Errorf("%s for %s: %w\n%s", name, arch, firstError(failed, err), log)
	}
	code := &Code{Log: log}
	if code.PTX, err = c.text(program, c.ptxSize, c.ptx); err != nil {
		return nil, err
	}
	if code.CUBIN, err = c.bytes(program, c.cubinSize, c.cubin); err != nil {
		return nil, err
	}
	return code, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Compiler) bytes(program uintptr, size func(uintptr, *uint64) int32, get func(uintptr, *byte) int32) ([]byte, error) {
	var n uint64
	if err := c.check(size(program, &n)); err != nil || n == 0 {
		return nil, err
	}
	b := make([]byte, n)
	return b, c.check(get(program, &b[0]))
}

// text is bytes without the zero at the end.
func (c *Compiler) text(program uintptr, size func(uintptr, *uint64) int32, get func(uintptr, *byte) int32) (string, error) {
	b, err := c.bytes(program, size, get)
	return string(bytes.TrimRight(b, "\x00")), err
}

func (c *Compiler) check(result int32) error {
	if result == 0 {
		return nil
	}
	return fmt.Errorf("NVRTC: %s", c.errorString(result))
}

// cString returns a text that ends with a zero byte.
func cString(s string) *byte { return &append([]byte(s), 0)[0] }
