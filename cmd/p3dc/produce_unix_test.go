//go:build unix

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

// Waiting for a text that comes through a pipe ends with the context, whichever
// text it is.
func TestInterruptPipe(t *testing.T) {
	for _, args := range [][]string{
		{"explain"},
		{"explain", "p3d63", "--tuning"},
		{"verify", "p3d63", "--reference"},
		{"classify", "p3d63", "none.mp4", "--weights", "synthetic", "--labels"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Skip(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			// What still waits for the pipe's other end is let go. A command that
			// waits on in spite of the context is, too, and fails the test.
			letGo := func() {
				if w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
					_ = w.Close()
				}
			}
			defer letGo()
			defer time.AfterFunc(20*time.Second, letGo).Stop()
			began := time.Now()
			var stdout, stderr bytes.Buffer
			code := run(ctx, append(args, pipe), nil, &stdout, &stderr)
			if code != exitFailed || stdout.Len() > 0 || stderr.String() != "p3dc: interrupted\n" {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it ended after %v", took)
			}
		})
	}
}

// A text that never ends is read as far as shows that it is too long.
func TestEndlessText(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"explain"}, "the description has more than 262144 bytes"},
		{[]string{"explain", "p3d63", "--tuning"}, "p3dc: /dev/zero: not a tuning file: larger than 16 MiB\n"},
		{[]string{"verify", "p3d63", "--reference"}, "p3dc: /dev/zero: not a file of reference values: larger than 64 MiB\n"},
		{[]string{"classify", "p3d63", "none.mp4", "--weights", "synthetic", "--labels"}, `p3dc: labels: "/dev/zero" is larger than 16 MiB`},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(tt.args, "/dev/zero"), nil, &stdout, &stderr)
		if code != exitFailed || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%s: exit code %d, stderr %q, want %q", tt.args[0], code, &stderr, tt.want)
		}
	}
}
