//go:build !unix && !windows

package video

import "os/exec"

// processTree ends a process; this system has no means to end its children.
type processTree struct{ cmd *exec.Cmd }

// newProcessTree prepares cmd.
func newProcessTree(cmd *exec.Cmd) *processTree { return &processTree{cmd} }

// started is called once the process runs.
func (t *processTree) started() {}

// kill ends the process; it is an exec.Cmd.Cancel.
func (t *processTree) kill() error { return t.cmd.Process.Kill() }

// close releases what the tree holds.
func (t *processTree) close() {}
