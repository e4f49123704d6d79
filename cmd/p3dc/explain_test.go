package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// explainJSON runs explain --json on a preset.
func explainJSON(t *testing.T, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"explain", "p3d63", "--json"}, args...)
	if code := run(t.Context(), args, nil, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	return stdout.Bytes()
}

// TestExplainFields pins the names of the fields, on which programs rely.
func TestExplainFields(t *testing.T) {
	want := []string{
		"isa",
		"layers", "layers.bytes_moved", "layers.epilogue", "layers.executed_flops", "layers.flops", "layers.input",
		"layers.kernel", "layers.kind", "layers.name", "layers.output", "layers.region", "layers.weight_bytes",
		"network",
		"regions", "regions.fused", "regions.space", "regions.tile", "regions.tiles", "regions.why",
		"source",
		"totals", "totals.arena_bytes", "totals.bytes_moved", "totals.executed_flops", "totals.flops",
		"totals.packed_bytes", "totals.scratch_bytes", "totals.weight_bytes",
	}
	if d := cmp.Diff(want, fields(t, explainJSON(t))); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
}

// fields returns the names of all fields of a JSON value, those of nested
// values behind a point, sorted.
func fields(t *testing.T, text []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	var names []string
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, x := range v {
				names = append(names, prefix+key)
				walk(prefix+key+".", x)
			}
		case []any:
			for _, x := range v {
				walk(prefix, x)
			}
		}
	}
	walk("", v)
	slices.Sort(names)
	return slices.Compact(names)
}

func TestExplainTotals(t *testing.T) {
	for _, isa := range isaNames() {
		var x explanation
		if err := json.Unmarshal(explainJSON(t, "--isa", isa), &x); err != nil {
			t.Fatal(err)
		}
		if x.ISA != isa {
			t.Errorf("isa is %s, want %s", x.ISA, isa)
		}
		var sum totals
		for _, l := range x.Layers {
			sum.FLOPs += l.FLOPs
			sum.ExecutedFLOPs += l.ExecutedFLOPs
			sum.WeightBytes += l.WeightBytes
			sum.BytesMoved += l.BytesMoved
			if l.Region < 0 || l.Region >= len(x.Regions) {
				t.Errorf("%s: %s is in region %d of %d", isa, l.Name, l.Region, len(x.Regions))
			}
		}
		sum.PackedBytes, sum.ArenaBytes, sum.ScratchBytes = x.Totals.PackedBytes, x.Totals.ArenaBytes, x.Totals.ScratchBytes
		if x.Totals != sum {
			t.Errorf("%s: totals %+v, the layers sum up to %+v", isa, x.Totals, sum)
		}
	}
}

// TestExplainNamesEveryLayer wants each op of the fused graph exactly once.
func TestExplainNamesEveryLayer(t *testing.T) {
	n, err := loadNetwork(t.Context(), "p3d63", nil)
	if err != nil {
		t.Fatal(err)
	}
	plans, err := n.plans()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		want := []string{"input"}
		for i := range p.Graph.Ops {
			want = append(want, p.Graph.Ops[i].Name)
		}
		var got []string
		for _, l := range explain(n, p).Layers {
			got = append(got, l.Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", p.Machine.Name, d)
		}
	}
}

// TestExplainCuts wants the space and the tile of every region to say what is
// computed: as much as the layers' outputs hold, or the word all.
func TestExplainCuts(t *testing.T) {
	for _, isa := range isaNames() {
		var x explanation
		if err := json.Unmarshal(explainJSON(t, "--isa", isa), &x); err != nil {
			t.Fatal(err)
		}
		fused := 0
		for i, r := range x.Regions {
			all := strings.HasPrefix(r.Space, "allx") && strings.HasPrefix(r.Tile, "allx")
			time := strings.HasPrefix(r.Space, "allxall") == strings.HasPrefix(r.Tile, "allxall")
			if all != r.Fused || !time || !all && strings.Contains(r.Space+r.Tile, "all") {
				t.Errorf("%s, region %d: fused is %t, space %s, tile %s", isa, i, r.Fused, r.Space, r.Tile)
			}
			if r.Fused {
				fused++
			}
		}
		if fused == 0 && isa != "generic" {
			t.Errorf("%s: no fused region", isa)
		}
	}
}

// TestSummaryAddsUp wants the layers' parameters and operations to be those
// of the network.
func TestSummaryAddsUp(t *testing.T) {
	for _, net := range []string{"p3d63", "../../generated/nets/odd.p3d", "../../generated/nets/thin.p3d", "../../generated/nets/long.p3d"} {
		n, err := loadNetwork(t.Context(), net, nil)
		if err != nil {
			t.Fatal(err)
		}
		params, flops := 0, int64(0)
		for _, l := range n.layers() {
			params += l.params
			flops += l.flops
		}
		if params != n.graph.NumParams() || flops != n.graph.TotalFLOPs() {
			t.Errorf("%s: layers of %d parameters, %d FLOPs; want %d, %d", net, params, flops, n.graph.NumParams(), n.graph.TotalFLOPs())
		}
	}
}

func TestKindsOfBlocks(t *testing.T) {
	tests := []struct {
		net  string
		set  []string
		want []string
	}{
		{"p3d63", nil, []string{"3: ABC", "4: ABCA", "6: BCABCA", "3 of 2D"}},
		{"p3d63", []string{"mix=C", "depths=1,2,1,1"}, []string{"1: C", "2: CC", "1: C", "1 of 2D"}},
		{"../../generated/nets/odd.p3d", nil, []string{"3: CAB", "4: CABC", "1 of 2D"}}, // within stage
	}
	for _, tt := range tests {
		n, err := loadNetwork(t.Context(), tt.net, tt.set)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range n.layers() {
			if l.blocks != "" {
				got = append(got, l.blocks)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s %v: blocks %q, want %q", tt.net, tt.set, got, tt.want)
		}
	}
}
