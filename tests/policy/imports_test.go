package policy

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// ours are the packages of this module that the packages under a folder may
// import, themselves included. A package not listed may import anything.
//
// The compiler is four floors, and imports go down only: a pass cannot know
// the language, nor a backend. What is under internal serves the tool and is
// no part of the compiler.
var ours = map[string][]string{
	"ir":              {},
	"dsl":             {"ir"},
	"codegen":         {"ir"},
	"codegen/support": {},
	"backends":        {"codegen", "ir"},
	"generated":       {},
}

// owners are the packages that alone may import others.
var owners = map[string][]string{
	"github.com/dave/jennifer":    {"backends/avx"},
	"github.com/alecthomas/kong":  {"cmd/p3dc"},
	"golang.org/x/sys/cpu":        {"generated", "tests"},
	"github.com/nlpodyssey":       {"internal/weights"},
	"github.com/ebitengine":       {"codegen/support", "tests/cuda", "tests/peers/p3dcgpu"},
	"github.com/schollz":          {"cmd/p3dc"},
	"google.golang.org/protobuf":  {"internal"},
	module + "/cmd":               {"cmd"},
	module + "/tests":             {"tests"},
	module + "/generated":         {"generated", "examples", "tests"},
	module + "/codegen/support":   {"cmd/p3dc", "tests/cuda"},
	module + "/internal/video":    {"cmd", "internal", "examples"},
	module + "/backends/avx":      {"cmd", "internal", "tests"},
	module + "/backends/cuda":     {"cmd", "internal", "tests"},
	module + "/internal/harness/": {"internal", "cmd"},
}

// under reports whether a path is a folder or lies in it.
func under(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, strings.TrimSuffix(folder, "/")+"/")
}

func underAny(p string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return under(p, f) })
}

// TestFloors checks imports inside of the module. Tests may import more.
func TestFloors(t *testing.T) {
	for _, f := range sources(t) {
		if f.isTest() {
			continue
		}
		rule, allowed := "", []string(nil)
		for folder, list := range ours {
			if under(f.dir(), folder) && len(folder) > len(rule) {
				rule, allowed = folder, list
			}
		}
		if rule == "" {
			continue
		}
		for _, i := range f.imports() {
			own, ok := strings.CutPrefix(i, module+"/")
			if ok && !under(own, f.dir()) && !underAny(own, allowed) {
				t.Errorf("%s imports %s; packages under %s import of ours only %q", f.name, own, rule, allowed)
			}
		}
	}
}

// TestOwners checks imports that belong to some packages alone.
func TestOwners(t *testing.T) {
	for _, f := range sources(t) {
		for _, i := range f.imports() {
			for imported, who := range owners {
				if under(i, imported) && !f.isTest() && !underAny(f.dir(), who) {
					t.Errorf("%s imports %s; only %q do", f.name, i, who)
				}
			}
		}
	}
}

// TestGeneratedImports checks that generated packages need nothing but the
// standard library and x/sys/cpu, but for the code that opens a GPU's libraries.
// Their tests do not either.
func TestGeneratedImports(t *testing.T) {
	for _, f := range sources(t) {
		if f.top() != "generated" && f.dir() != "codegen/support" {
			continue
		}
		for _, i := range f.imports() {
			first, _, _ := strings.Cut(i, "/")
			gpu := strings.HasPrefix(path.Base(f.name), "cuda_") && (i == "github.com/ebitengine/purego" || i == "golang.org/x/sys/windows")
			if strings.Contains(first, ".") && i != "golang.org/x/sys/cpu" && !gpu && !f.isTest() || i == "C" {
				t.Errorf("%s imports %s", f.name, i)
			}
		}
	}
}

// TestBackendsApart checks that no backend imports another.
func TestBackendsApart(t *testing.T) {
	for _, f := range sources(t) {
		if f.top() != "backends" {
			continue
		}
		for _, i := range f.imports() {
			if other, ok := strings.CutPrefix(i, module+"/backends/"); ok && !under("backends/"+other, f.dir()) {
				t.Errorf("%s imports the backend %s", f.name, other)
			}
		}
	}
}
