package peers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func renderGPU(t *testing.T, figures string) string {
	t.Helper()
	return read(t, filepath.Join(report(t, "report_gpu.py", figures, "performance-cuda.json"), "performance-cuda.md"))
}

// TestDocumentGPU checks the figures that follow from others, on made-up ones.
func TestDocumentGPU(t *testing.T) {
	document := renderGPU(t, "testdata/figures-cuda.json")
	for _, line := range []string{
		"| GPU | Some GPU, 1 MiB, limit 1 W, driver 1.0 |",
		// 8 clips in 1.6 ms, 16 GFLOP each; the best of the peaks counts.
		"| P3D-63, 8 clips | **1.600** | 5000 | 80.0 | 10.0 % | 800 |",
		"| P3D-63, one clip | **0.400** | 4.000 | 2.000 |  | **5.00 (4.00 to 6.00)**, eager, channels_last_3d |",
		"| P3D-63, 8 clips | **1.600** | 16.000 | 8.000 | 4.000 | **2.50 (2.00 to 2.50)**, compile, max-autotune, channels_last_3d |",
		"| PyTorch, eager, contiguous | 4.000 | 4.000 | 250 | 4.0 | 0.5 % | 10.00 (10.00 to 10.00) | 1 | 4.0e-03 | 5.0e-03 |",
		"| PyTorch, compile, max-autotune | failed |  |  |  |  |  |  |  |  |",
		"### P3D-63, one clip",
		"| `net_of1_stem` | 300.0 | 75.0 % |",
		"### P3D-63, 8 clips and 32 clips",
		"| `net_stem` | 1200.0 | 75.0 % | 4800.0 | 75.0 % |",
		"| sum | 1600.0 |  | 6400.0 |  |",
	} {
		if !strings.Contains(document, line+"\n") {
			t.Errorf("the document lacks the line\n%s\nit is\n%s", line, document)
		}
	}
}

// TestDocumentGPUIsCurrent is TestDocumentIsCurrent for the GPU's.
func TestDocumentGPUIsCurrent(t *testing.T) {
	const figures = "../../docs/performance-cuda.json"
	if _, err := os.Stat(figures); os.IsNotExist(err) {
		t.Skip("there are no figures: tests/peers/gpu measures them, on a GPU")
	}
	if read(t, "../../docs/performance-cuda.md") != renderGPU(t, figures) {
		t.Error("docs/performance-cuda.md is not what performance-cuda.json gives; run python3 tests/peers/report_gpu.py")
	}
}
