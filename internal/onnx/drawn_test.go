package onnx_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/p3dc/p3dc/internal/onnx"
	"github.com/p3dc/p3dc/internal/weights"
)

// TestDrawnRoundTrips wants the same of small random networks with stages as
// TestRoundTrip does of those written down.
func TestDrawnRoundTrips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := drawnNetwork(rt)
		g := parse(rt, text)
		values := weights.Synthetic(g.Params)
		m, err := onnx.Export(g, values, onnx.ExportOptions{Batch: 1})
		if err != nil {
			rt.Fatal(err)
		}
		rt.Log(text)
		d, got := imported(rt, m)
		sameGraph(rt, g, d)
		sameValues(rt, values, got, d)
	})
}

// drawnNetwork returns a random description of a network with stages.
func drawnNetwork(rt *rapid.T) string {
	pick := func(name string, words ...string) string { return rapid.SampledFrom(words).Draw(rt, name) }
	num := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(rt, name) }
	kinds := []string{"full", "spatial", "split"}
	form := "basic"
	if rapid.Bool().Draw(rt, "bottleneck") {
		kinds = append(kinds, "A", "B", "C")
		form = fmt.Sprintf("bottleneck expansion %d%s", num("expansion", 1, 2), pick("striding", "", " stride middle"))
	}
	mix := func(name string) string {
		return " mix " + strings.Join(rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 3).Draw(rt, name), " ")
	}
	mid := func(name string) string { return pick(name, " mid 5", " mid 7", " mid matched") }
	bias := pick("bias", "", " bias")

	var b strings.Builder
	fmt.Fprintf(&b, "network drawn {\ninput rgb 3x%dx8x8\n", num("frames", 1, 5))
	fmt.Fprintf(&b, "block %s%s%s%s%s\n", form, mix("mix"), mid("mid"), bias, pick("cycle", "", " within stage"))
	fmt.Fprintf(&b, "conv %d kernel %s%s\n", num("stem", 2, 6), pick("kernel", "1x3x3", "3x3", "3x3x3"), bias)
	for i := range num("stages", 1, 3) {
		fmt.Fprintf(&b, "stage s%d width %d blocks %d", i, num("width", 4, 6), num("blocks", 1, 3))
		own := pick("own", "", "flat", "mix", "mid", "both")
		if own == "flat" {
			b.WriteString(" flat" + pick("flat stride", "", " stride 1x2x2"))
		} else {
			b.WriteString(pick("stride", "", " stride 1x2x2", " stride 2x1x1"))
		}
		switch own {
		case "mix":
			b.WriteString(mix("own mix"))
		case "mid":
			b.WriteString(mid("own mid"))
		case "both":
			b.WriteString(mix("own mix") + mid("own mid"))
		}
		b.WriteString("\n")
	}
	b.WriteString("pool average then linear 3\nnames torchvision-video\n}")
	return b.String()
}
