package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// explainCmd is "p3dc explain".
type explainCmd struct {
	netArgs
	ISA  string `name:"isa" placeholder:"ISA" help:"Instruction set whose schedule to show: ${isas}. Default: avx512, or with --roofline the best that this processor has."`
	Plan bool   `xor:"form" help:"Print the whole plan: buffers, kernels, regions and steps."`
	JSON bool   `name:"json" xor:"form" help:"Print JSON; docs/cli.md names the fields."`
	pictureArgs
	rooflineArgs
}

// Help returns what the command's help says in detail.
func (*explainCmd) Help() string {
	return `A row is a layer as it runs, with batch norms, ReLUs and sums worked into the convolution before them. The schedule is that of a fixed machine model, not of this computer: the same network gives the same answer everywhere.

    MFLOP    twice the multiply-adds as if computed directly, taps on padding included;
             values that no later layer reads are neither computed nor counted
    weights  size of weights and bias in float32, as transformed for the layer's algorithm
    moved    weights, and activations read from and written to the session's memory;
             what stays in a fused region's scratch memory is not moved
    region   layers of one region run tile by tile, without waiting for each other
    schedule what the planner chose, and what it weighed

With --svg the network is drawn as it is described, a row a stage, and with --html a page tells all of it and of the plan: it needs nothing from the network and no script, and prints well.

With --roofline nothing is printed of the plan: the package is built in a temporary folder, which needs the go command, and measured as by "p3dc bench --layers". The drawing has a dot for each region, by how many operations it does for each byte that it has to move and how many a second, under the machine's ceilings, measured in the same run on as many threads: multiply-adds in registers, and reading from memory and from the second-level cache. Operations are those that the code does, as executed_flops in the JSON. Bytes are weights and maps, each once. What one region leaves in a cache for the next does not come from memory, so that dots may lie above its slope.

Examples:

    p3dc explain p3d63
    p3dc explain p3d63 --set mix=C --isa avx2
    p3dc explain p3d63 --plan
    p3dc explain p3d63 --svg p3d63.svg
    p3dc explain p3d63 --html p3d63.html
    p3dc explain p3d63 --roofline roofline.svg --threads 1
    p3dc explain p3d63 --json | jq '.layers[] | select(.flops > 1e9) | .name'`
}

// Run prints the plan in the form asked for, or draws what is measured.
func (c *explainCmd) Run(ctx context.Context, s *streams) error {
	if err := cmp.Or(c.rooflineArgs.check(), c.pictureArgs.check(c.ISA)); err != nil {
		return err
	}
	if c.ISA != "" {
		if err := knownISA(c.ISA); err != nil {
			return err
		}
	}
	read := []place{netFile("NET", c.Net), {"--tuning", c.tuningFile(c.Net)}}
	written := []place{{"--svg", c.SVG}, {"--html", c.HTML}, {"--roofline", c.Roofline}}
	if err := distinct(read, written); err != nil {
		return err
	}
	n, err := c.load(ctx)
	if err != nil {
		return err
	}
	switch {
	case c.Roofline != "":
		return c.draw(ctx, n, c.ISA, s)
	case c.SVG != "":
		return c.drawNetwork(ctx, n, s)
	}
	plans, err := n.plans()
	if err != nil {
		return err
	}
	var plan *ir.Plan
	for _, p := range plans {
		if p.Machine.Name == cmp.Or(c.ISA, isaNames()[0]) {
			plan = p
		}
	}
	switch {
	case c.HTML != "":
		err = c.writeCard(ctx, n, plan, s)
	case c.Plan:
		_, err = io.WriteString(s.out, plan.String())
	case c.JSON:
		err = writeJSON(s.out, explain(n, plan))
	default:
		explain(n, plan).write(s.out)
	}
	return err
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// write prints the explanation as a table.
func (x *explanation) write(w io.Writer) {
	fmt.Fprintf(w, "%s from %s for %s: %d layers in %d regions\n\n", x.Network, x.Source, x.ISA, len(x.Layers), len(x.Regions))
	t := table{align: "rlllrrrl"}
	t.row("region", "layer", "kind", "output CxTxHxW", "MFLOP", "weights KB", "moved KB", "schedule")
	last := -1
	for _, l := range x.Layers {
		why := ""
		if l.Region != last {
			why = x.Regions[l.Region].Why
		}
		last = l.Region
		t.row(l.Region, l.Name, l.Kind, l.Output, blankZero(l.FLOPs, 1e6),
			blankZero(l.WeightBytes, 1e3), blankZero(l.BytesMoved, 1e3), why)
	}
	t.row("", "total", "", "", blankZero(x.Totals.FLOPs, 1e6),
		blankZero(x.Totals.WeightBytes, 1e3), blankZero(x.Totals.BytesMoved, 1e3), "")
	t.write(w, "")
	fmt.Fprintf(w, "\nmemory: %s weights, %s a session, %s a thread\n",
		units.Bytes(x.Totals.PackedBytes), units.Bytes(x.Totals.ArenaBytes), units.Bytes(x.Totals.ScratchBytes))
}

// blankZero formats a count in a unit, with three digits behind the point
// where it is small, and zero as nothing.
func blankZero(n int64, unit float64) string {
	v := float64(n) / unit
	switch {
	case n == 0:
		return ""
	case v < 10:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
