package cuda

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
)

// TestGPU runs packages on this machine's GPU, where there is one, and logs how
// long batches take: `make gpu`.
func TestGPU(t *testing.T) {
	_, native := os.Stat("/dev/nvidiactl")
	_, wsl := os.Stat("/dev/dxg")
	if runtime.GOOS == "linux" && native != nil && wsl != nil {
		t.Skip("needs an NVIDIA GPU")
	}
	g := lower(t, small)
	c := newComparison(t, g, 3)
	u := newUser(t, g, cuda.FP16, c)
	text := u.run(t, "", os.Getenv(nvrtcVariable), u.weights, nil)
	for _, without := range []string{"error: no NVIDIA driver", "error: starting the driver: ", "error: no GPU "} {
		if strings.HasPrefix(text, without) {
			t.Skipf("needs an NVIDIA GPU: %s", text)
		}
	}
	u.results(t, text)
	g = preset(t)
	c = newComparison(t, g, 3)
	for _, p := range cuda.Precisions() {
		u := newUser(t, g, p, c)
		got := u.results(t, u.run(t, "", os.Getenv(nvrtcVariable), u.weights, nil, "1", "8", "32"))
		t.Logf("%s in %v on %s: milliseconds by batch %v", g.Name, p, got.Device, got.Milliseconds)
	}
}
