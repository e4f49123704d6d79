package video

import (
	"os/exec"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// processTree ends a process together with the processes it started: package
// managers install ffmpeg behind a small program that starts the real one. The
// processes share a job object, which ends them all.
type processTree struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	job windows.Handle // 0 where there is none
}

// newProcessTree creates the job. Without one, kill ends the process alone.
func newProcessTree(cmd *exec.Cmd) *processTree {
	t := &processTree{cmd: cmd}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return t
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		windows.CloseHandle(job)
		return t
	}
	t.job = job
	return t
}

// started puts the process, which runs by now, into the job.
func (t *processTree) started() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.job == 0 {
		return
	}
	const access = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE
	process, err := windows.OpenProcess(access, false, uint32(t.cmd.Process.Pid))
	if err != nil {
		return
	}
	defer windows.CloseHandle(process)
	// If this fails, kill still ends the process itself.
	_ = windows.AssignProcessToJobObject(t.job, process)
}

// kill ends the job's processes; it is an exec.Cmd.Cancel.
func (t *processTree) kill() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.job != 0 {
		_ = windows.TerminateJobObject(t.job, 1)
	}
	return t.cmd.Process.Kill()
}

// close releases the job, and ends what may be left in it.
func (t *processTree) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.job != 0 {
		windows.CloseHandle(t.job)
		t.job = 0
	}
}
