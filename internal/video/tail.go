package video

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// Bounds of what is kept of ffmpeg's messages.
const (
	tailBytes = 4096
	tailLines = 4
)

// tail is a writer that keeps the end of what is written.
type tail struct {
	mu   sync.Mutex // the process may outlive the wait for its pipes
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p[max(len(p)-tailBytes, 0):]...)
	if extra := len(t.text) - tailBytes; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// String returns the last few lines in one, without what could upset a
// terminal and without the addresses that ffmpeg gives its parts by.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	address := regexp.MustCompile(` @ 0x[0-9a-fA-F]+\]`)
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(t.text), "?")) {
		line = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, line)
		line = address.ReplaceAllString(line, "]")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(len(lines)-tailLines, 0):], "; ")
}
