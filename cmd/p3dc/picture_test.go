package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/figure"
)

// TestPicturesAreCurrent compares docs/networks, which has a drawing of every
// preset and nothing else, with what explain --svg would write; under -update
// it writes them.
func TestPicturesAreCurrent(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "networks")
	known := map[string]bool{}
	for _, name := range dsl.Presets() {
		n, err := loadNetwork(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		known[name+".svg"] = true
		golden(t, filepath.Join(dir, name+".svg"), figure.Network(n.graph))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] {
			t.Errorf("docs/networks/%s is no picture of a preset", e.Name())
		}
	}
}

// TestCardsOfPresets wants every layer of every preset in the tables and the
// schedule of its page, and the totals that explain prints.
func TestCardsOfPresets(t *testing.T) {
	for _, name := range dsl.Presets() {
		if testing.Short() && name != "p3d63" {
			continue // planning all takes seconds with the race detector
		}
		n, err := loadNetwork(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		plans, err := n.plans()
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		c := modelCard(n, plans[0])
		if err := c.Write(&page); err != nil {
			t.Fatal(err)
		}
		for _, l := range c.Layers {
			if got := strings.Count(page.String(), `<th scope="row">`+l.Name+`</th>`); got != 2 {
				t.Errorf("%s: %s has %d rows, want one in the layers and one in the schedule", name, l.Name, got)
			}
		}
		x, sum := explain(n, plans[0]).Totals, c.Total()
		want := totals{FLOPs: x.FLOPs, ExecutedFLOPs: x.ExecutedFLOPs, WeightBytes: x.WeightBytes, BytesMoved: x.BytesMoved}
		got := totals{FLOPs: sum.FLOPs, ExecutedFLOPs: sum.ExecutedFLOPs, WeightBytes: sum.WeightBytes, BytesMoved: sum.BytesMoved}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
