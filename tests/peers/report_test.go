package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// render writes the document and the chart from raw figures, in a folder of
// its own, and returns both.
func render(t *testing.T, figures string) (document, picture string) {
	t.Helper()
	dir := report(t, "report.py", figures, "performance.json")
	return read(t, filepath.Join(dir, "performance.md")), read(t, filepath.Join(dir, "performance.svg"))
}

// report runs a script on raw figures, in a folder of its own, which it returns.
func report(t *testing.T, script, figures, name string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3")
	}
	raw, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-B", script, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return dir
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDocument checks the figures that follow from others, on made-up ones.
func TestDocument(t *testing.T) {
	document, picture := render(t, "testdata/figures.json")
	for _, line := range []string{
		// OpenVINO's best is the pinned one: the other is faster, in fewer rounds.
		"| P3D-63, 2 cores | **40.0** | 120.0 | 84.0 | **2.00 (1.50 to 2.20)**, OpenVINO |",
		"| P3D-63, 2 cores | **50.0** | 25.0 | **2.00 (2.00 to 2.00)**, ONNX Runtime |",
		"| P3D-63, 2 cores | 16.00 | 400 | 320 | 125 % |",
		"| OpenVINO, not pinned | 30.0 | 30.0 | 0.75 (0.75 to 0.75) | 1 | 4.0e-07 |",
		"| PyTorch, compile | failed |  |  | 0 |  |",
		"| P3D-63, p3dc, packed weights | 100 | 80 | 150 | 140 |",
	} {
		if !strings.Contains(document, line+"\n") {
			t.Errorf("the document lacks the line\n%s\nit is\n%s", line, document)
		}
	}
	for _, part := range []string{">P3D-63, 2 cores<", ">40.0<", ">84.0<", ">120.0<", "prefers-color-scheme: dark"} {
		if !strings.Contains(picture, part) {
			t.Errorf("the chart lacks %q; it is\n%s", part, picture)
		}
	}
}

// TestDocumentIsCurrent checks that the document is not edited by hand, and is
// written again when report.py changes.
func TestDocumentIsCurrent(t *testing.T) {
	if _, err := os.Stat("../../docs/performance.json"); os.IsNotExist(err) {
		t.Skip("there are no figures: tests/peers/run measures them")
	}
	document, picture := render(t, "../../docs/performance.json")
	for file, want := range map[string]string{"performance.md": document, "performance.svg": picture} {
		if read(t, filepath.Join("../../docs", file)) != want {
			t.Errorf("docs/%s is not what performance.json gives; run python3 tests/peers/report.py", file)
		}
	}
}
