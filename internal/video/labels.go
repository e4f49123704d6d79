package video

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// maxLabels bounds a labels file, in bytes.
const maxLabels = 16 << 20

// ReadLabels reads class names, one a line: line k+1 names class k. Space
// around a name, a byte order mark and empty lines at the end are ignored. An
// empty line between names is an error, since it would shift the classes.
func ReadLabels(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxLabels+1))
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	if len(text) > maxLabels {
		return nil, fmt.Errorf("labels: %q is larger than %d MiB: expected a text file with one class name a line",
			path, maxLabels>>20)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var labels []string
	number := 0 // of the line, from 1
	empty := 0  // the first empty line after the last name
	for line := range bytes.Lines(text) {
		number++
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return nil, fmt.Errorf("labels: %q line %d is not UTF-8 text: expected one class name a line", path, number)
		}
		label := strings.TrimSpace(string(line))
		switch {
		case label == "" && empty == 0:
			empty = number
		case label != "" && empty > 0:
			return nil, fmt.Errorf("labels: %q line %d is empty, with names after it: expected one class name a line", path, empty)
		case label != "":
			labels = append(labels, label)
		}
	}
	if len(labels) == 0 {
		return nil, fmt.Errorf("labels: %q is empty: expected one class name a line", path)
	}
	return labels, nil
}
