package dsl

import (
	"testing"

	"github.com/p3dc/p3dc/ir"
)

func posOf(file string, line, col int) ir.Pos { return ir.Pos{File: file, Line: line, Col: col} }

// parse parses a text that must be good.
func parse(t testing.TB, src string) *Network {
	t.Helper()
	n, err := Parse("test.p3d", []byte(src))
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, src)
	}
	return n
}

// lower lowers a network that must be good.
func lower(t testing.TB, n *Network) *ir.Graph {
	t.Helper()
	g, err := Lower(n)
	if err != nil {
		t.Fatalf("Lower: %v\n%s", err, Format(n))
	}
	if err := g.Verify(); err != nil {
		t.Fatalf("Verify: %v\n%s", err, Format(n))
	}
	return g
}

// preset returns a preset with overrides, key and value by turns.
func preset(t testing.TB, name string, sets ...string) *Network {
	t.Helper()
	n, err := Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(sets); i += 2 {
		if err := Set(n, sets[i], sets[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return n
}
