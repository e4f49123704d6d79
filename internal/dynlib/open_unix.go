//go:build !windows

package dynlib

import "github.com/ebitengine/purego"

func open(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func (l *Library) symbol(name string) (uintptr, error) { return purego.Dlsym(l.handle, name) }
