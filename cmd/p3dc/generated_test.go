package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
)

// TestGeneratedIsCurrent compares every package that generated/generate.go
// asks for with what the tool would write, and wants nothing else beside them.
func TestGeneratedIsCurrent(t *testing.T) {
	root := filepath.Join("..", "..", "generated")
	known := map[string]bool{"nets": true, "generate.go": true}
	lines := generateLines(t, filepath.Join(root, "generate.go"))
	if len(lines) < 11 {
		t.Fatalf("%d go:generate lines, want at least 11", len(lines))
	}
	for _, line := range lines {
		c := compileArgs(t, line)
		known[c.Output] = true
		t.Run(c.Output, func(t *testing.T) {
			if strings.Contains(c.Net, "/") {
				c.Net = filepath.Join(root, c.Net)
			}
			files := generateFor(t, c)
			diff, err := codegen.Diff(filepath.Join(root, c.Output), files)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range diff {
				t.Errorf("generated/%s: %s; run go generate ./...", c.Output, d)
			}
		})
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("generated/%s: no go:generate line writes it", e.Name())
		}
	}
}

// generateLines returns the arguments of the tool in a file's go:generate
// lines.
func generateLines(t *testing.T, name string) (lines [][]string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if args, ok := strings.CutPrefix(s.Text(), "//go:generate go run ../cmd/p3dc "); ok {
			lines = append(lines, strings.Fields(args))
		}
	}
	return lines
}

// compileArgs parses the arguments of a compile command.
func compileArgs(t *testing.T, args []string) *compileCmd {
	t.Helper()
	var c cli
	parser, err := newParser(&c, &streams{}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &c.Compile
}

// generateFor returns the files of a compile command.
func generateFor(t *testing.T, c *compileCmd) []codegen.File {
	t.Helper()
	n, err := c.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := n.packageName(c.Package)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := n.plans()
	if err != nil {
		t.Fatal(err)
	}
	return n.generate(plans, pkg)
}
