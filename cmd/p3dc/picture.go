package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/p3dc/p3dc/internal/card"
	"github.com/p3dc/p3dc/internal/figure"
	"github.com/p3dc/p3dc/ir"
)

// pictureArgs are the flags of "p3dc explain" that write what is to be looked
// at.
type pictureArgs struct {
	SVG  string `name:"svg" xor:"form" placeholder:"FILE.svg" help:"Draw the network: blocks by kind, stages, and the sizes of maps."`
	HTML string `name:"html" xor:"form" placeholder:"FILE.html" help:"Write a page with the drawing, operators, layers, memory, schedule and kernels."`
}

// check returns what makes no sense.
func (a *pictureArgs) check(isa string) error {
	if a.SVG != "" && isa != "" {
		return usageError{fmt.Errorf("--isa %s: --svg draws the network as it is described, whatever runs it", isa)}
	}
	return nil
}

// drawNetwork writes the drawing of a network.
func (a *pictureArgs) drawNetwork(ctx context.Context, n *network, s *streams) error {
	return s.write(ctx, a.SVG, figure.Network(n.graph))
}

// writeCard writes the page on a network and its plan.
func (a *pictureArgs) writeCard(ctx context.Context, n *network, p *ir.Plan, s *streams) error {
	var b bytes.Buffer
	if err := modelCard(n, p).Write(&b); err != nil {
		return err
	}
	return s.write(ctx, a.HTML, b.Bytes())
}

// modelCard puts together what the page tells.
func modelCard(n *network, p *ir.Plan) *card.Card {
	c := &card.Card{Source: n.source, Tool: "p3dc " + version, Graph: n.graph, Plan: p}
	for _, l := range explain(n, p).Layers {
		c.Layers = append(c.Layers, card.Layer{
			Name: l.Name, Kind: l.Kind, Output: l.Output, Epilogue: l.Epilogue, Region: l.Region,
			FLOPs: l.FLOPs, ExecutedFLOPs: l.ExecutedFLOPs, WeightBytes: l.WeightBytes, BytesMoved: l.BytesMoved,
		})
	}
	return c
}

// write writes a file, whole or not at all, and says so.
func (s *streams) write(ctx context.Context, name string, content []byte) error {
	if err := writeContent(ctx, name, content); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "wrote %s\n", name)
	return err
}
