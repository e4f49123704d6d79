package harness

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// TestBuildInForeignEnvironment builds without a network, with settings of the
// user's that are meant for other modules.
func TestBuildInForeignEnvironment(t *testing.T) {
	g := tiny(t)
	build(t, g) // brings what is missing into the module cache
	for _, s := range []string{"GOPROXY=off", "GOFLAGS=-mod=vendor -tags=no", "GOWORK=/none/go.work", "GOOS=plan9", "GOARCH=arm", "GO111MODULE=off", "CGO_ENABLED=1"} {
		name, value, _ := strings.Cut(s, "=")
		t.Setenv(name, value)
	}
	build(t, g).open(t, "generic")
}

// TestVet runs go vet over the module, which checks the assembly's frames and
// arguments and the main program.
func TestVet(t *testing.T) {
	files, err := Generate(tiny(t), ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeModule(dir, files); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-tags="+programTag, "./...")
	cmd.Dir, cmd.Env = dir, buildEnv(os.Environ())
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, text)
	}
	// A computer of another kind measures no peak.
	cmd = exec.CommandContext(t.Context(), "go", "build", "./peak")
	cmd.Dir, cmd.Env = dir, append(buildEnv(os.Environ()), "GOARCH=arm64")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go build for arm64: %v\n%s", err, text)
	}
}

func TestBuildFaults(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp) // on Windows
	broken := []codegen.File{{Name: "net.go", Content: []byte("package net\n\nvar x int = \"one\"\n")}}
	if _, err := Build(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "net.go:3:13: cannot use \"one\"") {
		t.Errorf("a package that does not compile: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Build(ctx, broken); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled build: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Build(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "needs the go command") {
		t.Errorf("no go command: %v", err)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func TestBuildEnv(t *testing.T) {
	got := buildEnv([]string{"GOFLAGS=-mod=vendor", "HOME=/home/x", "GOOS=plan9", "GOWORK=/w/go.work", "PWD=/x", "GOPROXY=off"})
	for _, s := range []string{"GOFLAGS=-mod=vendor", "GOOS=plan9", "GOWORK=/w/go.work", "PWD=/x"} {
		if slices.Contains(got, s) {
			t.Errorf("%s is still there", s)
		}
	}
	for _, s := range []string{"HOME=/home/x", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0"} {
		if !slices.Contains(got, s) {
			t.Errorf("%s is not there", s)
		}
	}
}

// TestPinnedModule compares the temporary module's requirement with ours.
func TestPinnedModule(t *testing.T) {
	for file, line := range map[string]string{
		"go.mod": sysModule + " " + sysVersion,
		"go.sum": sysModule + " " + sysVersion + " " + sysSum + "\n" + sysModule + " " + sysVersion + "/go.mod " + sysModSum + "\n",
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), line) {
			t.Errorf("%s does not say %q", file, line)
		}
	}
}
