package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// Program is a generated package built into an executable, in a temporary
// folder that Close removes. It is safe for concurrent use.
type Program struct {
	dir  string
	path string
}

// Generate returns the files of a lowered network's package: passes, schedule
// and backend, as the tool compiles it.
func Generate(g *ir.Graph, o ir.ScheduleOptions) ([]codegen.File, error) {
	plans, err := Plans(g, o)
	if err != nil {
		return nil, err
	}
	return Files(plans), nil
}

// Plans returns how a lowered network runs on each instruction set.
func Plans(g *ir.Graph, o ir.ScheduleOptions) ([]*ir.Plan, error) {
	g, err := ir.RunPasses(g, ir.Passes())
	if err != nil {
		return nil, err
	}
	return avx.Plans(g, o)
}

// Files returns the files of the package that runs the plans.
func Files(plans []*ir.Plan) []codegen.File {
	return avx.Generate(plans, codegen.Options{Package: "net", Source: plans[0].Graph.Name + ".p3d", Version: "(devel)"})
}

// Build compiles a generated package, whatever its name, with the go command,
// which must be in PATH; it needs no network where golang.org/x/sys is in the
// module cache. The error shows the compiler's messages. A context that is
// done stops the build.
func Build(ctx context.Context, files []codegen.File) (_ *Program, err error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("building the generated package needs the go command: %w; install Go %s or later from https://go.dev/dl", err, goVersion)
	}
	dir, err := os.MkdirTemp("", "p3dc-build-")
	if err != nil {
		return nil, err
	}
	p := &Program{dir: dir, path: filepath.Join(dir, "program"+exeSuffix())}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	module := filepath.Join(dir, "module")
	if err := writeModule(module, files); err != nil {
		return nil, err
	}
	tags := programTag
	if slices.ContainsFunc(files, func(f codegen.File) bool { return f.Name == cuda.TablesFile }) {
		tags += "," + cudaTag
	}
	cmd := exec.CommandContext(ctx, tool, "build", "-trimpath", "-buildvcs=false", "-tags="+tags, "-o", p.path, ".")
	cmd.Dir = module
	cmd.Env = append(buildEnv(os.Environ()), "GOTMPDIR="+dir) // a killed go command leaves folders behind
	cmd.WaitDelay = waitDelay
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("go build of the generated package: %w\n%s", err, firstLines(output.String()))
	}
	return p, nil
}

// Close removes the temporary folder. Processes must have been closed before.
func (p *Program) Close() error { return codegen.RemoveAll(p.dir) }

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// buildEnv returns the environment of the go command: the caller's without
// what would change where the module is looked for or what it is built for.
// An empty variable would mean the user's default, hence the explicit values.
func buildEnv(environ []string) []string {
	fixed := []string{
		"CGO_ENABLED=0", "GO111MODULE=on", "GOFLAGS=-mod=readonly", "GOWORK=off",
		"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH,
	}
	env := slices.DeleteFunc(slices.Clone(environ), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.ContainsFunc(fixed, func(f string) bool { return strings.HasPrefix(f, name+"=") }) || name == "PWD"
	})
	return append(env, fixed...)
}

// maxLines is how much of a program's complaint an error shows.
const maxLines = 20

// firstLines returns the beginning of a text, without space around it.
func firstLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if n := len(lines) - maxLines; n > 0 {
		lines = append(lines[:maxLines], fmt.Sprintf("(and %d lines more)", n))
	}
	return strings.Join(lines, "\n")
}
