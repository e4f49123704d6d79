package dsl

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a result with a file, or with -update writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if d := diff.Diff(file, want, "got", got); d != nil {
		t.Errorf("differs from the golden file:\n%s", d)
	}
}

// TestErrors compares what Parse and Check say of each faulty file.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.p3d")
	if err != nil || len(files) == 0 {
		t.Fatalf("no faulty files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".p3d")
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n, err := Parse(filepath.Base(file), src)
			if err == nil {
				err = Check(n)
			}
			var list ErrorList
			if !errors.As(err, &list) {
				t.Fatalf("error is a %T, not an ErrorList: %v", err, err)
			}
			for i, e := range list {
				if e.Pos.Line < 1 || e.Pos.Col < 1 || e.Msg == "" {
					t.Errorf("error %d has no position or message: %+v", i, e)
				}
				if i > 0 && e.Pos.Line < list[i-1].Pos.Line {
					t.Errorf("error %d is out of order", i)
				}
			}
			golden(t, strings.TrimSuffix(file, ".p3d")+".txt", []byte(err.Error()+"\n"))
		})
	}
}

func TestErrorText(t *testing.T) {
	long := strings.Repeat("x", 500)
	tests := []struct {
		name string
		err  Error
		want string
	}{
		{"plain", Error{Msg: "m"}, ": m"},
		{"override", *(*source)(nil).error(posOf("--set a=b", 0, 0), "m %d", 1), "--set a=b: m 1"},
		{"tabs", Error{Pos: posOf("f", 2, 3), Msg: "m", Line: "\t\tword"}, "f:2:3: m\n\t\t\tword\n\t\t\t^"},
		{"wide", Error{Pos: posOf("f", 1, 3), Msg: "m", Line: "éé!"}, "f:1:3: m\n\téé!\n\t  ^"},
		{"past the end", Error{Pos: posOf("f", 1, 9), Msg: "m", Line: "ab"}, "f:1:9: m\n\tab\n\t  ^"},
		{"long", Error{Pos: posOf("f", 1, 300), Msg: "m", Line: long},
			"f:1:300: m\n\t" + long[:120] + "\n\t" + strings.Repeat(" ", 80) + "^"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, got, tt.want)
		}
	}
}

func TestErrorListUnwraps(t *testing.T) {
	_, err := Parse("x.p3d", []byte("nonsense"))
	var one *Error
	if !errors.As(err, &one) || one.Pos.File != "x.p3d" {
		t.Errorf("no *Error in %v", err)
	}
}

func TestNearest(t *testing.T) {
	tests := []struct{ word, want string }{
		{"stge", "stage"}, {"STAGE", "stage"}, {"satge", "stage"}, {"stages", "stage"},
		{"pol", "pool"}, {"cov", "conv"}, {"x", ""}, {"", ""}, {"banana", ""},
		{"dropuot", "dropout"}, {"batch", "batchnorm"}, {"ba", ""}, {strings.Repeat("stage", 1000), ""},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, statementWords()); got != tt.want {
			t.Errorf("nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestTooLargeSource(t *testing.T) {
	src := []byte(strings.Repeat("#", MaxSource+1))
	if _, err := Parse("big", src); err == nil || !strings.Contains(err.Error(), "has more than 262144 bytes") {
		t.Errorf("Parse of %d bytes: %v", len(src), err)
	}
}
