// Package wire is how the harness and the program that it builds talk: the
// messages, and the frames that carry them over a pipe. Both sides compile
// this package, so it imports the standard library only.
//
// The harness sends a [Request], the program answers with one [Reply], and so
// on until the harness closes the pipe. A message is a frame: the length of
// its header and of its body, the header as JSON, and the body, which holds
// clips and results as raw little-endian values.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Request asks the program for one thing: exactly one field is set.
type Request struct {
	Probe *Probe `json:"probe,omitempty"`
	Open  *Open  `json:"open,omitempty"`
	Pack  *Pack  `json:"pack,omitempty"`
	Run   *Run   `json:"run,omitempty"`
	Bench *Bench `json:"bench,omitempty"`
	Peak  *Peak  `json:"peak,omitempty"`
	// Profile asks for the time of each region.
	Profile *Profile `json:"profile,omitempty"`
	// Bandwidth asks how much the processor reads.
	Bandwidth *Bandwidth `json:"bandwidth,omitempty"`
}

// Probe asks which of the named instruction sets the package runs on this
// processor.
type Probe struct {
	ISAs []string `json:"isas"`
}

// Open opens the model, which must come before Run and Bench.
type Open struct {
	Weights string `json:"weights"` // path of a safetensors file, or of packed weights
}

// Pack packs weights ahead of time. It needs no open model.
type Pack struct {
	Weights string `json:"weights"` // path of a safetensors file
	Packed  string `json:"packed"`  // path of the file to write
	ISA     string `json:"isa"`     // to pack for; "" for the one that Open would choose
}

// Run runs the clips in the request's body at once. The reply's body holds, clip
// by clip, the wanted values one after another, each C x T x H x W in float32.
type Run struct {
	Threads int     `json:"threads"` // of the session; 0 for all cores
	Clips   int     `json:"clips"`   // in the body; taps are those of the first
	Frames  bool    `json:"frames"`  // the body is uint8 frames, T x H x W x C, and not float32 values, C x T x H x W
	Want    []Value `json:"want"`
}

// Value is a result of a run.
type Value struct {
	Name string `json:"name"`
	Len  int    `json:"len"`           // in float32 values
	Tap  bool   `json:"tap,omitempty"` // a value inside the network
}

// Bench runs the float32 clip in the request's body over and over.
type Bench struct {
	Threads  int `json:"threads"`  // of each session; 0 for all cores
	Sessions int `json:"sessions"` // that run at the same time
	Batch    int `json:"batch"`    // clips that a session runs at once
	Warmups  int `json:"warmups"`  // least runs of each session before the measurement
	Runs     int `json:"runs"`     // runs of all sessions together, of Batch clips each
	// WarmTime is how long each session goes on with the warm-up at least.
	WarmTime time.Duration `json:"warm_time"`
}

// Profile runs the float32 clip in the request's body and takes the time of
// each region.
type Profile struct {
	Threads int `json:"threads"` // of the session, which later profiles use again; 0 for all cores
	Warmups int `json:"warmups"` // runs before the measurement
	Runs    int `json:"runs"`
}

// Peak measures how many multiply-adds the processor can do.
type Peak struct {
	ISA     string        `json:"isa"` // of the loop; "" for the widest that the processor has
	Threads int           `json:"threads"`
	Rounds  int           `json:"rounds"` // the best counts
	Round   time.Duration `json:"round"`  // about how long one takes
}

// Bandwidth measures how much the processor reads of buffers, one a thread.
type Bandwidth struct {
	ISA     string `json:"isa"` // as in Peak
	Threads int    `json:"threads"`
	Bytes   int    `json:"bytes"`  // of a thread's buffer
	Passes  int    `json:"passes"` // through the buffer, in a round
	Rounds  int    `json:"rounds"` // the best counts
}

// Reply answers a request.
type Reply struct {
	Error string      `json:"error,omitempty"` // why there is no answer; the program goes on
	ISAs  []string    `json:"isas,omitempty"`  // to Probe
	ISA   string      `json:"isa,omitempty"`   // to Open: what the model runs on
	Bench *BenchReply `json:"bench,omitempty"`
	Peak  *PeakReply  `json:"peak,omitempty"`
	// Profile has the regions in the order in which they run.
	Profile []RegionTime `json:"profile,omitempty"`
	// Bandwidth is in bytes a second; 0 where the processor has no loop for it.
	Bandwidth float64 `json:"bandwidth,omitempty"`
}

// BenchReply is what a benchmark measured.
type BenchReply struct {
	Durations []time.Duration `json:"durations"` // of each run
	Wall      time.Duration   `json:"wall"`      // from the first run's start to the last one's end
	Mallocs   uint64          `json:"mallocs"`   // heap objects allocated meanwhile
}

// RegionTime is how long a region took.
type RegionTime struct {
	Name   string        `json:"name"`
	Min    time.Duration `json:"min"`
	Median time.Duration `json:"median"`
}

// PeakReply is the rate of multiply-adds. ISA is "" where the processor has no
// loop for it.
type PeakReply struct {
	ISA   string  `json:"isa"`
	FLOPS float64 `json:"flops"` // floating-point operations a second, over all threads
}

// Lengths that no frame exceeds: a longer one is no frame.
const (
	maxHeader = 64 << 20
	maxBody   = 16 << 30
)

// prefixLen is the length of what comes before a header: its length and the
// body's, as little-endian 64-bit numbers.
const prefixLen = 16

// Write writes a frame.
func Write(w io.Writer, header any, body []byte) error {
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	head := make([]byte, prefixLen, prefixLen+len(text))
	binary.LittleEndian.PutUint64(head, uint64(len(text)))
	binary.LittleEndian.PutUint64(head[8:], uint64(len(body)))
	if _, err := w.Write(append(head, text...)); err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// Read reads a frame into header, a pointer, and returns its body. The error
// is io.EOF where the stream ends before the frame's first byte.
func Read(r io.Reader, header any) ([]byte, error) {
	var prefix [prefixLen]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	h, b := binary.LittleEndian.Uint64(prefix[:]), binary.LittleEndian.Uint64(prefix[8:])
	if h > maxHeader || b > maxBody || b > math.MaxInt {
		return nil, fmt.Errorf("not a frame: a header of %d bytes, a body of %d", h, b)
	}
	text := make([]byte, h)
	body := make([]byte, b)
	for _, part := range [][]byte{text, body} {
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("a frame ends early: %w", noEOF(err))
		}
	}
	if err := json.Unmarshal(text, header); err != nil {
		return nil, fmt.Errorf("not a frame: %w", err)
	}
	return body, nil
}

// noEOF keeps a frame that is cut off from looking like the end of all.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendFloats appends values to a body.
func AppendFloats(body []byte, values []float32) []byte {
	for _, v := range values {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(v))
	}
	return body
}

// Floats returns the values in a body. Its length must be a multiple of four.
func Floats(body []byte) []float32 {
	values := make([]float32, len(body)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return values
}
