package video

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Bounds of what is kept of ffmpeg's messages, at each end.
const (
	excerptBytes = 2048
	excerptLines = 2
)

// excerpt is a writer that keeps the beginning, where ffmpeg names the cause,
// and the end, where it says what became of it.
type excerpt struct {
	mu         sync.Mutex // a child of the process may outlive the wait for it
	head, tail []byte
}

// Write implements io.Writer.
func (e *excerpt) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(p)
	fits := min(len(p), excerptBytes-len(e.head))
	e.head, p = append(e.head, p[:fits]...), p[fits:]
	e.tail = append(e.tail, p[max(len(p)-excerptBytes, 0):]...)
	if extra := len(e.tail) - excerptBytes; extra > 0 {
		e.tail = append(e.tail[:0], e.tail[extra:]...)
	}
	return n, nil
}

// String returns the first and the last lines in one, without repetitions,
// without what could upset a terminal, and without the addresses that ffmpeg
// gives its parts.
func (e *excerpt) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	address := regexp.MustCompile(` @ 0x[0-9a-fA-F]+\]`)
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(e.head)+string(e.tail), "?")) {
		line = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, line)
		line = strings.TrimSpace(address.ReplaceAllString(line, "]"))
		if line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 2*excerptLines {
		lines = slices.Concat(lines[:excerptLines], []string{"..."}, lines[len(lines)-excerptLines:])
	}
	return strings.Join(lines, "; ")
}
