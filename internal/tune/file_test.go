package tune

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/ir"
)

// example is a file with all that one can have.
func example() *File {
	return &File{
		Network: "net", Clip: ir.Shape{T: 2, H: 12, W: 12, C: 16},
		Sections: []Section{
			{ISA: "avx512", Processor: "AMD EPYC 9R14", Regions: []Region{
				{ir.Choice{First: "s", Last: "s", Algorithm: "F(4,3)-squared", Tile: ir.Shape{T: 1, H: 3, W: 3, C: 16}, Line: 9}, 643.1, 512.5},
				{ir.Choice{First: "t.conv", Last: "e.conv", Algorithm: "F(4,3)-in-time+direct", Tile: ir.Shape{T: 2, H: 2, W: 12, C: 1}, Line: 10}, 12345.5, 0},
			}},
			{ISA: "generic", Processor: "a b", Regions: []Region{
				{ir.Choice{First: "s", Last: "s", Algorithm: "direct", Tile: ir.Shape{T: 1, H: 1, W: 144, C: 8}, Line: 13}, 1, 2},
			}},
		},
	}
}

const exampleText = `p3dc tuning 1
# How the layers of this network are computed fastest, as measured by
# "p3dc compile --tune". A line is a region: its layers, how it is computed,
# a task's frames x height x width x channels, microseconds measured, and
# microseconds predicted.
network net 2x12x12x16

isa avx512 on AMD EPYC 9R14
s               F(4,3)-squared         1x3x3x16    643.1    512.5
t.conv..e.conv  F(4,3)-in-time+direct  2x2x12x1  12345.5      0.0

isa generic on a b
s  direct  1x1x144x8      1.0      2.0
`

func TestFormat(t *testing.T) {
	if d := cmp.Diff(exampleText, string(example().Format())); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	f, err := Parse([]byte(exampleText))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(example(), f); d != "" {
		t.Errorf("read again (-want +got):\n%s", d)
	}
}

func TestParseFaults(t *testing.T) {
	const head = "p3dc tuning 1\nnetwork net 1x2x3x4\nisa avx2 on it\n"
	for _, tc := range []struct{ text, want string }{
		{"", "not a tuning file: it says of no network how it is computed"},
		{"p3dc tuning 1\n", "not a tuning file: it says of no network how it is computed"},
		{"# a comment\n\nnetwork p3d63 {\n", "line 3: not a tuning file: expected \"p3dc tuning 1\""},
		{"p3dc tuning 2\n", "line 1: version 2 of tuning files, expected 1; tune anew"},
		{"p3dc tuning 1\nisa avx2 on it\n", "line 2: expected the network: network NAME TxHxWxC"},
		{"p3dc tuning 1\nnetwork net 1x2x3\n", "line 2: found 1x2x3, expected frames x height x width x channels, such as 1x20x40x64"},
		{"p3dc tuning 1\nnetwork net 1x2x3x4\ns direct 1x1x1x1 1 1\n", "line 3: found s, expected the instruction set: isa NAME on PROCESSOR"},
		{"p3dc tuning 1\nnetwork net 1x2x3x4\nisa avx2\n", "line 3: expected the instruction set: isa NAME on PROCESSOR"},
		{head + "isa avx2 on it\n", "line 4: avx2 for the second time"},
		{head + "s direct 1x1x1x1 1\n", "line 4: 4 words, expected 5: layers, algorithm, task, microseconds measured and predicted"},
		{head + "s.. direct 1x1x1x1 1 1\n", "line 4: found s.., expected a layer, or the first and the last of several as in a..b"},
		{head + "s direct 1x0x1x1 1 1\n", "line 4: found 1x0x1x1, expected frames x height x width x channels, such as 1x20x40x64"},
		{head + "s direct 1x01x1x1 1 1\n", "line 4: found 1x01x1x1, expected frames x height x width x channels, such as 1x20x40x64"},
		{head + "s direct 1x1x1x1 fast 1\n", "line 4: found fast, expected microseconds"},
		{head + "s direct 1x1x1x1 1 -1\n", "line 4: found -1, expected microseconds"},
		{head + "s direct 1x1x1x1 1 NaN\n", "line 4: found NaN, expected microseconds"},
	} {
		_, err := Parse([]byte(tc.text))
		var fault *FileError
		if !errors.As(err, &fault) || err.Error() != tc.want {
			t.Errorf("%q: %v, want %s", tc.text, err, tc.want)
		}
	}
}

func TestFits(t *testing.T) {
	f := example()
	g := &ir.Graph{Name: "net", Input: ir.Input{Shape: f.Clip}}
	if err := f.Fits(g); err != nil {
		t.Error(err)
	}
	g.Input.Shape.H = 10
	want := "made for net with clips of 2x12x12x16 (frames x height x width x channels), found net with 2x10x12x16; tune anew, or name the file made for it"
	if err := f.Fits(g); err == nil || err.Error() != want {
		t.Errorf("another size: %v", err)
	}
	if err := f.Fits(&ir.Graph{Name: "other", Input: ir.Input{Shape: f.Clip}}); err == nil {
		t.Error("another network is accepted")
	}
}

func TestSet(t *testing.T) {
	f := example()
	f.Set(Section{ISA: "avx512", Processor: "new"})
	f.Set(Section{ISA: "avx2", Processor: "third"})
	var got []string
	for _, s := range f.Sections {
		got = append(got, s.ISA+" "+s.Processor)
	}
	if d := cmp.Diff([]string{"avx512 new", "generic a b", "avx2 third"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPrintable(t *testing.T) {
	if got := printable(" AMD  EPYC\t#1\x00 "); got != "AMD EPYC 1" {
		t.Errorf("got %q", got)
	}
	if p := Processor(); p == "" || strings.ContainsAny(p, "#\n") {
		t.Errorf("this processor is %q", p)
	}
}

// FuzzParse wants every text refused, or read as what its format says again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(exampleText))
	f.Add([]byte("p3dc tuning 1\nnetwork n 1x1x1x1 # end\nisa a on b c\nx....y direct 1x1x1x1 1e3 0x1p4\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := Parse(text)
		if err != nil {
			return
		}
		formatted := first.Format()
		again, err := Parse(formatted)
		if err != nil {
			t.Fatalf("%v in\n%s", err, formatted)
		}
		if d := cmp.Diff(string(formatted), string(again.Format())); d != "" {
			t.Fatalf("(-first +second):\n%s", d)
		}
		if d := cmp.Diff(choices(first), choices(again)); d != "" {
			t.Fatalf("(-first +second):\n%s", d)
		}
	})
}

// choices returns a file's tuning without lines.
func choices(f *File) ir.Tuning {
	t := f.Tuning()
	for isa := range t {
		for i := range t[isa] {
			t[isa][i].Line = 0
		}
	}
	return t
}
