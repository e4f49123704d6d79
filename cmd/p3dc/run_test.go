package main

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterrupt wants commands that run programs to end with the context, in the
// middle of their work, to say so, and to leave nothing behind.
func TestInterrupt(t *testing.T) {
	tests := [][]string{
		{"bench", "p3d63"},
		{"verify", "p3d63"},
		{"compile", "p3d63", "--verify", "-o", "net"},
		{"classify", "p3d63", "--weights", "synthetic", "--clips", "100", "../../../internal/video/testdata"},
	}
	for _, args := range tests {
		t.Run(args[0], func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			t.Setenv("TMP", dir)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			var stdout, stderr bytes.Buffer
			code := run(ctx, args, nil, &stdout, &stderr)
			if code != exitFailed || stderr.String() != "p3dc: interrupted\n" {
				t.Errorf("exit code %d, stderr %q", code, &stderr)
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				t.Errorf("left behind: %s", e.Name())
			}
			if _, err := os.Stat("net"); err == nil {
				t.Error("an interrupted compile wrote the package")
			}
		})
	}
}

func TestStickyWriter(t *testing.T) {
	s := stickyWriter{w: broken{syscall.EIO}}
	for range 2 {
		if n, err := s.Write([]byte("abc")); n != 3 || err != nil {
			t.Errorf("Write = %d, %v, want 3, nil", n, err)
		}
	}
	if s.err == nil {
		t.Error("the error is forgotten")
	}
}

// What a file says of itself reaches the terminal as text only.
func TestErrorsHaveNoControlCharacters(t *testing.T) {
	file := filepath.Join(t.TempDir(), "net.npz")
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	if _, err := w.Create("a\x1b[2J\r\x07.txt"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Create("a.npy"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, archive.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"weights", "inspect", file}, nil, &stdout, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "a?[2J??.txt is no array") || strings.ContainsAny(stderr.String(), "\x1b\r\x07") {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
}
