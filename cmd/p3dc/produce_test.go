package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterruptWriting wants the commands that write a file to end when the
// context is done, to say so, and to leave the file that was there and nothing
// else.
func TestInterruptWriting(t *testing.T) {
	model, err := filepath.Abs("../../internal/onnx/testdata/script.onnx")
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := filepath.Abs("../../internal/weights/testdata/legacy_wrapped.pth.tar")
	if err != nil {
		t.Fatal(err)
	}
	images := filepath.Join(t.TempDir(), "images.safetensors")
	var out bytes.Buffer
	if code := run(t.Context(), []string{"weights", "convert", "synthetic", images, "--net", "resnet50"}, nil, &out, &out); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &out)
	}
	tests := [][]string{
		{"weights", "convert", checkpoint, "out"},
		{"weights", "convert", "synthetic", "out", "--net", "p3d63"},
		{"weights", "inflate", images, "--net", "resnet50", "-o", "out"},
		{"export", "onnx", "p3d63", "--weights", "synthetic", "-o", "out"},
		{"import", "onnx", model, "-o", "out", "--weights-out", "weights"},
		{"explain", "p3d63", "--svg", "out"},
		{"explain", "p3d63", "--html", "out"},
	}
	for _, args := range tests {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("out", []byte("old"), 0o666); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr bytes.Buffer
			code := run(ctx, args, nil, &stdout, &stderr)
			if code != exitFailed || stdout.Len() > 0 || stderr.String() != "p3dc: interrupted\n" {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
			}
			wantOnly(t, ".", "out", "old")
		})
	}
}

// wantOnly wants a folder to hold one file and nothing else.
func wantOnly(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v), expected %s alone", entries, err, name)
	}
	if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(now) != content {
		t.Errorf("%s is %q (%v), expected %q", name, now, err, content)
	}
}

// An error leaves the old file and nothing else, and so does an interrupt at
// whatever time.
func TestWriteFileIsAtomic(t *testing.T) {
	errFull := errors.New("full")
	ctx, cancel := context.WithCancel(t.Context())
	large := make([]byte, 3<<20) // more than the buffer
	tests := []struct {
		name  string
		write func(w io.Writer) error
		want  error
	}{
		{"error", func(io.Writer) error { return errFull }, errFull},
		{"interrupt while writing", func(w io.Writer) error {
			if _, err := w.Write(large); err != nil {
				return err
			}
			cancel()
			_, err := w.Write(large)
			if err == nil {
				t.Error("writing goes on after the interrupt")
			}
			return err
		}, context.Canceled},
		{"interrupt before", func(io.Writer) error { t.Error("begun"); return nil }, context.Canceled},
	}
	for _, test := range tests {
		dir := t.TempDir()
		path := filepath.Join(dir, "net")
		if err := writeContent(t.Context(), path, []byte("old")); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(ctx, path, test.write); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
		wantOnly(t, dir, "net", "old")
	}
	if err := writeContent(t.Context(), filepath.Join(t.TempDir(), "none", "net"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into a folder that does not exist: %v", err)
	}
}

// What was interrupted when all was written does not take its place either.
func TestProduceInterruptedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := produce(ctx, path, func(_, file string) error {
		cancel()
		return os.WriteFile(file, []byte("new"), 0o666)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantOnly(t, dir, "net", "old")
}

// What is at the path decides whether a file is written there: a link leads to
// the file that is replaced, which keeps its permissions, and nothing but a
// file is replaced.
func TestWriteFileTargets(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	if err := writeContent(t.Context(), link, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "new" {
		t.Errorf("the link's target was not written: %q, %v", data, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the permissions changed: %v, %v", info, err)
	}
	if err := writeContent(t.Context(), os.DevNull, nil); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("writing to a device: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// blocking is an input that interrupts and never answers.
type blocking struct{ cancel func() }

func (b blocking) Read([]byte) (int, error) {
	b.cancel()
	select {}
}

// Waiting for standard input ends with the context.
func TestInterruptReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"fmt"}, blocking{cancel}, &stdout, &stderr)
	if code != exitFailed || stdout.Len() > 0 || stderr.String() != "p3dc: interrupted\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}
