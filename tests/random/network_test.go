package random

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/draw"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// network is a text, what was drawn beside it, and what it should compute.
type network struct {
	text string
	how
	net   *suite.Net
	want  map[string][]float64
	exact bool // no float32 operation of it rounds
	loose bool // a value was farther off than well-conditioned ones are: see judge
}

// how says how a network is compiled and on what data it runs. It comes from a
// seed alone, so that a smaller text of a network is treated alike.
type how struct {
	seed     uint64
	fusion   ir.Fusion
	winograd ir.Winograd
	tapped   bool // every value is read
	channels int  // of the input, in place of the text's; 0 leaves those
	integers bool // the data is of small integers, where sums of those are exact
}

// chosen draws the rest of a network of a seed.
func chosen(seed uint64, r *rand.Rand) how {
	h := how{
		seed:     seed,
		fusion:   []ir.Fusion{ir.FuseAuto, ir.FuseAuto, ir.FuseNever, ir.FuseAlways}[r.IntN(4)],
		winograd: []ir.Winograd{ir.WinogradAuto, ir.WinogradNever, ir.WinogradF2, ir.WinogradMixed, ir.WinogradF4, ir.WinogradLate}[r.IntN(6)],
		tapped:   r.IntN(3) == 0,
		integers: r.IntN(2) == 0,
	}
	if r.IntN(4) == 0 {
		h.channels = 1 + r.IntN(4)
	}
	if h.integers {
		h.winograd = ir.WinogradNever // whose matrices have fractions
	}
	return h
}

// String describes what was drawn beside the text.
func (h how) String() string {
	return fmt.Sprintf("seed %d: fusion %v, winograd %v, every value read: %t, input channels: %d, integers: %t",
		h.seed, h.fusion, h.winograd, h.tapped, h.channels, h.integers)
}

// drawn returns the network of a seed.
func drawn(seed uint64) (*network, error) {
	return prepare(draw.Text(rand.New(rand.NewPCG(seed, 1))), chosen(seed, rand.New(rand.NewPCG(seed, 2))))
}

// prepare computes what a network should, and compares the interpreters. A panic
// of the compiler is an error.
func prepare(text string, h how) (n *network, err error) {
	n = &network{text: text, how: h}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	description, err := dsl.Parse("net.p3d", []byte(text))
	if err != nil {
		return n, err
	}
	lowered, err := dsl.Lower(description)
	if err != nil {
		return n, err
	}
	if h.channels > 0 {
		inputChannels(lowered, h.channels)
	}
	if h.integers {
		suite.ExactNorms(lowered)
	}
	if !h.tapped && h.seed%2 == 0 {
		lowered.Taps = nil // so that all that can stays in scratch memory
	}
	fused, err := ir.RunPasses(lowered, ir.Passes())
	if err != nil {
		return n, err
	}
	if err := n.data(fused); err != nil {
		return n, err
	}
	return n, n.interpreters(lowered, fused)
}

// data chooses weights and a clip, and computes what is wanted of them.
func (n *network) data(fused *ir.Graph) (err error) {
	g := fused
	if n.tapped {
		g = suite.TapAll(g)
	}
	name, schedule := fmt.Sprintf("r%d", n.seed), ir.ScheduleOptions{Fusion: n.fusion, Winograd: n.winograd}
	if n.integers {
		n.net, n.want, err = suite.Exact(name, g, schedule, n.seed)
		n.exact = err == nil
	}
	if !n.exact {
		n.net = &suite.Net{
			Name: name, Graph: g, Schedule: schedule,
			Weights: weights.Synthetic(g.Params), Clip: weights.SyntheticClip(g.Input.Shape.Elems()),
		}
		n.want, err = ir.Interpret(g, n.net.Weights, n.net.Clip)
	}
	n.net.Threads = []int{1, 3}
	return err
}

// interpreters compares what the passes made with what the text says, and every
// machine's plan with it.
func (n *network) interpreters(lowered, fused *ir.Graph) error {
	before, err := ir.Interpret(lowered, n.net.Weights, n.net.Clip)
	if err != nil {
		return err
	}
	after := n.want
	if n.tapped {
		if after, err = ir.Interpret(fused, n.net.Weights, n.net.Clip); err != nil {
			return err
		}
	}
	if err := agree("the fused graph", after, before); err != nil {
		return err
	}
	plans, err := avx.Plans(n.net.Graph, n.net.Schedule)
	if err != nil {
		return err
	}
	for _, p := range plans {
		values, err := ir.InterpretPlan(p, n.net.Weights, n.net.Clip)
		if err != nil {
			return err
		}
		if err := agree("the plan for "+p.Machine.Name, values, n.want); err != nil {
			return err
		}
	}
	return nil
}

// inputChannels gives a graph that reads its input by convolutions alone, and adds
// it to nothing, another number of input channels.
func inputChannels(g *ir.Graph, c int) {
	for i := range g.Ops {
		if _, ok := g.Ops[i].Attr.(ir.Conv); !ok && slices.Contains(g.Ops[i].In, 0) {
			return
		}
	}
	for i := range g.Ops {
		if conv, ok := g.Ops[i].Attr.(ir.Conv); ok && g.Ops[i].In[0] == 0 {
			g.Params[conv.Weight].Shape[1] = c
		}
	}
	g.Input.Shape.C, g.Values[0].Shape.C = c, c
	g.Input.Mean, g.Input.Std = make([]float64, c), make([]float64, c)
	for i := range c {
		g.Input.Std[i] = 1
	}
}
