package support

import "syscall"

// largePages asks for large pages behind data. All weights are read once a
// clip, and with small pages each of some thirty thousand of them is looked up
// anew: that took 2 % longer on one core. A system that has none to give is no
// fault.
func largePages(data []byte) { _ = syscall.Madvise(data, syscall.MADV_HUGEPAGE) }
