//go:build unix

package video

import (
	"fmt"
	"syscall"
)

// leftProcesses describes a child, running or a zombie, if there is one.
func leftProcesses() string {
	var status syscall.WaitStatus
	if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); err != syscall.ECHILD {
		return fmt.Sprintf("child process left behind: wait gives %d, %v\n", pid, err)
	}
	return ""
}
