package harness

import (
	"fmt"
	"slices"
	"time"

	"github.com/p3dc/p3dc/internal/harness/wire"
	"github.com/p3dc/p3dc/ir"
)

// Value is a result of a run: logits, features, probabilities or, with Tap, a
// tap of a package that was generated with taps. Len is in float32 values.
type Value = wire.Value

// Values lists the outputs and the taps of a graph, outputs first.
func Values(g *ir.Graph) []Value {
	var values []Value
	for _, o := range g.Outputs {
		values = append(values, Value{Name: o.Name, Len: g.Values[o.Value].Shape.Elems()})
	}
	for _, o := range g.Taps {
		values = append(values, Value{Name: o.Name, Len: g.Values[o.Value].Shape.Elems(), Tap: true})
	}
	return values
}

// RunFloat32 runs a clip of normalised values, C x T x H x W, on a session of
// so many threads (0 for all cores), and returns the wanted values by name,
// each C x T x H x W.
func (c *Process) RunFloat32(clip []float32, threads int, want []Value) (map[string][]float32, error) {
	results, err := c.RunBatch([][]float32{clip}, threads, want)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// RunBatch is RunFloat32 for several clips at once.
func (c *Process) RunBatch(clips [][]float32, threads int, want []Value) ([]map[string][]float32, error) {
	var body []byte
	for _, clip := range clips {
		body = wire.AppendFloats(slices.Grow(body, 4*len(clip)), clip)
	}
	return c.run(&wire.Run{Threads: threads, Clips: len(clips), Want: want}, body)
}

// RunUint8 is RunFloat32 for raw frames, T x H x W x C, which the network
// normalises.
func (c *Process) RunUint8(frames []uint8, threads int, want []Value) (map[string][]float32, error) {
	results, err := c.run(&wire.Run{Threads: threads, Clips: 1, Frames: true, Want: want}, frames)
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

func (c *Process) run(q *wire.Run, body []byte) ([]map[string][]float32, error) {
	_, body, err := c.call(&wire.Request{Run: q}, body)
	if err != nil {
		return nil, err
	}
	values := wire.Floats(body)
	results := make([]map[string][]float32, q.Clips)
	for i := range results {
		results[i] = make(map[string][]float32, len(q.Want))
		for _, v := range q.Want {
			if len(values) < v.Len {
				return nil, fmt.Errorf("the generated program returned too few values for %s", v.Name)
			}
			results[i][v.Name], values = values[:v.Len:v.Len], values[v.Len:]
		}
	}
	return results, nil
}

// BenchOptions say what Bench is to run. Zero threads are all cores.
type BenchOptions = wire.Bench

// BenchResult is what Bench measured.
type BenchResult = wire.BenchReply

// Bench runs a clip of normalised values, C x T x H x W, on several sessions
// at once, and returns how long each run took.
func (c *Process) Bench(clip []float32, o BenchOptions) (*BenchResult, error) {
	if o.Sessions < 1 || o.Batch < 1 || o.Runs < 1 {
		panic(fmt.Sprintf("BUG: a benchmark of %d sessions, batches of %d, %d runs", o.Sessions, o.Batch, o.Runs))
	}
	body := wire.AppendFloats(make([]byte, 0, 4*len(clip)), clip)
	r, _, err := c.call(&wire.Request{Bench: &o}, body)
	return r.Bench, err
}

// RegionTime is how long a region of the plan took: the least time and the
// median of some runs.
type RegionTime = wire.RegionTime

// Profile runs a clip of normalised values, C x T x H x W, on a session of so
// many threads (0 for all cores), first some times to warm up, and returns how
// long each region of the plan took, in their order.
func (c *Process) Profile(clip []float32, threads, warmups, runs int) ([]RegionTime, error) {
	body := wire.AppendFloats(make([]byte, 0, 4*len(clip)), clip)
	r, _, err := c.call(&wire.Request{Profile: &wire.Profile{Threads: threads, Warmups: warmups, Runs: runs}}, body)
	return r.Profile, err
}

// Peak is the best rate of multiply-adds that was measured.
type Peak = wire.PeakReply

// How Peak measures: short rounds, of which the best is the one that the
// machine's other work disturbed least.
const (
	peakRounds = 50
	peakRound  = 4 * time.Millisecond
)

// Peak measures the multiply-adds a second of an instruction set's vectors
// ("" for the widest that the processor has) on so many threads at once. The
// result's ISA is "" where there is no loop to measure with.
func (c *Process) Peak(isa string, threads int) (*Peak, error) {
	r, _, err := c.call(&wire.Request{Peak: &wire.Peak{ISA: isa, Threads: threads, Rounds: peakRounds, Round: peakRound}}, nil)
	return r.Peak, err
}

// What Bandwidth reads. The memory's buffers are together several times what a
// third-level cache holds; one of the second-level cache's is several times a
// first-level cache, and small enough for that of any processor with AVX2.
const (
	memoryBytes  = 256 << 20
	memoryRounds = 40
	l2Bytes      = 192 << 10
	l2Passes     = 500
	l2Rounds     = 200
)

// Bandwidth is how many bytes a second so many threads read together.
type Bandwidth struct {
	Memory float64
	L2     float64 // from the second-level caches, each thread from its core's
}

// Bandwidth measures what loads of an instruction set's vectors ("" for the
// widest that the processor has) bring in, on so many threads at once. It is zero
// where there is no loop to measure with.
func (c *Process) Bandwidth(isa string, threads int) (Bandwidth, error) {
	memory := wire.Bandwidth{ISA: isa, Threads: threads, Bytes: memoryBytes / threads, Passes: 1, Rounds: memoryRounds}
	l2 := wire.Bandwidth{ISA: isa, Threads: threads, Bytes: l2Bytes, Passes: l2Passes, Rounds: l2Rounds}
	m, _, err := c.call(&wire.Request{Bandwidth: &memory}, nil)
	if err != nil {
		return Bandwidth{}, err
	}
	l, _, err := c.call(&wire.Request{Bandwidth: &l2}, nil)
	return Bandwidth{Memory: m.Bandwidth, L2: l.Bandwidth}, err
}
