//go:build unix

package support

import (
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
)

// mapFile maps a file for reading. The bytes are valid until unmap.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	info, err := os.Stat(path) // before it is opened, which a pipe would wait in
	if err != nil {
		return nil, nil, err
	}
	size := info.Size()
	if !info.Mode().IsRegular() || size == 0 || size > math.MaxInt {
		return nil, nil, fmt.Errorf("%s: not a weights file: %v of %d bytes", path, info.Mode(), size)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || now.Size() != size {
		return nil, nil, errors.Join(fmt.Errorf("%s: changed while it was opened", path), err)
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}

// allocate returns room for n values beside the Go heap, where they do not make
// the garbage collector wait for more garbage, and where free takes effect at
// once.
func allocate(n int) (values []float32, free func() error, err error) {
	if n == 0 {
		return nil, nil, nil
	}
	data, err := syscall.Mmap(-1, 0, 4*n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("%d bytes for the packed weights: %w", 4*n, err)
	}
	largePages(data)
	return floatsIn(data), func() error { return syscall.Munmap(data) }, nil
}
