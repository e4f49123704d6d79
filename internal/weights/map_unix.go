//go:build unix

package weights

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapFile returns the contents of a regular file, mapped read-only, and what
// unmaps them. Errors name the path.
func mapFile(path string) ([]byte, func() error, error) {
	file, size, err := statRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	if size == 0 {
		// An empty mapping is an error of its own.
		return nil, func() error { return nil }, nil
	}
	data, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: cannot map the file into memory: %w", path, err)
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
