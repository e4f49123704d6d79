// Package protocol is how a contestant of the comparison talks to the driver:
// a line of JSON when it is ready, then for each line "run N" that it reads a
// line of JSON with what it measured.
package protocol

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Serve writes the first line and then answers from run until the input ends.
// N is at least 1.
func Serve(in io.Reader, out io.Writer, ready any, run func(n int) (any, error)) error {
	answer := json.NewEncoder(out)
	if err := answer.Encode(ready); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "run %d", &n); err != nil || n < 1 {
			return fmt.Errorf("read %q; expected \"run N\", N at least 1", lines.Text())
		}
		measured, err := run(n)
		if err != nil {
			return err
		}
		if err := answer.Encode(measured); err != nil {
			return err
		}
	}
	return lines.Err()
}
