//go:build unix

package video

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// processTree ends a process together with the processes it started.
type processTree struct{ cmd *exec.Cmd }

// newProcessTree gives cmd a process group of its own.
func newProcessTree(cmd *exec.Cmd) *processTree {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &processTree{cmd}
}

// started is called once the process runs.
func (t *processTree) started() {}

// kill ends every process of the group; it is an exec.Cmd.Cancel.
func (t *processTree) kill() error {
	err := syscall.Kill(-t.cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// close releases what the tree holds.
func (t *processTree) close() {}
