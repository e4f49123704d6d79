package support

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// ErrClosed is returned by a session whose model has been closed.
var ErrClosed = errors.New("the model is closed")

// Model is a network with its weights, packed for this processor. It is safe
// for concurrent use; sessions share its weights.
type Model struct {
	net    *network
	plan   *plan
	packed atomic.Pointer[[]float32] // nil once closed
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
	var names []string
	for _, c := range candidates {
		if !c.available {
			continue
		}
		if forced == "" || forced == c.plan.isa {
			return c.plan, nil
		}
		names = append(names, c.plan.isa)
	}
	return nil, fmt.Errorf("%s=%s: this processor runs %s", isaVariable, forced, strings.Join(names, ", "))
}

// open maps a weights file, checks it against the network and packs it.
func open(net *network, candidates []candidate, path string) (*Model, error) {
	p, err := choose(candidates, os.Getenv(isaVariable))
	if err != nil {
		return nil, err
	}
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	packed, err := load(net, p, data)
	if err = errors.Join(err, unmap()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := &Model{net: net, plan: p}
	m.packed.Store(&packed)
	return m, nil
}

// load reads, folds and packs the weights in a file's bytes.
func load(net *network, p *plan, data []byte) ([]float32, error) {
	tensors, err := readSafetensors(data)
	if err != nil {
		return nil, err
	}
	raw, err := match(net, tensors)
	if err != nil {
		return nil, err
	}
	return packAll(net, p, raw)
}

// Close gives the weights back. Sessions of a closed model return ErrClosed;
// a run that is under way ends as usual. Closing twice is no error.
func (m *Model) Close() error {
	m.packed.Store(nil)
	return nil
}

// ISA returns the instruction set that the model runs on: avx512, avx2 or
// generic. The environment variable P3DC_ISA, read by Open, forces one.
func (m *Model) ISA() string { return m.plan.isa }

// output returns the plan's output of a name, or nil.
func (p *plan) output(name string) *output {
	i := slices.IndexFunc(p.outputs, func(o output) bool { return o.name == name })
	if i < 0 {
		return nil
	}
	return &p.outputs[i]
}
