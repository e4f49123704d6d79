//go:build unix && !linux

package support

// largePages does nothing: only Linux is known to take the hint.
func largePages([]byte) {}
