// Package protocol is how a contestant of the comparison talks to the driver:
// a line of JSON when it is ready, then for each line "run N" that it reads a
// line of JSON with what it measured. It also has what those in Go share.
package protocol

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

// Measured is what some clips or batches took: each, and all together.
type Measured struct {
	MS     []float64 `json:"ms"`
	WallMS float64   `json:"wall_ms"`
}

// Milliseconds returns a time as the driver reads it.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ReadClip reads the so many values of a clip, float32 in little-endian order, a
// piece at a time: the file takes no memory then that would count as the network's.
func ReadClip(file string, values int) ([]float32, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	clip, piece := make([]float32, values), make([]byte, 64<<10)
	for rest := clip; len(rest) > 0; {
		b := piece[:min(len(piece), 4*len(rest))]
		if _, err := io.ReadFull(f, b); err != nil {
			return nil, fmt.Errorf("%s: %w; expected %d float32 values, a clip", file, err, len(clip))
		}
		for i := range len(b) / 4 {
			rest[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		rest = rest[len(b)/4:]
	}
	return clip, nil
}

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
