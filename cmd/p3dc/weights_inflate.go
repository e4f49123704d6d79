package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/internal/weights"
)

// inflateCmd is "p3dc weights inflate".
type inflateCmd struct {
	In       string `arg:"" name:"in" help:"Checkpoint of a ResNet for images, under torchvision's or timm's names, in any format that inspect reads."`
	Out      string `short:"o" required:"" placeholder:"FILE" help:"The safetensors file to write."`
	Net      string `required:"" placeholder:"NET" help:"The network that the weights are for."`
	Temporal string `default:"exact" enum:"exact,identity,zero" help:"With what the temporal convolutions begin: identity, zero, or exact, which is what leaves each block as it was for images."`
	setArgs
}

// Help returns what the command's help says in detail.
func (*inflateCmd) Help() string {
	return `The network then begins as the ResNet, run on each frame. Convolutions in space and 1x1x1, and batch norms, are copied; kernels of 3x3 become 1x3x3, the first one of 7x7 becomes 1x7x7, for optical flow with the mean of its colors in each channel. A classifier of another number of classes is made anew.

Temporal convolutions that begin as exact are the identity in block A and zero in blocks B and C. docs/cli.md says what each kind of block computes then, and which networks are served.

Examples:

    p3dc weights inflate resnet50.pth --net p3d63 -o p3d63.safetensors
    p3dc weights inflate resnet152.pth --net p3d199 --set input=2x16x160x160 -o flow.safetensors`
}

// temporalStarts are the values of --temporal.
var temporalStarts = map[string]weights.Temporal{
	"exact":    weights.TemporalExact,
	"identity": weights.TemporalIdentity,
	"zero":     weights.TemporalZero,
}

// Run inflates the checkpoint.
func (c *inflateCmd) Run(ctx context.Context, s *streams) (err error) {
	read := []place{{"IN", c.In}, netFile("--net", c.Net)}
	if err := distinct(read, []place{{"-o", c.Out}}); err != nil {
		return err
	}
	n, err := loadNetwork(ctx, c.Net, c.Set)
	if err != nil {
		return err
	}
	names, err := imageNames(n)
	if err != nil {
		return err
	}
	f, err := weights.Open(c.In)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	inflated, err := weights.Inflate(f, n.graph, names, temporalStarts[c.Temporal])
	if err != nil {
		return err
	}
	origin := weights.Origin{Network: n.identity(), Source: filepath.Base(c.In), Version: version}
	if err := writeParams(ctx, c.Out, n.graph.Params, inflated.Values, origin); err != nil {
		return err
	}
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	classifier := "classifier copied"
	if inflated.FreshClassifier {
		classifier = "classifier made anew"
	}
	fmt.Fprintf(s.out, "wrote %s, %s: %d parameters copied, %d of temporal convolutions, %s\n",
		c.Out, units.Bytes(int(info.Size())), inflated.Copied, inflated.Temporal, classifier)
	return nil
}

// inflatable says what inflate serves.
const inflatable = "inflate serves networks of one convolution, stages of residual blocks and at most one linear layer, such as p3d63"

// imageNames returns what torchvision calls a network's parameters, in their
// order. The error says that the network is no relative of a ResNet.
func imageNames(n *network) ([]string, error) {
	isStage := func(s dsl.Stmt) bool { _, ok := s.(*dsl.Stage); return ok }
	if !slices.ContainsFunc(n.Body, isStage) {
		return nil, fmt.Errorf("%s has no stages of residual blocks, so no ResNet can be inflated into it; %s", n.Name, inflatable)
	}
	g, err := dsl.Lower(dsl.Renamed(n.Network, "torchvision"))
	if err != nil { // names that collide, and which the user never wrote
		return nil, fmt.Errorf("%s has layers that no ResNet for images has, so none can be inflated into it; %s", n.Name, inflatable)
	}
	names := make([]string, len(g.Params))
	for i, p := range g.Params {
		names[i] = p.Name
	}
	return names, nil
}
