//go:build !linux

package support

// cpuSet would be a set of processors; this system binds no threads to any.
type cpuSet struct{}

func threadCPUs() cpuSet           { return cpuSet{} }
func bindThread(*cpuSet)           {}
func (s *cpuSet) one(i int) cpuSet { return *s }
