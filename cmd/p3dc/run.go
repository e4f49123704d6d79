package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"unicode"

	"github.com/alecthomas/kong"

	"github.com/p3dc/p3dc/dsl"
)

// version stands in the header of every generated file. It is a constant, so
// that a file's bytes do not depend on how the tool was built.
const version = "0.1.0"

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the work could not be done, or a check did not pass
	exitUsage  = 2 // the command line makes no sense
)

// usageError is a fault of the command line itself.
type usageError struct{ error }

// errReported ends a command that has told of its failures already.
var errReported = errors.New("failed")

// streams are the standard streams of a run.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run does what the arguments, without the program's name, ask for and
// returns the exit code. Failures are told on stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &stickyWriter{w: stdout}
	code := dispatch(ctx, args, &streams{in: stdin, out: out, err: stderr})
	if out.err != nil {
		if !errors.Is(out.err, syscall.EPIPE) { // who reads has seen enough
			fmt.Fprintf(stderr, "p3dc: cannot write the output: %v\n", out.err)
		}
		return exitFailed
	}
	return code
}

func dispatch(ctx context.Context, args []string, s *streams) int {
	exited := false // by --help or --version
	parser, err := newParser(new(cli), s, func(int) { exited = true })
	if err != nil {
		panic(fmt.Sprintf("BUG: command line: %v", err))
	}
	if len(args) == 0 {
		parser.Stdout = s.err
		_, _ = parser.Parse([]string{"--help"})
		return exitUsage
	}
	c, err := parser.Parse(args)
	if exited {
		return exitOK
	}
	if err != nil {
		return reportUsage(s.err, err, commandOf(err))
	}
	c.BindTo(ctx, (*context.Context)(nil))
	c.Bind(s)
	return report(ctx, s.err, c.Run(), c.Selected().FullPath())
}

// newParser makes the parser that fills in a command line. exit is called instead of
// the process's end after --help and --version.
func newParser(c *cli, s *streams, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("p3dc"),
		kong.Description(description),
		kong.Vars{
			"version": "p3dc " + version,
			"presets": strings.Join(dsl.Presets(), ", "),
			"isas":    strings.Join(isaNames(), ","),
		},
		kong.Writers(s.out, s.err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
}

// commandOf returns the command that a parser's error came up in.
func commandOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return "p3dc"
}

// report tells of a command's error and returns the exit code.
func report(ctx context.Context, w io.Writer, err error, command string) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintln(w, "p3dc: interrupted")
	case errors.As(err, &usage):
		return reportUsage(w, err, command)
	case !errors.Is(err, errReported):
		reportError(w, err)
	}
	return exitFailed
}

// reportError tells of an error. Those of a description begin with
// file:line:column and stay as they are, for editors. Others may quote a file
// of somebody else's, whose control characters could disturb a terminal.
func reportError(w io.Writer, err error) {
	var faults dsl.ErrorList
	if errors.As(err, &faults) {
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintf(w, "p3dc: %s\n", strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, err.Error()))
}

// reportUsage tells what is wrong with the command line and where to look.
func reportUsage(w io.Writer, err error, command string) int {
	fmt.Fprintf(w, "p3dc: %v\nRun \"%s --help\" for help.\n", err, command)
	return exitUsage
}

// stickyWriter remembers the first error of the writer below it and writes
// nothing after that, so that callers need not look at every write.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(b []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
	return len(b), nil
}
