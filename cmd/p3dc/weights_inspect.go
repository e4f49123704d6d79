package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/internal/weights"
)

// inspectCmd is "p3dc weights inspect".
type inspectCmd struct {
	File string `arg:"" help:"Checkpoint: safetensors, PyTorch's .pth, .pt or .pth.tar, a .caffemodel, or NumPy's .npz. Or packed weights."`
	Net  string `placeholder:"NET" help:"Check that the checkpoint fits this network."`
	setArgs
}

// Help returns what the command's help says in detail.
func (*inspectCmd) Help() string {
	return `The format is recognised by content. Nothing in a checkpoint is executed. Of packed weights the header is shown, and their checksum verified. With --net the exit code is 1 where a tensor is missing, not expected, misshapen or holds a value that is not finite or a negative variance; the first 20 faults are named, the rest counted.

Examples:

    p3dc weights inspect p3d63.safetensors
    p3dc weights inspect p3d_rgb_199.checkpoint.pth.tar --net p3d199`
}

// Run lists the tensors and checks them.
func (c *inspectCmd) Run(ctx context.Context, s *streams) (err error) {
	if c.Net == "" && len(c.Set) > 0 {
		return usageError{errors.New("--set changes a network; name one with --net")}
	}
	if packed, err := weights.IsPacked(c.File); packed && err == nil {
		return c.packed(s.out)
	}
	f, err := weights.Open(c.File)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	listTensors(s.out, f)
	if c.Net == "" {
		return nil
	}
	n, err := loadNetwork(ctx, c.Net, c.Set)
	if err != nil {
		return err
	}
	if _, err := weights.Match(f, n.graph.Params); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nfits %s: %d parameters\n", n.source, len(n.graph.Params))
	return nil
}

// packed shows what packed weights are for.
func (c *inspectCmd) packed(w io.Writer) error {
	p, err := weights.ReadPacked(c.File)
	if err != nil {
		return err
	}
	if c.Net != "" {
		return fmt.Errorf("%s: packed weights, which the package that opens them checks; --net is for the checkpoint that they were packed from", c.File)
	}
	fmt.Fprintf(w, "%s: packed weights, %s values, %s, checksum right\n", c.File, units.Count(p.Values), units.Bytes(floatBytes*p.Values))
	fmt.Fprintf(w, "network: %s\nisa: %s\nfingerprint: %016x\n", printable(p.Network), printable(p.ISA), p.Fingerprint)
	return nil
}

func listTensors(w io.Writer, f *weights.File) {
	elements, bytes := 0, 0
	t := table{align: "lllr"}
	t.row("tensor", "type", "shape", "bytes")
	for _, x := range f.Tensors() {
		elements += x.Elements()
		bytes += x.Bytes()
		t.row(printable(x.Name), x.DType, dimsText(x.Shape), x.Bytes())
	}
	fmt.Fprintf(w, "%s: %s, %d tensors, %s values, %s\n", f.Path(), f.Format(), len(f.Tensors()), units.Count(elements), units.Bytes(bytes))
	meta := f.Metadata()
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		fmt.Fprintf(w, "%s: %s\n", printable(key), printable(meta[key]))
	}
	fmt.Fprintln(w)
	t.write(w, "")
}

// dimsText formats dimensions, outermost first.
func dimsText(dims []int) string {
	if len(dims) == 0 {
		return "scalar"
	}
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = fmt.Sprint(d)
	}
	return strings.Join(parts, "x")
}

// printable quotes a text of a file, where control characters in it could
// disturb a terminal.
func printable(s string) string {
	if q := fmt.Sprintf("%q", s); q[1:len(q)-1] != s {
		return q
	}
	return s
}
