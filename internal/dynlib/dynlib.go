package dynlib

import (
	"errors"
	"fmt"

	"github.com/ebitengine/purego"
)

// Library is an open shared library. It stays open as long as the process
// runs: its code may have started threads.
type Library struct {
	name   string
	handle uintptr
}

// Open opens the first of the given libraries that the system has. A name
// without a folder is looked for where the system keeps libraries.
func Open(names ...string) (*Library, error) {
	var errs []error
	for _, name := range names {
		handle, err := open(name)
		if err == nil {
			return &Library{name, handle}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// Name returns the name by which the library was found.
func (l *Library) Name() string { return l.name }

// Func makes *f, a variable of a function type, call the library's function of
// a name. The types must be those of the C declaration: a wrong one is not
// noticed.
func (l *Library) Func(f any, name string) error {
	address, err := l.symbol(name)
	if err != nil {
		return fmt.Errorf("%s has no function %s: %w", l.name, name, err)
	}
	purego.RegisterFunc(f, address)
	return nil
}
