package draw

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
)

// TestText draws texts. They are valid, and what the language
// has is in them.
func TestText(t *testing.T) {
	all := ""
	for seed := range uint64(300) {
		text := Text(rand.New(rand.NewPCG(seed, 1)))
		if !valid(text) {
			t.Fatalf("seed %d draws a network that is not valid:\n%s", seed, text)
		}
		if again := Text(rand.New(rand.NewPCG(seed, 1))); again != text {
			t.Fatalf("seed %d draws two texts", seed)
		}
		all += text
	}
	for _, want := range []string{
		"input rgb", "input bgr", "input flow", "resize .*/", "range 0..255", "mean ", "std ",
		"block basic", "block bottleneck", "expansion 3", "stride middle", "stride first", "mid matched", `mid \d`,
		"within stage", "through network", "block .* bias", "batchnorm", "names port", "names caffe", "names torchvision ", "names torchvision-video",
		"mix A", "mix B", "mix C", "mix full", "mix spatial", "mix split", `mix \w+ \w+ \w+ `,
		`conv .*stride \d+x\d+x\d+`, `conv .*stride \d+x\d+ `, "conv .*pad", "conv .*bias", "conv .* as conv", `kernel \d+x\d+ `, `kernel \dx\dx\d`,
		`pool max \d`, `pool average \d`, "pool .*ceil", "pool .*floor", "pool .* stride", "pool .*pad", "pool average\n", "pool max\n", "as pool", "as global",
		"stage .*flat", `stage .*stride \dx\dx\d`, "stage .*mix", "stage .*mid", " then ",
		"flatten", "dropout", `linear \d+\n`, "relu", "features", "as fc", "softmax",
		`x[23]\dx`, `x1x1x1[\n ]`, `x9\d`,
	} {
		if !regexp.MustCompile(want).MatchString(all) {
			t.Errorf("no text has %q", want)
		}
	}
}

// TestSmaller goes down to the least text that has a flat stage.
func TestSmaller(t *testing.T) {
	text := Text(rand.New(rand.NewPCG(7, 1)))
	for seed := uint64(8); !strings.Contains(text, " flat\n"); seed++ {
		text = Text(rand.New(rand.NewPCG(seed, 1)))
	}
	for {
		before := text
		for _, s := range Smaller(text) {
			if _, err := dsl.Parse("net.p3d", []byte(s)); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(s, " flat\n") {
				text = s
				break
			}
		}
		if text == before {
			break
		}
	}
	if lines := strings.Count(text, "\n"); lines > 7 || !strings.Contains(text, "x1x1x1\n") {
		t.Errorf("the smallest text with a flat stage is\n%s", text)
	}
}
