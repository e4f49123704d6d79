package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/p3dc/p3dc/internal/weights"
)

// convertCmd is "p3dc weights convert".
type convertCmd struct {
	In  string `arg:"" name:"in" help:"Checkpoint: safetensors, or PyTorch's .pth, .pt or .pth.tar."`
	Out string `arg:"" name:"out" help:"The safetensors file to write."`
	Net string `placeholder:"NET" help:"Check first that the checkpoint fits this network."`
	setArgs
}

// Help returns what the command's help says in detail.
func (*convertCmd) Help() string {
	return `Values become float32, and names lose the "module." that torch.nn.DataParallel puts before them: the form that generated packages open. The file appears complete or not at all. Nothing in a checkpoint is executed.

Examples:

    p3dc weights convert p3d_rgb_199.checkpoint.pth.tar p3d199.safetensors
    p3dc weights convert model.pt p3d63.safetensors --net p3d63 --set classes=101`
}

// Run converts the checkpoint.
func (c *convertCmd) Run(s *streams) error {
	if c.Net == "" && len(c.Set) > 0 {
		return usageError{errors.New("--set changes a network; name one with --net")}
	}
	if c.Net != "" {
		n, err := loadNetwork(c.Net, c.Set)
		if err != nil {
			return err
		}
		if err := fits(c.In, n); err != nil {
			return err
		}
	}
	if err := weights.Convert(c.In, c.Out); err != nil {
		return err
	}
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "wrote %s, %s\n", c.Out, bytesText(int(info.Size())))
	return nil
}

// fits checks a checkpoint against a network.
func fits(file string, n *network) (err error) {
	f, err := weights.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = weights.Match(f, n.graph.Params)
	return err
}
