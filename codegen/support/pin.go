package support

import "runtime"

// Pin binds each of a session's workers to a processor of its own: the first
// to the n-th, counted from 0, of those that the process may use, the others
// to the ones that follow, round and round. So sessions that run at the same
// time want an n each. A run borrows the thread of its caller and leaves it
// as it was. Pin helps where nothing else uses these processors, and harms
// where something does. It works on Linux; elsewhere it does nothing.
func Pin(n int) Option {
	return func(c *config) { c.pinned, c.firstCPU = true, max(n, 0) }
}

// pin binds the worker's goroutine to a thread, and this to the worker's
// processor. Where the goroutine ends, so does the thread.
func (w *worker) pin() {
	runtime.LockOSThread()
	bindThread(&w.cpu)
}

// borrow pins the goroutine that calls Run, until giveBack.
func (t *team) borrow() {
	runtime.LockOSThread()
	t.callers = threadCPUs()
	bindThread(&t.workers[0].cpu)
}

// giveBack leaves the caller's thread as borrow found it.
func (t *team) giveBack() {
	bindThread(&t.callers)
	runtime.UnlockOSThread()
}
