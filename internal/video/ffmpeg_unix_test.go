//go:build unix

package video

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWholeGroupEnds: ffmpeg's children are ended with it, and none of ours is
// left as a zombie.
func TestWholeGroupEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"timeout", "cancel"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			o := small(1)
			path := useFake(t, "parent", &o)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if how == "timeout" {
				o.StallTimeout = 2 * time.Second
			} else {
				o.Progress = func(done, _ int) {
					if done == 10 {
						cancel()
					}
				}
			}
			_, err := Decode(ctx, path, o)
			if how == "timeout" && err != nil || how == "cancel" && !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v", err)
			}
			text, err := os.ReadFile(path + recordSuffix)
			if err != nil {
				t.Fatal(err)
			}
			var parent, child int
			if _, err := fmt.Sscan(string(text), &parent, &child); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(parent, 0); !errors.Is(err, syscall.ESRCH) {
				t.Errorf("process %d has not been waited for: %v", parent, err)
			}
			if !gone(child) {
				t.Errorf("child %d still runs", child)
			}
		})
	}
}

// gone waits for process pid to end. Whoever inherited it may never wait for
// it, so on Linux a zombie counts as ended.
func gone(pid int) bool {
	for range 200 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
		if runtime.GOOS == "linux" {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if _, state, ok := strings.Cut(string(stat), ") "); err != nil || ok && strings.HasPrefix(state, "Z") {
				return true
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestSpecialFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe.mp4")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	_, err := Decode(t.Context(), path, small(1)) // opening it would block
	if err == nil || !strings.Contains(err.Error(), "neither a file nor a folder") {
		t.Errorf("got %v, want a refusal", err)
	}
}
