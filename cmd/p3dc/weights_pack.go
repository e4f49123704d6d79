package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/internal/weights"
)

// packCmd is "p3dc weights pack".
type packCmd struct {
	In  string `arg:"" name:"in" help:"Checkpoint: safetensors, PyTorch's .pth, .pt or .pth.tar, a .caffemodel, or NumPy's .npz. \"synthetic\" makes up reproducible values."`
	Out string `short:"o" required:"" placeholder:"FILE" help:"The file to write."`
	Net string `required:"" placeholder:"NET" help:"The network that the weights are for."`
	ISA string `name:"isa" placeholder:"ISA" help:"Instruction set to pack for, one of ${isas}, or cuda-bf16, cuda-fp16, cuda-tf32 or cuda-fp32 for GPUs. Default: the best that this processor has."`
	setArgs
	tuningArgs
}

// Help returns what the command's help says in detail.
func (*packCmd) Help() string {
	return `Batch norms are folded, and the weights laid out as the network's package reads them on one instruction set. The package's Open, and classify, then map the file and use it as it lies: a process starts in milliseconds, and processes share the memory. They check the file first, and refuse one that was packed for another network, or by another version of p3dc.

The package is built in a temporary folder, which needs the go command. It need not run here on the instruction set that is packed for. The file appears complete or not at all.

Examples:

    p3dc weights pack p3d63.safetensors -o p3d63.p3dw --net p3d63
    p3dc weights pack p3d63.safetensors -o p3d63-avx2.p3dw --net p3d63 --isa avx2
    p3dc weights pack p3d63.safetensors -o p3d63-gpu.p3dw --net p3d63 --isa cuda-bf16
    p3dc weights pack synthetic -o small.p3dw --net p3d63 --set classes=101`
}

// Run packs the weights.
func (c *packCmd) Run(ctx context.Context, s *streams) error {
	onGPU, err := c.precision()
	if err != nil {
		return err
	}
	read := []place{weightsFile("IN", c.In), netFile("--net", c.Net), {"--tuning", c.tuningFile(c.Net)}}
	if err := distinct(read, []place{{"-o", c.Out}}); err != nil {
		return err
	}
	n, err := loadNetwork(ctx, c.Net, c.Set)
	if err != nil {
		return err
	}
	if err := n.tune(ctx, c.tuningFile(c.Net)); err != nil {
		return err
	}
	bar := newProgress(s.err)
	defer bar.clear()
	bar.phase("building the network")
	if err := produce(ctx, c.Out, func(dir, file string) error { return c.pack(ctx, n, onGPU, dir, file) }); err != nil {
		return err
	}
	bar.clear()
	h, err := weights.ReadPacked(c.Out)
	if err != nil {
		return err
	}
	info, err := os.Stat(c.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "wrote %s for %s, %s\n", c.Out, h.ISA, units.Bytes(int(info.Size())))
	return nil
}

// precision returns that of a GPU's weights, or nil where they are for a CPU.
func (c *packCmd) precision() (*cuda.Precision, error) {
	name, gpu := strings.CutPrefix(c.ISA, "cuda-")
	if !gpu && c.ISA != "" {
		return nil, knownISA(c.ISA)
	} else if !gpu {
		return nil, nil
	}
	p, err := cuda.ParsePrecision(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("--isa %s: %w", c.ISA, err)}
	}
	return &p, nil
}

// pack builds the network's package, which writes the file. What else has to
// be written goes to dir.
func (c *packCmd) pack(ctx context.Context, n *network, onGPU *cuda.Precision, dir, file string) (err error) {
	in, err := usableWeights(c.In, n.graph.Params, dir)
	if err != nil {
		return err
	}
	plans, err := n.plans()
	if err != nil {
		return err
	}
	files := n.generate(plans, "net")
	if onGPU != nil {
		device, err := n.onGPU(*onGPU)
		if err != nil {
			return err
		}
		files = append(files, cuda.GeneratePack(device.plans, device.precision, codegen.Options{Package: "net", Source: n.source, Version: version})...)
	}
	p, err := harness.Build(ctx, files)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.Pack(ctx, in, file, c.ISA); err != nil && in != c.In {
		return fmt.Errorf("%s: %w", c.In, harness.Unnamed(err, in))
	} else if err != nil {
		return err
	}
	return nil
}
