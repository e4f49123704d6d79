package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the path of this module.
const module = "github.com/p3dc/p3dc"

// root is the repository's top folder, from where tests run.
const root = "../.."

// folders are the top-level folders with Go files.
var folders = []string{"backends", "cmd", "codegen", "dsl", "examples", "generated", "internal", "ir", "tests"}

// file is a Go file of the repository.
type file struct {
	name string // from the top folder, with slashes
	ast  *ast.File
	fset *token.FileSet
}

// dir is the package's folder.
func (f *file) dir() string { return path.Dir(f.name) }

// top is the first element of the name.
func (f *file) top() string { first, _, _ := strings.Cut(f.name, "/"); return first }

func (f *file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

// generated reports whether a tool wrote the file.
func (f *file) generated() bool { return ast.IsGenerated(f.ast) }

// at is where a node stands, for messages.
func (f *file) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

func (f *file) imports() []string {
	var list []string
	for _, i := range f.ast.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			list = append(list, p)
		}
	}
	return list
}

var (
	parseOnce sync.Once
	parsed    []*file
	parseErr  error
)

// sources returns all Go files, those under testdata left out.
func sources(t *testing.T) []*file {
	t.Helper()
	parseOnce.Do(func() {
		fset := token.NewFileSet() // the type checker wants one for all
		for _, folder := range folders {
			if parseErr == nil {
				parseErr = parseFolder(fset, folder)
			}
		}
	})
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	if len(parsed) < 50 {
		t.Fatalf("only %d files", len(parsed))
	}
	return parsed
}

func parseFolder(fset *token.FileSet, folder string) error {
	top := filepath.Join(root, folder)
	if _, err := os.Stat(top); os.IsNotExist(err) {
		return nil
	}
	return filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(d.Name(), ".go") {
			return nil
		}
		name, err := filepath.Rel(root, at)
		if err != nil {
			return err
		}
		f := &file{name: filepath.ToSlash(name), fset: fset}
		f.ast, err = parser.ParseFile(f.fset, at, nil, parser.ParseComments|parser.SkipObjectResolution)
		parsed = append(parsed, f)
		return err
	})
}

// packages groups files by folder, tests left out.
func packages(files []*file) map[string][]*file {
	m := map[string][]*file{}
	for _, f := range files {
		if !f.isTest() {
			m[f.dir()] = append(m[f.dir()], f)
		}
	}
	return m
}

// parseText is a file that is given as text.
func parseText(t *testing.T, text string) *file {
	t.Helper()
	f := &file{name: "p/p.go", fset: token.NewFileSet()}
	var err error
	if f.ast, err = parser.ParseFile(f.fset, f.name, text, parser.SkipObjectResolution); err != nil {
		t.Fatal(err)
	}
	return f
}
