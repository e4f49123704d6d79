package dsl

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/ir"
)

// meaning is everything that a graph says of its network.
func meaning(g *ir.Graph) string { return fmt.Sprint(g, g.Input, g.Params) }

// checkFormat holds a formatted network to the formatter's promises.
func checkFormat(t testing.TB, n *Network) []byte {
	t.Helper()
	once := Format(n)
	again, err := Parse("formatted.p3d", once)
	if err != nil {
		t.Fatalf("the formatted text does not parse: %v\n%s", err, once)
	}
	if twice := Format(again); !bytes.Equal(once, twice) {
		t.Fatalf("formatting is not idempotent: once\n%s\ntwice\n%s", once, twice)
	}
	before, err := Lower(n)
	after, err2 := Lower(again)
	if (err == nil) != (err2 == nil) {
		t.Fatalf("formatting changes whether the network is good: before %v, after %v\n%s", err, err2, once)
	}
	if err == nil && meaning(before) != meaning(after) {
		t.Fatalf("formatting changes the network: before\n%v\nafter\n%v", before, after)
	}
	return once
}

// comments lists the comments of a text in order.
func comments(src []byte) (all []string) {
	for _, t := range lex("", string(src)) {
		if t.kind == tokComment {
			all = append(all, t.text)
		}
	}
	return all
}

func TestFormat(t *testing.T) {
	files, err := filepath.Glob("testdata/format/*.p3d")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := checkFormat(t, parse(t, string(src)))
			if a, b := comments(src), comments(got); strings.Join(a, "\n") != strings.Join(b, "\n") {
				t.Errorf("comments %q became %q", a, b)
			}
			golden(t, strings.TrimSuffix(file, ".p3d")+".formatted", got)
			crlf := parse(t, strings.ReplaceAll(string(src), "\n", "\r\n"))
			if !bytes.Equal(Format(crlf), got) {
				t.Errorf("line ends of carriage return and newline are formatted otherwise")
			}
		})
	}
}

func TestFormatLine(t *testing.T) {
	tests := []struct{ in, want string }{
		{"block bottleneck mix A B C through network", "block bottleneck expansion 4 mix A B C"},
		{"block bottleneck mix C within stage expansion 2", "block bottleneck expansion 2 mix C within stage"},
		{"batchnorm epsilon 0.001", "batchnorm epsilon 0.001"},
		{"batchnorm epsilon 1E-05", "batchnorm epsilon 1e-5"},
		{"batchnorm epsilon 0.00000025", "batchnorm epsilon 2.5e-7"},
		{"pool max 2x1x1 floor as x", "pool max 2x1x1 as x"},
		{"pool max 2x1x1 ceil pad 0x0x0 stride 2x1x1", "pool max 2x1x1 stride 2x1x1 pad 0x0x0 ceil"},
		{"pool   average   as   x", "pool average as x"},
		{"conv 007 kernel 1x07x7", "conv 7 kernel 1x7x7"},
		{"conv 8 as c pad 0x1x1 stride 1x2x2 kernel 1x3x3", "conv 8 kernel 1x3x3 stride 1x2x2 pad 0x1x1 as c"},
		{"conv 8 as c bias kernel 7x7 pad 3x3 stride 2x2", "conv 8 kernel 7x7 stride 2x2 pad 3x3 bias as c"},
		{"pool max 3x3 pad 1x1 stride 2x2", "pool max 3x3 stride 2x2 pad 1x1"},
		{"block basic mid matched mix split", "block basic mix split mid matched"},
		{"block basic mid 12 mix full split within stage", "block basic mix full split mid 12 within stage"},
		{"block bottleneck stride middle", "block bottleneck expansion 4 stride middle"},
		{"block bottleneck stride first mix A", "block bottleneck expansion 4 mix A"},
		{"stage a mid 7 mix split width 1 stride 2x2x2 blocks 2", "stage a width 1 blocks 2 stride 2x2x2 mix split mid 7"},
		{"linear 8 as fc6 features relu", "linear 8 relu features as fc6"},
		{"flatten then linear 8", "flatten then linear 8"},
		{"input rgb 3x1x2x3 { }", "input rgb 3x1x2x3"},
		{"input rgb 3x1x2x3 { resize 256/160 }", "input rgb 3x1x2x3 {\n        resize 256/160\n    }"},
		{"names { }", "names port"},
		{"stage a width 1 blocks 2 flat stride 1x2x2", "stage a width 1 blocks 2 stride 1x2x2 flat"},
		{"pool average then linear 1 then softmax", "pool average then linear 1 then softmax"},
	}
	for _, tt := range tests {
		got := string(Format(parse(t, "network x { "+tt.in+" }")))
		if want := "network x {\n    " + tt.want + "\n}\n"; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.in, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.485: "0.485", 1e-5: "1e-5", 1e-10: "1e-10", 1e21: "1e21", 1e100: "1e100", 123456: "123456", 2.5e-7: "2.5e-7",
	} {
		if got := decimal(v); got != want {
			t.Errorf("decimal(%g) = %s, want %s", v, got, want)
		}
	}
}

// TestShippedFilesAreFormatted holds the embedded files to the canonical form.
func TestShippedFilesAreFormatted(t *testing.T) {
	for _, name := range Presets() {
		src, err := presetFiles.ReadFile("presets/" + name + ".p3d")
		if err != nil {
			t.Fatal(err)
		}
		if got := checkFormat(t, preset(t, name)); !bytes.Equal(got, src) {
			t.Errorf("preset %s is not formatted; expected\n%s", name, got)
		}
	}
	for _, name := range schemes() {
		src, err := nameFiles.ReadFile("names/" + name + ".p3d")
		if err != nil {
			t.Fatal(err)
		}
		_, clause, ok := strings.Cut(string(src), "\nnames ")
		if !ok {
			t.Fatalf("no names clause in scheme %s", name)
		}
		indented := "    names " + strings.ReplaceAll(strings.TrimSuffix(clause, "\n"), "\n", "\n    ") + "\n"
		indented = strings.ReplaceAll(indented, "\n    \n", "\n\n")
		text := "network x {\n" + indented + "}\n"
		if got := string(Format(parse(t, text))); got != text {
			t.Errorf("scheme %s is not formatted; expected\n%s", name, got)
		}
	}
}
