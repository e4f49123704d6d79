package support

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
)

// ErrClosed is returned by a session whose model has been closed.
var ErrClosed = errors.New("the model is closed")

// Model is a network with its weights, packed for this processor. It is safe
// for concurrent use; sessions share its weights.
type Model struct {
	net     *network
	plan    *plan
	packed  atomic.Pointer[packedWeights] // nil once closed
	cleanup runtime.Cleanup               // for a model that nobody closes
}

// candidate is an instruction set that the package has code for.
type candidate struct {
	plan      *plan
	available bool
}

// isaVariable is the environment variable that forces an instruction set.
const isaVariable = "P3DC_ISA"

// choose returns the first available plan, or the one that forced names.
func choose(candidates []candidate, forced string) (*plan, error) {
	for _, c := range candidates {
		if c.available && (forced == "" || forced == c.plan.isa) {
			return c.plan, nil
		}
	}
	return nil, fmt.Errorf("%s=%s: this processor runs %s", isaVariable, forced, availableISAs(candidates))
}

// availableISAs lists what this processor can run, for messages.
func availableISAs(candidates []candidate) string {
	var names []string
	for _, c := range candidates {
		if c.available {
			names = append(names, c.plan.isa)
		}
	}
	return strings.Join(names, ", ")
}

// open maps a weights file, checks it against the network and packs it, unless
// it is packed already.
func open(net *network, candidates []candidate, path string) (*Model, error) {
	forced := os.Getenv(isaVariable)
	p, err := choose(candidates, forced)
	if err != nil {
		return nil, err
	}
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	var w *packedWeights
	if !isPacked(data) {
		w, err = load(net, p, data)
		err = errors.Join(err, unmap())
	} else if p, err = checkPacked(net, candidates, forced, data); err != nil {
		err = errors.Join(err, unmap())
	} else {
		w = newPackedWeights(floats(data[headerLen:]), unmap)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return newModel(net, p, w), nil
}

func newModel(net *network, p *plan, w *packedWeights) *Model {
	m := &Model{net: net, plan: p}
	m.packed.Store(w)
	m.cleanup = runtime.AddCleanup(m, (*packedWeights).release, w)
	return m
}

// load reads, folds and packs the weights in a file's bytes.
func load(net *network, p *plan, data []byte) (*packedWeights, error) {
	raw, err := readParams(net, data)
	if err != nil {
		return nil, err
	}
	return packAll(net, p, raw)
}

// Close gives the weights back, and the file where they are mapped. Sessions of
// a closed model return ErrClosed; a run that is under way ends as usual, and
// the weights stay until then. Closing twice is no error.
func (m *Model) Close() error {
	if w := m.packed.Swap(nil); w != nil {
		m.cleanup.Stop()
		w.release()
		runtime.KeepAlive(m) // else the cleanup could be on its way already
	}
	return nil
}

// ISA returns the instruction set that the model runs on: avx512, avx2 or
// generic. Packed weights are for one; else Open takes the fastest, or the one
// that the environment variable P3DC_ISA names.
func (m *Model) ISA() string { return m.plan.isa }

// output returns the plan's output of a name, or nil.
func (p *plan) output(name string) *output {
	i := slices.IndexFunc(p.outputs, func(o output) bool { return o.name == name })
	if i < 0 {
		return nil
	}
	return &p.outputs[i]
}
