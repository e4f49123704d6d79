package dsl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkText holds the front end to its promises on any text: it ends, it does
// not panic, faults have positions inside the text, and what parses can be
// formatted.
func checkText(t testing.TB, src []byte) {
	n, err := Parse("fuzz.p3d", src)
	if err == nil {
		checkFormat(t, n)
		err = Check(n)
	}
	if err == nil {
		return
	}
	var list ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		t.Fatalf("error is a %T without faults: %v", err, err)
	}
	lines := strings.Split(string(src), "\n")
	for _, e := range list {
		if e.Pos.Line < 1 || e.Pos.Line > len(lines) || e.Pos.Col < 1 || e.Pos.Col > len(lines[e.Pos.Line-1])+1 {
			t.Fatalf("the fault %q stands outside of the text, at %v", e.Msg, e.Pos)
		}
		if e.Error() == "" {
			t.Fatalf("a fault without a message")
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/errors/*.p3d", "testdata/format/*.p3d", "presets/*.p3d", "names/*.p3d"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte("\ufeffnetwork x {}"))
	f.Add([]byte("network x{input rgb 3x1x1x1\npool max then pool max as \"\xff\""))
	f.Fuzz(func(t *testing.T, src []byte) { checkText(t, src) })
}

// TestTokenSoup feeds words of the language in random order.
func TestTokenSoup(t *testing.T) {
	words := append(statementWords(), "network", "{", "}", "{", "}", "\n", "\n", "\n", "then", "/", "..", "#c\n", "\"t\"", "x",
		"rgb", "flow", "3x4x8x8", "2x2x2", "1x1x1", "3", "0", "0.5", "max", "average", "kernel", "stride", "pad", "ceil", "as",
		"width", "blocks", "flat", "mix", "A", "B", "C", "bottleneck", "expansion", "within", "resize", "range", "mean", "std",
		"weight", "block", "port", "basic", "full", "split", "mid", "matched", "middle", "bias", "relu", "features", "7x7", "\xff", "é", "\r\n", "\t", ",")
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.SliceOfN(rapid.SampledFrom(words), 0, 60).Draw(rt, "words")
		checkText(t, []byte("network x {\n"+strings.Join(body, " ")+"\n}"))
	})
}

// TestDamage feeds presets with a piece cut out, doubled or replaced.
func TestDamage(t *testing.T) {
	src, err := presetFiles.ReadFile("presets/p3d63.p3d")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		lo := rapid.IntRange(0, len(src)).Draw(rt, "from")
		hi := rapid.IntRange(lo, min(len(src), lo+30)).Draw(rt, "to")
		with := rapid.SampledFrom([]string{"", "{", "}", "\n", "0", "9", "x", " ", "#", "\"", string(src[lo:hi]) + string(src[lo:hi])}).Draw(rt, "with")
		checkText(t, []byte(string(src[:lo])+with+string(src[hi:])))
	})
}

// TestRandomNetworks lowers random good networks: Lower verifies each graph,
// and the blocks that it makes are counted here a second time.
func TestRandomNetworks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(name string, words ...string) string { return rapid.SampledFrom(words).Draw(rt, name) }
		num := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(rt, name) }
		var b strings.Builder
		line := func(format string, args ...any) {
			b.WriteString(pick("indent", "", "  ", "\t", "\n", "# remark\n"))
			fmt.Fprintf(&b, format, args...)
			b.WriteString(pick("end", "\n", "  # beside\n", "\n\n\n", "\r\n"))
		}
		line("network net {")
		line("input %s", pick("input", "rgb 3x16x32x32", "bgr 3x9x31x17 { mean 1 2 3 }", "flow 2x8x16x24"))
		if rapid.Bool().Draw(rt, "basic") {
			line("block basic mix %s", pick("mix", "full", "spatial", "split mid 3", "full split mid matched"))
			line("names torchvision-video")
		} else {
			line("block bottleneck mix %s expansion %d%s", pick("mix", "A", "B", "C", "A B", "C B A", "A B C within stage", "full", "A split mid 5"),
				num("expansion", 1, 4), pick("striding", "", " stride middle"))
		}
		if rapid.Bool().Draw(rt, "stem") {
			line("conv %d kernel %s", num("out", 1, 8), pick("kernel", "1x7x7 stride 1x2x2", "3x3x3", "1x1x1 as c", "7x7 stride 2x2", "3x3x3 bias"))
			line("pool %s %s", pick("pool", "max", "average"), pick("window", "2x3x3 stride 2x2x2 pad 0x1x1", "2x3x3 stride 2x2x2 ceil as p", "1x2x2"))
		}
		blocks := 0
		for i := range num("stages", 0, 4) {
			n := num("blocks", 1, 3)
			blocks += n
			line("stage s%d width %d blocks %d%s%s", i, num("width", 1, 8), n, pick("stride", "", " stride 1x2x2", " stride 2x2"),
				pick("rest", "", " flat", " mix spatial", " mix split mid matched", " then pool max 2x1x1 ceil"))
		}
		line("%s%s", pick("pool", "pool average", "flatten"), pick("head", "", " then linear 3", " then dropout 0.1 then linear 2 then softmax"))
		line("}")

		n := parse(t, b.String())
		checkFormat(t, n)
		adds := 0
		for _, op := range lower(t, n).Ops {
			if strings.HasSuffix(op.Name, ".add") {
				adds++
			}
		}
		if adds != blocks {
			t.Fatalf("%d residual sums for %d blocks in\n%s", adds, blocks, b.String())
		}
	})
}
