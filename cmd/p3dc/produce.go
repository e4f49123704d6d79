package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/p3dc/p3dc/codegen"
)

// produce lets write make a file in a temporary folder beside the place where it
// belongs, and moves it there when it is complete and the context is not done:
// a program that is killed leaves nothing behind. A file that is there keeps
// its permissions, and a link to one stays a link; one that leads nowhere is
// refused.
func produce(ctx context.Context, name string, write func(dir, file string) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if name, err = codegen.Resolve(name); err != nil {
		return err
	}
	info, missing := os.Stat(name)
	if missing == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: cannot be written: no regular file but %v", name, info.Mode())
	}
	dir, err := os.MkdirTemp(filepath.Dir(name), "."+filepath.Base(name)+"-")
	if err != nil {
		return fmt.Errorf("%s: cannot be written: %w", name, err)
	}
	defer func() { err = errors.Join(err, codegen.RemoveAll(dir)) }()
	file := filepath.Join(dir, filepath.Base(name))
	if err := write(dir, file); err != nil {
		return err
	}
	if missing == nil {
		if err := os.Chmod(file, info.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return os.Rename(file, name)
}

// writeFile is produce for a file that write writes to w. Once the context is
// done, writing to w is an error.
func writeFile(ctx context.Context, name string, write func(w io.Writer) error) error {
	const bufferSize = 1 << 20
	return produce(ctx, name, func(_, part string) (err error) {
		f, err := os.Create(part)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w := bufio.NewWriterSize(&interruptible{ctx, f}, bufferSize)
		if err := write(w); err != nil {
			return err
		}
		// The content has to be on the disk before the name is.
		return cmp.Or(w.Flush(), f.Sync())
	})
}

// writeContent gives a file new content, as produce does.
func writeContent(ctx context.Context, name string, content []byte) error {
	return writeFile(ctx, name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// interruptible is a writer until the context is done.
type interruptible struct {
	ctx context.Context
	w   io.Writer
}

func (i *interruptible) Write(b []byte) (int, error) {
	// A tensor may come as one slice of a hundred megabytes.
	const most = 1 << 22
	for n := 0; ; {
		if err := i.ctx.Err(); err != nil {
			return n, err
		}
		done, err := i.w.Write(b[n:min(n+most, len(b))])
		if n += done; err != nil || n == len(b) {
			return n, err
		}
	}
}

// await returns what read does, or else the context's error as soon as it is
// done. What blocks in a read, of a terminal or a pipe, is then left to the end
// of the process.
func await[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	c := make(chan result, 1)
	go func() {
		value, err := read()
		c <- result{value, err}
	}()
	select {
	case r := <-c:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// readFile reads a text of at most so many bytes from a file, which may be a pipe,
// and of a larger one only as much as shows that it is too large.
func readFile(ctx context.Context, name string, most int64) ([]byte, error) {
	return await(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readMost(f, most)
	})
}

// readMost is readFile for what is open.
func readMost(r io.Reader, most int64) ([]byte, error) { return io.ReadAll(io.LimitReader(r, most+1)) }
