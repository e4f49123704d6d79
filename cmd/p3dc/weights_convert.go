package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// convertCmd is "p3dc weights convert".
type convertCmd struct {
	In  string `arg:"" name:"in" help:"Checkpoint: safetensors, PyTorch's .pth, .pt or .pth.tar, a .caffemodel, or NumPy's .npz. \"synthetic\" makes up reproducible values; it needs --net."`
	Out string `arg:"" optional:"" name:"out" help:"The safetensors file to write. Default: IN's name with the extension .safetensors."`
	Net string `placeholder:"NET" help:"Check first that the checkpoint fits this network."`
	setArgs
}

// Help returns what the command's help says in detail.
func (*convertCmd) Help() string {
	return `Floating-point values become float32, tensors of integers stay as they are, and names lose the "module." that torch.nn.DataParallel puts before them: the form that generated packages open. The file's metadata say where the values come from: the source, the version of the tool and, with --net, the network. The file appears complete or not at all. Nothing in a checkpoint is executed.

With --net a caffemodel's tensors, which Caffe wrote with more dimensions of 1 or fewer, get the shapes that the network expects.

Made-up values are a function of the parameters' names and shapes: enough to run a network's package before it is trained.

Examples:

    p3dc weights convert p3d_rgb_199.checkpoint.pth.tar p3d199.safetensors
    p3dc weights convert model.pt p3d63.safetensors --net p3d63 --set classes=101
    p3dc weights convert deploy.caffemodel --net p3d199-caffe
    p3dc weights convert synthetic p3d63.safetensors --net p3d63`
}

// Run converts the checkpoint.
func (c *convertCmd) Run(ctx context.Context, s *streams) error {
	if c.Net == "" && len(c.Set) > 0 {
		return usageError{errors.New("--set changes a network; name one with --net")}
	}
	if c.Net == "" && c.In == syntheticWeights {
		return usageError{errors.New("synthetic: made-up weights are those of a network; name one with --net (a file of that name is ./synthetic)")}
	}
	if c.Out == "" {
		var err error
		if c.Out, err = convertedName(c.In); err != nil {
			return usageError{err}
		}
	}
	read := []place{weightsFile("IN", c.In), netFile("--net", c.Net)}
	if err := distinct(read, []place{{"OUT", c.Out}}); err != nil {
		return err
	}
	var n *network
	if c.Net != "" {
		var err error
		if n, err = loadNetwork(ctx, c.Net, c.Set); err != nil {
			return err
		}
	}
	if err := c.write(ctx, n); err != nil {
		return err
	}
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "wrote %s, %s\n", c.Out, units.Bytes(int(info.Size())))
	return nil
}

// convertedName returns where the conversion of a checkpoint goes that is told
// no place: beside it, as NAME.safetensors.
func convertedName(in string) (string, error) {
	if in == syntheticWeights {
		return "", errors.New("synthetic: name the file to write")
	}
	base := strings.TrimSuffix(in, ".tar")
	out := strings.TrimSuffix(base, filepath.Ext(base)) + ".safetensors"
	if out == in {
		return "", fmt.Errorf("%s: it would be converted in place; name the file to write", in)
	}
	return out, nil
}

// write writes the output. The network is nil where none is named.
func (c *convertCmd) write(ctx context.Context, n *network) error {
	origin := weights.Origin{Source: filepath.Base(c.In), Version: version}
	if n == nil {
		return c.convert(ctx, nil, origin)
	}
	origin.Network = n.identity()
	if c.In == syntheticWeights {
		return writeParams(ctx, c.Out, n.graph.Params, weights.Synthetic(n.graph.Params), origin)
	}
	return c.convert(ctx, n.graph.Params, origin)
}

// convert writes what is in the checkpoint, which has to fit the parameters
// where they are not nil.
func (c *convertCmd) convert(ctx context.Context, params []ir.Param, origin weights.Origin) error {
	return writeFile(ctx, c.Out, func(w io.Writer) error { return weights.Convert(w, c.In, params, origin) })
}

// writeParams writes the values of a network's parameters.
func writeParams(ctx context.Context, file string, params []ir.Param, values map[string][]float32, origin weights.Origin) error {
	tensors := make([]weights.Tensor, len(params))
	for i, p := range params {
		var err error
		if tensors[i], err = weights.NewFloat32(p.Name, p.Shape, values[p.Name]); err != nil {
			return err
		}
	}
	return writeFile(ctx, file, func(w io.Writer) error { return weights.WriteSafetensors(w, tensors, origin.Metadata(nil)) })
}
