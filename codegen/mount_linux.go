package codegen

import "golang.org/x/sys/unix"

// mountPoint reports whether something is mounted at a folder, which therefore
// cannot be exchanged for another. Where the kernel does not say, replace finds out.
func mountPoint(dir string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, 0, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}
