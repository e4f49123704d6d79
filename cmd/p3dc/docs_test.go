package main

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/internal/bench"
	"github.com/p3dc/p3dc/internal/verify"
)

// TestDocsNameEverything wants every command and every field of the JSON
// outputs in the page on the command line.
func TestDocsNameEverything(t *testing.T) {
	page, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]string)
	for s := range strings.SplitSeq(string(page), "\n## ") {
		title, body, _ := strings.Cut(s, "\n")
		sections[title] = body
	}
	for _, command := range commands {
		if groups[command] {
			continue
		}
		if !strings.Contains(sections[command], "$ p3dc "+command+" ") {
			t.Errorf("docs/cli.md has no example of %s", command)
		}
	}
	for _, tt := range []struct {
		command string
		prints  any
	}{
		{"explain", explanation{}},
		{"verify", verify.Report{}},
		{"bench", bench.Result{}},
		{"bench", bench.LayersResult{}},
		{"classify", videoResult{}},
	} {
		for _, name := range jsonNames(reflect.TypeOf(tt.prints)) {
			if s := sections[tt.command]; !strings.Contains(s, "`"+name+"`") && !strings.Contains(s, "."+name+"`") {
				t.Errorf("docs/cli.md does not name the field %s of %s --json", name, tt.command)
			}
		}
	}
}

// jsonNames returns the names of a type's fields that hold no further ones.
func jsonNames(t reflect.Type) (names []string) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		inner := f.Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			names = append(names, jsonNames(inner)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
