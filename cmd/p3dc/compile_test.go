package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The bounds that the largest preset must keep.
const (
	compileTime = 2 * time.Second
	sourceBytes = 3 << 20
)

func TestLargestPresetIsQuickAndSmall(t *testing.T) {
	files := generateFor(t, &compileCmd{netArgs: netArgs{Net: "p3d199"}})
	size := 0
	for _, f := range files {
		size += len(f.Content)
	}
	if size > sourceBytes {
		t.Errorf("the package has %d bytes, want at most %d", size, sourceBytes)
	}
	if raceEnabled {
		t.Skip("the race detector takes its time")
	}
	took := compileTime + 1
	for try := 0; try < 3 && took > compileTime; try++ { // a busy machine has a second chance
		began := time.Now()
		generateFor(t, &compileCmd{netArgs: netArgs{Net: "p3d199"}})
		took = time.Since(began)
	}
	if took > compileTime {
		t.Errorf("compiling took %v, want at most %v", took, compileTime)
	}
}

// TestInterruptedCompileKeepsTheOldPackage cancels before anything is written.
func TestInterruptedCompileKeepsTheOldPackage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"compile", "-q", "../../generated/nets/thin.p3d", "-o", dir}, nil, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	before := listing(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code := run(ctx, []string{"compile", "p3d63", "-o", dir}, nil, &stdout, &stderr)
	if code != exitFailed || stderr.String() != "p3dc: interrupted\n" {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder changed from\n%s\nto\n%s", before, after)
	}
}

// listing returns the names and contents of a folder's files and of those
// beside it.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, d os.DirEntry, err error) error {
		b.WriteString(path + "\n")
		if err == nil && !d.IsDir() {
			content, err := os.ReadFile(path)
			b.Write(content)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// broken fails every write.
type broken struct{ error }

func (b broken) Write([]byte) (int, error) { return 0, b.error }

func TestOutputThatCannotBeWritten(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "p3dc: cannot write the output: " + syscall.ENOSPC.Error() + "\n",
		syscall.EPIPE:  "", // who reads has seen enough
	} {
		var stderr bytes.Buffer
		code := run(t.Context(), []string{"explain", "p3d63"}, nil, broken{err}, &stderr)
		if code != exitFailed || stderr.String() != want {
			t.Errorf("%v: exit code %d, stderr %q, want %d, %q", err, code, &stderr, exitFailed, want)
		}
	}
}

func TestSourceName(t *testing.T) {
	tests := []struct {
		name string
		set  []string
		want string
	}{
		{"p3d63", nil, "p3d63.p3d"},
		{"some/folder/net.p3d", nil, "net.p3d"},
		{"./p3d63", nil, "p3d63"},
		{"p3d63", []string{"mix=A, B", "classes=101"}, "p3d63.p3d --set mix=A,B --set classes=101"},
		{"a\nb.p3d", []string{"mix=A,\n B"}, "a?b.p3d --set mix=A,B"},
	}
	for _, tt := range tests {
		if got := sourceName(tt.name, tt.set); got != tt.want {
			t.Errorf("sourceName(%q, %q) = %q, want %q", tt.name, tt.set, got, tt.want)
		}
	}
}
