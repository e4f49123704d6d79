// Package card writes model cards: a page of HTML that tells all of a network
// and of how it runs, without anything from elsewhere.
package card

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/p3dc/p3dc/internal/figure"
	"github.com/p3dc/p3dc/ir"
)

// Card is what there is to tell.
type Card struct {
	Source string    // the description and what was changed in it
	Tool   string    // the tool's name and version
	Graph  *ir.Graph // as lowered
	Plan   *ir.Plan  // for one instruction set
	Layers []Layer   // in the order of the plan's steps
}

// Layer is a layer as it runs. Shapes are channels x frames x height x width.
type Layer struct {
	Name, Kind, Output string
	Epilogue           string // what is done before a value is stored
	Region             int
	// FLOPs are twice the multiply-adds as if computed directly, ExecutedFLOPs
	// those that are done; weights and what is moved are in bytes.
	FLOPs, ExecutedFLOPs, WeightBytes, BytesMoved int64
}

//go:embed page.html
var page string

// Write writes the page. The same card gives the same bytes.
func (c *Card) Write(w io.Writer) error {
	t, err := template.New("page").Funcs(functions()).Parse(page)
	if err != nil {
		panic("BUG: the page's template: " + err.Error())
	}
	return t.Execute(w, c)
}

// Picture is the drawing of the network.
func (c *Card) Picture() template.HTML {
	return template.HTML(figure.Network(c.Graph)) // escapes its texts itself
}

// Memory is the drawing of the plan's memory.
func (c *Card) Memory() template.HTML {
	return template.HTML(figure.Memory(c.Plan))
}

// Total is the sum of all layers.
func (c *Card) Total() Layer {
	var sum Layer
	for _, l := range c.Layers {
		sum.FLOPs += l.FLOPs
		sum.ExecutedFLOPs += l.ExecutedFLOPs
		sum.WeightBytes += l.WeightBytes
		sum.BytesMoved += l.BytesMoved
	}
	return sum
}
