package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/p3dc/p3dc/dsl"
)

// fmtCmd is "p3dc fmt".
type fmtCmd struct {
	Files []string `arg:"" optional:"" name:"file" help:"Files of descriptions; none or - is standard input."`
	Diff  bool     `short:"d" xor:"mode" help:"Print what would change as a diff, and change nothing."`
	List  bool     `short:"l" xor:"mode" help:"List the files that would change, and change nothing."`
}

// Help returns what the command's help says in detail.
func (*fmtCmd) Help() string {
	return `Files are rewritten in canonical form, comments kept; standard input is written to standard output. Formatting twice changes nothing. A file with a fault of form, or that would become longer than a description may be, is reported and left as it is.

Examples:

    p3dc fmt mynet.p3d
    p3dc fmt -d nets/*.p3d
    test -z "$(p3dc fmt -l nets/*.p3d)"
    p3dc fmt < mynet.p3d`
}

// stdinName is how messages call standard input.
const stdinName = "<standard input>"

// Run formats the files, reporting each that cannot be.
func (c *fmtCmd) Run(ctx context.Context, s *streams) error {
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	failed := false
	for _, name := range files {
		err := c.file(ctx, s, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = true
			reportError(s.err, err)
		}
	}
	if failed {
		return errReported
	}
	return nil
}

func (c *fmtCmd) file(ctx context.Context, s *streams, name string) error {
	isStdin := name == "-"
	var src []byte
	var err error
	if isStdin {
		name = stdinName
		src, err = await(ctx, func() ([]byte, error) { return readMost(s.in, dsl.MaxSource) })
	} else {
		src, err = readFile(ctx, name, dsl.MaxSource)
	}
	if err != nil {
		return fmt.Errorf("cannot read the description: %w", err)
	}
	n, err := dsl.Parse(name, src)
	if err != nil {
		return err
	}
	res := dsl.Format(n)
	if len(res) > dsl.MaxSource {
		return fmt.Errorf("%s: formatted it would have %d bytes, but a description has at most %d; left as it is: shorten it first", name, len(res), dsl.MaxSource)
	}
	changed := !bytes.Equal(src, res)
	switch {
	case c.List:
		if changed {
			fmt.Fprintln(s.out, name)
		}
	case c.Diff:
		_, err = s.out.Write(diff.Diff(name+".orig", src, name, res))
	case isStdin:
		_, err = s.out.Write(res)
	case changed:
		err = writeContent(ctx, name, res)
	}
	return err
}
