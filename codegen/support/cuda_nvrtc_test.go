package support

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// nvrtcVariable is the variable that says where NVRTC is.
const nvrtcVariable = "P3DC_NVRTC"

func testNVRTC(t *testing.T) *nvrtc {
	t.Helper()
	c, err := openNVRTC(os.Getenv(nvrtcVariable), anyDriver)
	if err != nil {
		t.Skipf("needs NVRTC, in %s or where the system finds it: %v", nvrtcVariable, err)
	}
	return c
}

func TestNVRTC(t *testing.T) {
	c := testNVRTC(t)
	if v, err := c.version(); err != nil || !strings.Contains(v, ".") {
		t.Errorf("version %q, %v", v, err)
	}
	code, err := c.build("twice.cu", []byte(`extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= 2; }`), "sm_80", "--ptxas-options=-v")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(code.CUBIN), "\x7fELF") {
		t.Errorf("machine code of %d bytes is no ELF file", len(code.CUBIN))
	}
	if !strings.Contains(code.PTX, ".entry twice(") || strings.Contains(code.PTX, "\x00") {
		t.Errorf("PTX without the kernel:\n%s", code.PTX)
	}
	if !strings.Contains(code.Log, "registers") {
		t.Errorf("log without the registers: %q", code.Log)
	}
}

func TestNVRTCErrors(t *testing.T) {
	if _, err := openNVRTC("no-such-library.so", anyDriver); !errors.Is(err, ErrNoNVRTC) || !strings.Contains(err.Error(), "no-such-library.so") {
		t.Errorf("opened a library that is not there: %v", err)
	}
	c := testNVRTC(t)
	for _, tc := range []struct{ source, arch, want string }{
		{"__global__ void f() { undeclared(); }", "sm_80", `bad.cu(1): error: identifier "undeclared" is undefined`},
		{"", "sm_1", "does not know the GPU sm_1; it knows sm_"},
		{"", "sm_80a", "bad.cu for sm_80a: NVRTC: NVRTC_ERROR_COMPILATION"},
		{"a\x00b", "sm_80", "bad.cu: the source has a zero byte"},
	} {
		if _, err := c.build("bad.cu", []byte(tc.source), tc.arch); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q for %s: got %v, want %s", tc.source, tc.arch, err, tc.want)
		}
	}
}
