//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Waiting for a description that comes through a pipe ends with the context.
func TestInterruptPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "net.p3d")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"explain", pipe}, nil, &stdout, &stderr)
	if code != exitFailed || stdout.Len() > 0 || stderr.String() != "p3dc: interrupted\n" {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
	// What still waits for the pipe's other end is let go.
	if w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		_ = w.Close()
	}
}
