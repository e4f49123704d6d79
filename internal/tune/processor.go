package tune

import (
	"os"
	"runtime"
	"strings"
)

// Processor returns the name of this machine's processor, as far as the
// operating system tells it in a file.
func Processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			key, value, _ := strings.Cut(line, ":")
			if strings.TrimSpace(key) == "model name" && strings.TrimSpace(value) != "" {
				return printable(value)
			}
		}
	}
	return "an unknown " + runtime.GOARCH + " processor"
}
