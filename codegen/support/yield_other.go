//go:build !linux

package support

// yieldThread would let another program's thread run; there is no call for it
// here.
func yieldThread() {}
