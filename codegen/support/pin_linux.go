package support

import (
	"math/bits"
	"syscall"
	"unsafe"
)

// cpuSet is a set of processors: bit i of the words, from the first word's
// lowest bit on, is the system's processor i.
type cpuSet [8192 / bits.UintSize]uint

// threadCPUs returns where the calling thread may run; the empty set where the
// system does not say.
func threadCPUs() (s cpuSet) {
	syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(s), uintptr(unsafe.Pointer(&s)))
	return s
}

// bindThread lets the calling thread run on the processors of a set alone. One
// that the system refuses, like the empty set, changes nothing.
func bindThread(s *cpuSet) {
	syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(*s), uintptr(unsafe.Pointer(s)))
}

// one returns the set of the set's i-th processor, counted round and round.
func (s *cpuSet) one(i int) (only cpuSet) {
	n := 0
	for _, word := range s {
		n += bits.OnesCount(word)
	}
	if n == 0 {
		return only
	}
	i %= n
	for k, word := range s {
		if c := bits.OnesCount(word); i >= c {
			i -= c
			continue
		}
		for ; i > 0; i-- {
			word &= word - 1
		}
		only[k] = word & -word
		break
	}
	return only
}
