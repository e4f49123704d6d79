package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// summary tells what a network is made of, a line a layer of its description,
// and what memory it takes.
func (n *network) summary(w io.Writer, plans []*ir.Plan) {
	in := n.graph.Input
	fmt.Fprintf(w, "%s from %s: %s parameters, %sFLOPs a clip of %d %v frames, %dx%d pixels\n\n",
		n.Name, n.source, units.Count(n.graph.NumParams()), units.Count(n.graph.TotalFLOPs()), in.Shape.T, in.Order, in.Shape.H, in.Shape.W)
	t := table{align: "lllrr"}
	t.row("layer", "blocks", "output CxTxHxW", "parameters", "FLOPs")
	t.row("input", "", units.Shape(in.Shape), "", "")
	for _, l := range n.layers() {
		t.row(l.name, l.blocks, units.Shape(l.out), countOrBlank(l.params), countOrBlank(l.flops))
	}
	t.write(w, "  ")
	fmt.Fprintln(w)
	memory(w, plans)
}

// layer is one layer of the description, such as a stage.
type layer struct {
	name   string
	blocks string // the kinds of a stage's blocks, first to last
	out    ir.Shape
	params int
	flops  int64
}

// layers returns the description's layers with what the graph says of each:
// every op carries the position of the statement it comes from.
func (n *network) layers() []layer {
	var layers []layer
	kinds := n.kinds()
	for _, stmt := range n.Body {
		l := layer{}
		var pos ir.Pos
		switch s := stmt.(type) {
		case *dsl.Conv:
			l.name, pos = named("conv", s.As), s.Pos
		case *dsl.Pool:
			l.name, pos = named(s.Kind.String()+" pool", s.As), s.Pos
		case *dsl.Stage:
			l.name, l.blocks, pos = s.Name, kinds[s], s.Pos
		case *dsl.Dropout:
			l.name, pos = "dropout", s.Pos
		case *dsl.Linear:
			l.name, pos = "linear", s.Pos
		case *dsl.Softmax:
			l.name, pos = "softmax", s.Pos
		default:
			continue
		}
		for i := range n.graph.Ops {
			if op := &n.graph.Ops[i]; op.Pos == pos {
				l.out = n.graph.Values[op.Out].Shape
				l.flops += n.graph.FLOPs(op)
				l.params += n.graph.OpParams(op)
			}
		}
		layers = append(layers, l)
	}
	return layers
}

// named returns the name that a layer was given, or else what it is.
func named(what, as string) string {
	if as != "" {
		return as
	}
	return what
}

// kinds returns the kinds of each stage's blocks, such as ABCA, or 2D for
// those of a flat stage.
func (n *network) kinds() map[*dsl.Stage]string {
	var blocks *dsl.Blocks
	mixed := 0
	kinds := make(map[*dsl.Stage]string)
	for _, stmt := range n.Body {
		switch s := stmt.(type) {
		case *dsl.Blocks:
			blocks = s
		case *dsl.Stage:
			if s.Flat {
				kinds[s] = fmt.Sprintf("%d of 2D", s.Blocks)
				continue
			}
			if blocks.WithinStage {
				mixed = 0
			}
			var b strings.Builder
			for range s.Blocks {
				b.WriteString(string(blocks.Mix[mixed%len(blocks.Mix)]))
				mixed++
			}
			kinds[s] = fmt.Sprintf("%d: %s", s.Blocks, b.String())
		}
	}
	return kinds
}

// memory tells what a program that runs the plans takes beside its code.
func memory(w io.Writer, plans []*ir.Plan) {
	t := table{align: "lrrrr"}
	t.row("memory", "weights", "a session", "a thread", "regions")
	for _, p := range plans {
		t.row(p.Machine.Name, units.Bytes(floatBytes*p.PackedLen), units.Bytes(floatBytes*p.ArenaLen),
			units.Bytes(floatBytes*p.ScratchLen), len(p.Regions))
	}
	t.write(w, "  ")
}

// writeFiles lists the files of a package.
func writeFiles(w io.Writer, dir string, files []codegen.File) {
	total := 0
	t := table{align: "lr"}
	for _, f := range files {
		total += len(f.Content)
		t.row(f.Name, units.Bytes(len(f.Content)))
	}
	fmt.Fprintf(w, "\nwrote %d files, %s, to %s\n", len(files), units.Bytes(total), dir+string(filepath.Separator))
	t.write(w, "  ")
}
