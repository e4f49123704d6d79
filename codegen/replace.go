package codegen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// replaceAttempts bounds how often a folder may appear or vanish, by other
// hands, while it is being replaced.
const replaceAttempts = 100

// replace puts the folder fresh in the place of dir, which may be there or
// not, in one step where exchange can. What was in dir is then in fresh, or
// gone; on an error it is in dir.
func replace(fresh, dir string, exchange func(a, b string) error) error {
	var err error
	for range replaceAttempts {
		if err = exchange(fresh, dir); err == nil {
			return nil
		}
		if errors.Is(err, errors.ErrUnsupported) {
			err = swap(fresh, dir, filepath.Dir(fresh)+"-old")
		} else if errors.Is(err, fs.ErrNotExist) {
			err = os.Rename(fresh, dir)
		}
		if errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("%s: a mount point, or in use, which cannot be replaced; give a folder inside: %w", dir, err)
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// swap replaces dir in two steps, where the system cannot do it in one: it
// moves dir to old and fresh to dir. Where the second step fails the first is
// undone.
func swap(fresh, dir, old string) error {
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	had := err == nil
	if err = os.Rename(fresh, dir); err == nil {
		return RemoveAll(old)
	}
	if !had {
		return err
	}
	back := os.Rename(old, dir)
	switch {
	case back == nil:
		return err
	case errors.Is(back, fs.ErrExist): // another package is there by now
		return errors.Join(err, RemoveAll(old))
	}
	return fmt.Errorf("%w; the old package could not be put back from %s: %w", err, old, back)
}

// RemoveAll removes a temporary folder. Its error says what is left.
func RemoveAll(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("%s is left behind and may be removed: %w", dir, err)
	}
	return nil
}
