package suite

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
)

// Root returns the repository's top folder.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's folder")
		}
	}
}

// sysModule is the one module that generated packages import for the CPU.
const sysModule = "golang.org/x/sys"

// Module is a temporary module that requires golang.org/x/sys and what else a
// test asks for, in the versions of this module.
type Module struct{ Dir string }

// ModulePath is the path of every temporary module. It never changes, so that
// packages that did not change come from the build cache.
const ModulePath = "suite"

// NewModule makes an empty module in a folder that the test removes. It may
// require more modules than golang.org/x/sys.
func NewModule(t testing.TB, more ...string) *Module {
	t.Helper()
	m := &Module{Dir: t.TempDir()}
	mod, sums := fmt.Sprintf("module %s\n\ngo 1.26.0\n", ModulePath), ""
	for _, name := range append([]string{sysModule}, more...) {
		version, sum := required(t, name)
		mod += fmt.Sprintf("\nrequire %s %s\n", name, version)
		sums += sum
	}
	m.Write(t, "go.mod", []byte(mod))
	m.Write(t, "go.sum", []byte(sums))
	return m
}

// required returns the version of a module that this one requires, and its
// lines of go.sum.
func required(t testing.TB, name string) (version, sums string) {
	t.Helper()
	root := Root(t)
	for _, line := range lines(t, filepath.Join(root, "go.mod")) {
		if f := strings.Fields(strings.TrimPrefix(line, "require ")); len(f) > 1 && f[0] == name {
			version = f[1]
		}
	}
	for _, line := range lines(t, filepath.Join(root, "go.sum")) {
		if strings.HasPrefix(line, name+" "+version) {
			sums += line + "\n"
		}
	}
	if version == "" || sums == "" {
		t.Fatalf("go.mod and go.sum do not name %s", name)
	}
	return version, sums
}

func lines(t testing.TB, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// Write writes one file; name is a slash-separated path in the module.
func (m *Module) Write(t testing.TB, name string, content []byte) {
	t.Helper()
	to := filepath.Join(m.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Package writes a generated package into the folder of its name.
func (m *Module) Package(t testing.TB, name string, files []codegen.File) {
	t.Helper()
	for _, f := range files {
		m.Write(t, name+"/"+f.Name, f.Content)
	}
}

// Go runs the go command in the module, without cgo, and returns what it
// prints. Further environment variables are given as name=value. Paths are trimmed:
// they would be the temporary folder's, and nothing would come from the build cache.
func (m *Module) Go(t testing.TB, env []string, args ...string) string {
	t.Helper()
	out, err := m.TryGo(env, args...)
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TryGo is Go that returns the command's failure.
func (m *Module) TryGo(env []string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = m.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly -trimpath", "GOWORK=off", "GO111MODULE=on", "PWD="+m.Dir)
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
