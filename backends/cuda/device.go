package cuda

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed device/*.cu
var deviceFS embed.FS

// deviceFiles are the files of the device code, in the order in which they use
// one another.
func deviceFiles() []string {
	return []string{"prelude", "clang", "primitives", "values", "warp", "position", "step", "pieces", "pairs", "conv", "block", "pool", "pooled", "linear", "softmax", "ingest"}
}

// deviceCode returns the device code that all networks have in common.
func deviceCode() string {
	var b strings.Builder
	for _, name := range deviceFiles() {
		text, err := deviceFS.ReadFile("device/" + name + ".cu")
		if err != nil {
			panic(fmt.Sprintf("BUG: embedded device code: %v", err))
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}
