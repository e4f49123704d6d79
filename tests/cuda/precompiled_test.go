package cuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// header is the emulator's header with what it includes, compiled beforehand: it
// is a third of the time that a small program takes. It is for programs with
// emulatorFlags and no others, by which it was compiled.
var header struct {
	sync.Mutex
	dir string // which TestMain removes
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(header.dir)
	os.Exit(code)
}

// precompiled returns the header's path.
func precompiled(t *testing.T, headers string) string {
	t.Helper()
	header.Lock()
	defer header.Unlock()
	path := filepath.Join(header.dir, "header.h")
	if header.dir != "" {
		return path
	}
	dir, err := os.MkdirTemp("", "emulator-")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "header.h")
	header.dir = dir
	if err := os.WriteFile(path, []byte("#include \"emulator.h\"\n#include \"driver.h\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	flags := slices.Concat(emulatorFlags, []string{"-I", headers, "-x", "c++-header", "-o", path + ".gch", path})
	if out, err := exec.Command(compiler(t), flags...).CombinedOutput(); err != nil {
		t.Fatalf("g++: %v\n%s", err, out)
	}
	return path
}
