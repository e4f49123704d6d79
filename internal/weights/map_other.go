//go:build !unix

package weights

import (
	"fmt"
	"io"
)

// mapFile returns the contents of a regular file. This system's way of mapping
// files is not used: they are read. Errors name the path.
func mapFile(path string) ([]byte, func() error, error) {
	file, size, err := statRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, func() error { return nil }, nil
}
