package support

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// sharedLibrary is an open shared library, opened at run time and without cgo. It
// stays open as long as the process runs: its code may have started threads.
type sharedLibrary struct {
	name   string
	handle uintptr
}

// openLibrary opens the first of the given libraries that the system has. A name
// without a folder is looked for where the system keeps libraries.
func openLibrary(names []string) (*sharedLibrary, error) {
	var errs []error
	for _, name := range names {
		handle, err := loadLibrary(name)
		if err == nil {
			return &sharedLibrary{name, handle}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// cFunc is a variable of a function type, by its address, and the name of the
// C function that it shall call. Its type must be that of the C declaration: a
// wrong one is not noticed.
type cFunc struct {
	variable any
	name     string
}

// bind makes variables call the library's functions.
func (l *sharedLibrary) bind(list []cFunc) error {
	for _, f := range list {
		address, err := l.symbol(f.name)
		if err != nil {
			return fmt.Errorf("%s has no function %s: %w", l.name, f.name, err)
		}
		purego.RegisterFunc(f.variable, address)
	}
	return nil
}

// cString returns a text that ends with a zero byte.
func cString(s string) *byte { return &append([]byte(s), 0)[0] }

// goString returns a text that ends with a zero byte.
func goString(text *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(text), n)) != 0 {
		n++
	}
	return string(unsafe.Slice(text, n))
}
