package support

import (
	"slices"
	"testing"
	"unsafe"
)

// fakeNVRTC returns a compiler that knows some GPUs, and compiles for none.
func fakeNVRTC(numbers ...int32) *nvrtc {
	return &nvrtc{
		number:    func(major, minor *int32) int32 { *major, *minor = 12, 4; return 0 },
		archCount: func(count *int32) int32 { *count = int32(len(numbers)); return 0 },
		archs:     func(to *int32) int32 { copy(unsafe.Slice(to, len(numbers)), numbers); return 0 },
	}
}

// TestTarget asks compilers of several versions for code for several GPUs: one that is
// newer than the compiler gets PTX for the newest that the compiler knows.
func TestTarget(t *testing.T) {
	v12 := []int32{50, 75, 80, 86, 87, 89, 90}
	for _, tc := range []struct {
		known      []int32
		arch, want string
	}{
		{v12, "sm_80", "sm_80"}, {v12, "sm_90", "sm_90"}, {v12, "sm_88", "compute_87"}, {v12, "sm_120", "compute_90"},
		{[]int32{90, 120, 100, 89}, "sm_110", "compute_100"}, // in whatever order
	} {
		if got, err := fakeNVRTC(tc.known...).target(tc.arch); err != nil || got != tc.want {
			t.Errorf("%v for %s: got %s, %v, want %s", tc.known, tc.arch, got, err, tc.want)
		}
	}
	const want = "NVRTC 12.4 does not know the GPU sm_80; it knows sm_70, sm_75; a newer one may know more"
	if got, err := fakeNVRTC(70, 75).target("sm_80"); err == nil || err.Error() != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestArchNumber(t *testing.T) {
	for arch, want := range map[string]int32{"sm_80": 80, "sm_90a": 90, "sm_100f": 100, "compute_120": 120, "ampere": 0, "": 0} {
		if got := archNumber(arch); got != want {
			t.Errorf("%q has the number %d, want %d", arch, got, want)
		}
	}
}

// TestNVRTCNames looks for a compiler whose code the driver takes.
func TestNVRTCNames(t *testing.T) {
	for _, tc := range []struct {
		system string
		driver int32
		want   []string
	}{
		{"linux", anyDriver, []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}},
		{"linux", 13000, []string{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"}},
		{"linux", 12090, []string{"libnvrtc.so.12", "libnvrtc.so", "libnvrtc.so.13"}},
		{"windows", 13010, []string{"nvrtc64_130_0.dll", "nvrtc64_120_0.dll"}},
		{"windows", 12080, []string{"nvrtc64_120_0.dll", "nvrtc64_130_0.dll"}},
	} {
		if got := nvrtcNames(tc.system, tc.driver); !slices.Equal(got, tc.want) {
			t.Errorf("%s, driver of %d: %v, want %v", tc.system, tc.driver, got, tc.want)
		}
	}
}
