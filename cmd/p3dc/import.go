package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/p3dc/p3dc/internal/describe"
	"github.com/p3dc/p3dc/internal/onnx"
	"github.com/p3dc/p3dc/internal/weights"
)

// importCmd groups the commands that read networks of other programs.
type importCmd struct {
	Onnx importOnnxCmd `cmd:"" help:"Make a description and a checkpoint from an ONNX file."`
}

// importOnnxCmd is "p3dc import onnx".
type importOnnxCmd struct {
	In         string `arg:"" name:"file" help:"ONNX model, with files beside it that its weights may lie in."`
	Out        string `short:"o" required:"" placeholder:"FILE" help:"The description to write."`
	WeightsOut string `required:"" placeholder:"FILE" help:"The safetensors file to write."`
	Preprocess string `placeholder:"NET" help:"Take from this network how frames become a clip. Default: as the model's metadata say, or else scaled to 0..1."`
}

// Help returns what the command's help says in detail.
func (*importOnnxCmd) Help() string {
	return `The model must be a network that the language can describe: stages of residual blocks, convolutions, pools and linear layers, as PyTorch exports them with batch norms or with these folded into biases. Clips have one size. What is not supported is an error that names the node. Parameters get the names that the description gives them; their values are those of the model.

Each file appears complete or not at all.

Examples:

    p3dc import onnx model.onnx -o mynet.p3d --weights-out mynet.safetensors
    p3dc import onnx p3d63.onnx -o p3d63.p3d --weights-out p3d63.safetensors --preprocess p3d63`
}

// Run writes the description and the weights.
func (c *importOnnxCmd) Run(ctx context.Context, s *streams) error {
	read := []place{{"FILE", c.In}, netFile("--preprocess", c.Preprocess)}
	written := []place{{"-o", c.Out}, {"--weights-out", c.WeightsOut}}
	if err := distinct(read, written); err != nil {
		return err
	}
	m, err := onnx.ReadFile(c.In)
	if err != nil {
		return err
	}
	for _, name := range m.ExternalFiles() {
		read = append(read, place{"the model's file of weights", filepath.Join(filepath.Dir(c.In), name)})
	}
	if err := distinct(read, written); err != nil {
		return err
	}
	g, values, err := onnx.Import(m)
	if err != nil {
		return fmt.Errorf("%s: %w", c.In, err)
	}
	if c.Preprocess != "" {
		n, err := loadNetwork(ctx, c.Preprocess, nil)
		if err != nil {
			return err
		}
		in := n.graph.Input
		if in.Shape.C != g.Input.Shape.C {
			return usageError{fmt.Errorf("--preprocess %s: its clips have %d channels, and those of %s %d", c.Preprocess, in.Shape.C, c.In, g.Input.Shape.C)}
		}
		in.Shape = g.Input.Shape
		g.Input = in
	}
	d, err := describe.Describe(g, strings.TrimSuffix(filepath.Base(c.Out), filepath.Ext(c.Out)))
	if err != nil {
		return fmt.Errorf("%s: %w", c.In, err)
	}
	named := map[string][]float32{}
	for id, p := range d.Graph.Params {
		named[p.Name] = values[g.Params[d.Params[id]].Name]
	}
	n := network{Network: d.Network, graph: d.Graph}
	origin := weights.Origin{Network: n.identity(), Source: filepath.Base(c.In), Version: version}
	if err := writeParams(ctx, c.WeightsOut, d.Graph.Params, named, origin); err != nil {
		return err
	}
	if err := writeContent(ctx, c.Out, d.Text); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "wrote %s, and %s with %d values\n", c.Out, c.WeightsOut, d.Graph.NumParams())
	if c.Preprocess == "" && !m.SaysInput() {
		fmt.Fprintf(s.out, "%s does not say how frames become a clip: check the input of %s\n", c.In, c.Out)
	}
	return nil
}
