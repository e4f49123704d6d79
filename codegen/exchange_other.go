//go:build !linux && !darwin

package codegen

import "errors"

// exchange would swap two folders in one step; this system cannot.
func exchange(a, b string) error { return errors.ErrUnsupported }
