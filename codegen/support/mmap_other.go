//go:build !unix

package support

import "os"

// mapFile reads a file where the system has no mmap.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(path)
	return data, func() error { return nil }, err
}

// allocate returns room for n values, which the garbage collector frees.
func allocate(n int) (values []float32, free func() error, err error) {
	return make([]float32, n), nil, nil
}
