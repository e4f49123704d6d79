//go:build !windows

package support

import "github.com/ebitengine/purego"

func loadLibrary(name string) (uintptr, error) {
	return purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func (l *sharedLibrary) symbol(name string) (uintptr, error) { return purego.Dlsym(l.handle, name) }
