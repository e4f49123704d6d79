package codegen

import (
	"bytes"
	"fmt"
)

// cubinExt is how the names of files with a GPU's machine code end.
const cubinExt = ".cubin"

// maxHeader is more than a header's line has, in bytes: that tells of all changes
// of the network on one command line.
const maxHeader = 1 << 20

// MarkCubin returns a file with a GPU's machine code. That is an ELF file, which
// must begin as such and says itself how long it is: the line that tells generated
// files from others stands behind it.
func MarkCubin(code []byte, o Options) []byte {
	return fmt.Appendf(bytes.Clone(code), "\n// %s\n", o.Header())
}

// isMarkedCubin reports whether MarkCubin wrote the file, or one with this end.
func isMarkedCubin(file []byte) bool {
	text, ends := bytes.CutSuffix(file, []byte("\n"))
	return ends && bytes.HasPrefix(text[bytes.LastIndexByte(text, '\n')+1:], []byte(generatedMark))
}
