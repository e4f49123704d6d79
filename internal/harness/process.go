package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/internal/harness/wire"
)

// waitDelay is how long a killed process may keep its pipes open.
const waitDelay = 5 * time.Second

// isaVariable forces the instruction set that a generated package opens with.
const isaVariable = "P3DC_ISA"

// Process is a running program. It serves one call at a time and is not safe
// for concurrent use. The context that it was started with, when done, kills
// it; a call under way then returns the context's error.
type Process struct {
	ctx    context.Context
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr complaint
	isa    string
	ended  bool
	err    error // why it ended
}

// Start starts the program on an instruction set (avx512, avx2 or generic; ""
// for what the environment or the package itself chooses) and opens a
// safetensors file, or packed weights, which choose the instruction set where
// nothing else does. An instruction set that this processor or the package does
// not have is an error. The caller must Close the process.
func (p *Program) Start(ctx context.Context, isa, weights string) (*Process, error) {
	c, err := p.start(ctx, isa)
	if err != nil {
		return nil, err
	}
	r, _, err := c.call(&wire.Request{Open: &wire.Open{Weights: weights}}, nil)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.isa = r.ISA
	return c, nil
}

// Unnamed returns an error of Start or Pack about a weights file without the
// file's path: for files that the user has not named.
func Unnamed(err error, weights string) error {
	if text, ok := strings.CutPrefix(err.Error(), weights+": "); ok {
		return errors.New(text)
	}
	return err
}

func (p *Program) start(ctx context.Context, isa string) (*Process, error) {
	c := &Process{ctx: ctx, cmd: exec.CommandContext(ctx, p.path)}
	c.cmd.Env = os.Environ()
	if isa != "" {
		c.cmd.Env = append(c.cmd.Env, isaVariable+"="+isa)
	}
	c.cmd.Stderr = &c.stderr
	c.cmd.WaitDelay = waitDelay
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReaderSize(out, 1<<20)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the generated program: %w", err)
	}
	return c, nil
}

// ISAs returns the instruction sets on which the package runs here, the
// preferred first.
func (p *Program) ISAs(ctx context.Context) (_ []string, err error) {
	c, err := p.start(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var all []string
	for _, m := range avx.Machines() {
		all = append(all, m.Name)
	}
	r, _, err := c.call(&wire.Request{Probe: &wire.Probe{ISAs: all}}, nil)
	return r.ISAs, err
}

// Pack packs the weights in a safetensors file for an instruction set ("" for
// the one that Start would choose) and writes them to the file packed, which
// appears complete or not at all. This processor need not have the instruction
// set, but the package must have code for it on this architecture.
func (p *Program) Pack(ctx context.Context, weights, packed, isa string) (err error) {
	c, err := p.start(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	_, _, err = c.call(&wire.Request{Pack: &wire.Pack{Weights: weights, Packed: packed, ISA: isa}}, nil)
	return err
}

// ISA returns the instruction set that the model runs on.
func (c *Process) ISA() string { return c.isa }

// Close ends the process and waits for it. It returns an error if the process
// ends badly and no call has said so before. Closing twice is no error.
func (c *Process) Close() error {
	if c.ended {
		return nil
	}
	return c.end(nil)
}

// call sends a request and waits for its reply.
func (c *Process) call(q *wire.Request, body []byte) (wire.Reply, []byte, error) {
	var r wire.Reply
	if c.ended {
		return r, nil, errors.Join(errors.New("the generated program has ended"), c.err)
	}
	if err := wire.Write(c.in, q, body); err != nil {
		return r, nil, c.end(err)
	}
	body, err := wire.Read(c.out, &r)
	if err != nil {
		return r, nil, c.end(err)
	}
	if r.Error != "" {
		return wire.Reply{}, nil, errors.New(r.Error)
	}
	return r, body, nil
}

// end closes the pipe, waits, and returns why the process ended: cause is the
// pipe's error that showed it, or nil where an end was asked for.
func (c *Process) end(cause error) error {
	c.ended = true
	_ = c.in.Close() // an error shows in what follows
	if cause != nil && !errors.Is(cause, io.EOF) && !errors.Is(cause, io.ErrUnexpectedEOF) {
		_ = c.cmd.Process.Kill() // what it says cannot be trusted any more
	}
	err := c.cmd.Wait()
	text := firstLines(c.stderr.String())
	switch {
	case c.ctx.Err() != nil:
		c.err = c.ctx.Err()
	case err != nil && text != "":
		c.err = fmt.Errorf("the generated program failed: %w\n%s", err, text)
	case err != nil:
		c.err = fmt.Errorf("the generated program failed: %w", err)
	case cause != nil:
		c.err = fmt.Errorf("the generated program broke off: %w", cause)
	}
	return c.err
}

// maxStderr is how much of a process's standard error is kept.
const maxStderr = 64 << 10

// complaint keeps the beginning of what is written to it: a Go program says first
// why it ends, and then where.
type complaint struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write never fails.
func (t *complaint) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(b[:min(len(b), max(0, maxStderr-t.text.Len()))])
	return len(b), nil
}

func (t *complaint) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
