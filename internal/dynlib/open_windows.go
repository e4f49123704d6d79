package dynlib

import "golang.org/x/sys/windows"

func open(name string) (uintptr, error) {
	handle, err := windows.LoadLibrary(name)
	return uintptr(handle), err
}

func (l *Library) symbol(name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(l.handle), name)
}
