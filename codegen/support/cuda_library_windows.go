package support

import "golang.org/x/sys/windows"

func loadLibrary(name string) (uintptr, error) {
	handle, err := windows.LoadLibrary(name)
	return uintptr(handle), err
}

func (l *sharedLibrary) symbol(name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(l.handle), name)
}
