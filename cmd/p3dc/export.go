package main

import (
	"context"
	"fmt"
	"os"

	"github.com/p3dc/p3dc/internal/onnx"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/internal/weights"
)

// exportCmd groups the commands that write networks for other programs.
type exportCmd struct {
	Onnx exportOnnxCmd `cmd:"" help:"Write a network and its weights as an ONNX file."`
}

// exportOnnxCmd is "p3dc export onnx".
type exportOnnxCmd struct {
	Net     string `arg:"" help:"Name of a network (${presets}) or file of a description."`
	Weights string `required:"" placeholder:"FILE" help:"Checkpoint: safetensors, PyTorch's .pth, .pt or .pth.tar, a .caffemodel, or NumPy's .npz. \"synthetic\" makes up reproducible values."`
	Out     string `short:"o" required:"" placeholder:"FILE" help:"The file to write."`
	Batch   int    `default:"1" help:"Clips at a time; 0 leaves their number to who runs the model."`
	setArgs
}

// Help returns what the command's help says in detail.
func (*exportOnnxCmd) Help() string {
	return `The model has the network's layers as PyTorch would run them, batch norms not folded, in operators of opset 17, and the weights inside, which may take 2 GiB. Its input is a clip, N x channels x frames x height x width in float32, preprocessed; the model's metadata say how. Its outputs are the network's, scores first. The file appears complete or not at all.

Examples:

    p3dc export onnx p3d63 --weights p3d63.safetensors -o p3d63.onnx
    p3dc export onnx mynet.p3d --weights synthetic -o mynet.onnx --batch 0`
}

// Run writes the model.
func (c *exportOnnxCmd) Run(ctx context.Context, s *streams) error {
	if c.Batch < 0 {
		return usageError{fmt.Errorf("--batch %d: expected 1 or more clips, or 0 for any number", c.Batch)}
	}
	read := []place{netFile("NET", c.Net), weightsFile("--weights", c.Weights)}
	if err := distinct(read, []place{{"-o", c.Out}}); err != nil {
		return err
	}
	n, err := loadNetwork(ctx, c.Net, c.Set)
	if err != nil {
		return err
	}
	if err := onnx.CheckSize(n.graph); err != nil {
		return fmt.Errorf("%s: %w", c.Net, err)
	}
	values, err := readWeights(c.Weights, n.graph.Params)
	if err != nil {
		return err
	}
	if values == nil {
		values = weights.Synthetic(n.graph.Params)
	}
	m, err := onnx.Export(n.graph, values, onnx.ExportOptions{Batch: c.Batch, Version: version})
	if err != nil {
		return err
	}
	if err := writeFile(ctx, c.Out, m.Encode); err != nil {
		return err
	}
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "wrote %s, %d nodes, %s\n", c.Out, len(m.Graph.Nodes), units.Bytes(int(info.Size())))
	return nil
}
