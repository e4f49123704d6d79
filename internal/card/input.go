package card

import (
	"fmt"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// Fact is a line of the page's introduction.
type Fact struct{ Name, Value, About string }

// Facts are the figures that are asked for first.
func (c *Card) Facts() []Fact {
	g, p, total := c.Graph, c.Plan, c.Total()
	return []Fact{
		{"Parameters", units.Count(g.NumParams()), fmt.Sprintf("%.1f MB of float32", floatBytes*float64(g.NumParams())/1e6)},
		{"FLOPs a clip", units.Count(g.TotalFLOPs()), "as described, every convolution computed directly and whole"},
		{"FLOPs that are done", units.Count(total.ExecutedFLOPs), "by the layers as they run"},
		{"Weights in memory", units.Bytes(floatBytes * p.PackedLen), "packed for " + p.Machine.Name},
		{"A session", units.Bytes(floatBytes * p.ArenaLen), "its arena: the maps of one clip"},
		{"A thread", units.Bytes(floatBytes * p.ScratchLen), "its scratch memory"},
		{"Code", units.Plural(len(p.Kernels), "kernel"), fmt.Sprintf("run by %s in %s", units.Plural(len(c.Layers), "layer"), units.Plural(len(p.Regions), "region"))},
	}
}

// Input says how frames become a clip.
func (c *Card) Input() []Fact {
	in := c.Graph.Input
	facts := []Fact{
		{"Clip", units.Shape(in.Shape), "channels x frames x height x width"},
		{"Channels", in.Order.String(), channels(in.Order)},
	}
	crop := fmt.Sprintf("the centre of %dx%d is cropped", in.Shape.H, in.Shape.W)
	if in.ResizeShort > 0 {
		facts = append(facts, Fact{"Resize", fmt.Sprintf("%d pixels", in.ResizeShort), "the short side; then " + crop})
	} else {
		facts = append(facts, Fact{"Resize", "none", crop})
	}
	return append(facts,
		Fact{"Range", fmt.Sprintf("0 to %.6g", 255*in.Scale), "of a pixel’s 0 to 255"},
		Fact{"Mean", units.Numbers(in.Mean...), "subtracted, by channel"},
		Fact{"Standard deviation", units.Numbers(in.Std...), "divided by, by channel"},
	)
}

// channels says what the channels of a frame are.
func channels(o ir.ChannelOrder) string {
	switch o {
	case ir.RGB:
		return "red, green, blue"
	case ir.BGR:
		return "blue, green, red"
	case ir.Flow:
		return "optical flow: displacement in x, in y"
	}
	panic(fmt.Sprintf("BUG: channel order %d", int(o)))
}

// Outputs lists what a run returns.
func (c *Card) Outputs() []Fact {
	var facts []Fact
	for _, o := range c.Graph.Outputs {
		facts = append(facts, Fact{Name: o.Name, Value: fmt.Sprint(c.Graph.Values[o.Value].Shape.C), About: "values"})
	}
	return facts
}
