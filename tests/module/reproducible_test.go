package module

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestReproducible builds the tool from this folder and from a copy elsewhere: the
// programs must be the same, byte for byte.
func TestReproducible(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tool twice")
	}
	root, other := suite.Root(t), t.TempDir()
	if err := os.CopyFS(other, sources{os.DirFS(root)}); err != nil {
		t.Fatal(err)
	}
	var programs [2][]byte
	for i, dir := range []string{root, other} {
		program := filepath.Join(t.TempDir(), "p3dc")
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./cmd/p3dc")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "PWD="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var err error
		if programs[i], err = os.ReadFile(program); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("the program depends on the folder that it was built in")
	}
	if bytes.Contains(programs[0], []byte(root)) {
		t.Errorf("the program names the folder that it was built in, %s", root)
	}
}

// sources leaves folders out that begin with a dot, and what no build reads.
type sources struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	var kept []fs.DirEntry
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."), name == "." && (e.Name() == "docs" || e.Name() == "generated" || e.Name() == "tests"):
		case e.Type()&fs.ModeSymlink != 0:
		default:
			kept = append(kept, e)
		}
	}
	return kept, err
}
