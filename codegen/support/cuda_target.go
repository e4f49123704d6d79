package support

import (
	"fmt"
	"strconv"
	"strings"
)

// What NVRTC compiles for is named by a number, ten times the compute capability:
// machine code for the GPU sm_90, or PTX, compute_90, which a driver compiles for any
// GPU that is not older.

// archNumber returns the number of a GPU, of sm_90a, say, 90; of what is none, 0.
func archNumber(arch string) int32 {
	_, digits, _ := strings.Cut(strings.TrimRight(arch, "af"), "_")
	n, _ := strconv.ParseInt(digits, 10, 32)
	return int32(n)
}

// known returns the numbers of the GPUs that the compiler knows.
func (c *nvrtc) known() ([]int32, error) {
	var count int32
	if err := c.check(c.archCount(&count)); err != nil {
		return nil, err
	}
	numbers := make([]int32, count+1)
	return numbers[:count], c.check(c.archs(&numbers[0]))
}

// target returns what to compile for, to run on a GPU: the GPU, or PTX for the newest
// one that the compiler knows where it is older than the GPU.
func (c *nvrtc) target(arch string) (string, error) {
	known, err := c.known()
	if err != nil {
		return "", err
	}
	var newest int32
	for _, n := range known {
		if n <= archNumber(arch) {
			newest = max(newest, n)
		}
	}
	switch {
	case newest == archNumber(arch):
		return arch, nil
	case newest < 10*oldest:
		return "", c.unknown(arch, known)
	}
	return fmt.Sprintf("compute_%d", newest), nil
}

func (c *nvrtc) unknown(arch string, known []int32) error {
	version, err := c.version()
	if err != nil {
		return err
	}
	var names []string
	for _, n := range known {
		names = append(names, fmt.Sprintf("sm_%d", n))
	}
	return fmt.Errorf("NVRTC %s does not know the GPU %s; it knows %s; a newer one may know more", version, arch, strings.Join(names, ", "))
}
