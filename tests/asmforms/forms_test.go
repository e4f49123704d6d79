package asmforms

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/tests/internal/suite"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// forms returns the forms that the functions of an instruction set have,
// sorted.
func forms(t *testing.T, isa string) []form {
	t.Helper()
	all, err := emitted()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[form]bool{}
	for _, f := range all {
		if f.isa != isa {
			continue
		}
		for _, line := range f.lines {
			if !strings.HasPrefix(line, "\t") {
				continue // a label
			}
			fm, err := formOf(line)
			if err != nil {
				t.Fatalf("%s: %s_%s: %v", f.net, f.name, f.isa, err)
			}
			seen[fm] = true
		}
	}
	var list []form
	for f := range seen {
		list = append(list, f)
	}
	slices.Sort(list)
	return list
}

// TestForms compares the forms that are emitted with a golden list: one that
// is new is a reason to look at its encoding, and at which processors have it.
func TestForms(t *testing.T) {
	for _, isa := range []string{"avx512", "avx2"} {
		text := ""
		for _, f := range forms(t, isa) {
			text += string(f) + "\n"
		}
		path := filepath.Join("testdata", isa+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v; run the test with -update to write it", err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s differs; run the test with -update if that is meant (-want +got):\n%s", path, diff)
		}
	}
}

// golden returns the forms of an instruction set's golden list.
func golden(t *testing.T, isa string) []form {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", isa+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var list []form
	for _, line := range strings.Fields(strings.ReplaceAll(string(text), " ", "~")) {
		list = append(list, form(strings.ReplaceAll(line, "~", " ")))
	}
	return list
}

// allForms writes a function that holds every form of the golden list, with
// the first and with the last registers.
func allForms(t *testing.T, isa string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("#include \"textflag.h\"\n\n")
	fmt.Fprintf(&b, "// func forms_%[1]s(argument [48]byte)\nTEXT ·forms_%[1]s(SB), NOSPLIT, $0-64\nlabel:\n", isa)
	for _, f := range golden(t, isa) {
		if f == "RET" {
			continue // last
		}
		low, high := f.example(false, limits[isa].count), f.example(true, limits[isa].count)
		fmt.Fprintf(&b, "\t%s\n", low)
		if high != low {
			fmt.Fprintf(&b, "\t%s\n", high)
		}
	}
	b.WriteString("\tRET\n")
	return b.String()
}

// TestAssemble checks that the assembler takes every form, with all registers.
func TestAssemble(t *testing.T) {
	buildForms(t)
}

// buildForms builds a program that links the functions of allForms, and
// returns its path. It is for Linux, whatever the tests run on: what reads it
// knows that format.
func buildForms(t *testing.T) string {
	t.Helper()
	m := suite.NewModule(t)
	main := "package main\n\n"
	for isa := range limits {
		m.Write(t, "forms_"+isa+"_amd64.s", []byte(allForms(t, isa)))
	}
	main += "func forms_avx512(argument [64]byte)\nfunc forms_avx2(argument [64]byte)\n\n"
	main += "func main() {\n\tforms_avx512([64]byte{})\n\tforms_avx2([64]byte{})\n}\n"
	m.Write(t, "main_amd64.go", []byte(main))
	out := filepath.Join(m.Dir, "forms.exe")
	m.Go(t, []string{"GOOS=linux", "GOARCH=amd64"}, "build", "-trimpath", "-o", out, ".")
	return out
}
