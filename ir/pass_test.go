package ir

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// passByName returns the pass that a folder of testdata/passes is named for.
func passByName(t *testing.T, name string) []Pass {
	if name == "all" {
		return Passes()
	}
	for _, p := range Passes() {
		if p.Name == name {
			return []Pass{p}
		}
	}
	t.Fatalf("testdata/passes/%s: no pass has this name", name)
	return nil
}

// TestPassText runs each testdata/passes/PASS/*.txtar: the graph in the file
// "before" must become the one in "after".
func TestPassText(t *testing.T) {
	files, err := filepath.Glob("testdata/passes/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	covered := map[string]bool{}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		covered[name] = true
		t.Run(name+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before := parseGraph(t, string(archive.Files[0].Data))
			if got, want := before.String(), string(archive.Files[0].Data); got != want {
				t.Fatalf("the text before does not survive parsing (-want +got):\n%s", cmp.Diff(want, got))
			}
			copied := before.Clone()
			after, err := RunPasses(before, passByName(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(copied, before); diff != "" {
				t.Errorf("the pass changed its argument (-before +after):\n%s", diff)
			}
			got := after.String()
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "after", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(archive.Files) != 2 {
				t.Fatal("no file \"after\"; run with -update")
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, p := range Passes() {
		if !covered[p.Name] {
			t.Errorf("pass %s has no text in testdata/passes", p.Name)
		}
	}
}

func TestTextOfPublishedNetworkSurvivesParsing(t *testing.T) {
	g := p3d63.build()
	fused, err := RunPasses(g, Passes())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*Graph{g, fused} {
		text := g.String()
		if diff := cmp.Diff(text, parseGraph(t, text).String()); diff != "" {
			t.Errorf("(-printed +parsed):\n%s", diff)
		}
	}
}

// TestRemoveDeadParams checks what the text does not show: parameters without
// a reader go, the others keep their readers.
func TestRemoveDeadParams(t *testing.T) {
	g := parseGraph(t, `graph t: input 1x1x1x2 rgb
%1 dead 1x1x1x2 = conv 1x1x1/1x1x1/0x0x0 w=dead.weight b=dead.bias norm=n1.weight %0 | bias
%2 conv 1x1x1x2 = conv 1x1x1/1x1x1/0x0x0 w=conv.weight norm=n2.weight %0 | bias
%3 idle 1x1x1x2 = batchnorm gamma=n3.weight eps=1e-05 %0
%4 norm 1x1x1x2 = batchnorm gamma=n4.weight eps=1e-05 %2
%5 fc 1x1x1x2 = linear w=fc.weight b=fc.bias %4 | bias
output y = %5
`)
	g.AddParam("stray", 3)
	live, err := RunPasses(g, passByName(t, "remove-dead"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range live.Params {
		names = append(names, p.Name)
	}
	want := parseGraph(t, live.String())
	var wantNames []string
	for _, p := range want.Params {
		wantNames = append(wantNames, p.Name)
	}
	slices.Sort(names)
	slices.Sort(wantNames)
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if len(names) != 11 {
		t.Errorf("%d parameters, want 11: %v", len(names), names)
	}
}

// TestPassesLeaveOnlyHeavyOps checks what the scheduler relies on.
func TestPassesLeaveOnlyHeavyOps(t *testing.T) {
	g := p3d199.build()
	before := g.Clone()
	fused, err := RunPasses(g, Passes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, g); diff != "" {
		t.Errorf("the passes changed their argument:\n%s", diff)
	}
	for _, op := range fused.Ops {
		switch op.Attr.(type) {
		case Conv, Pool, Linear:
		default:
			t.Errorf("%s is left as %T", op.Name, op.Attr)
		}
	}
	if got, want := len(fused.Values), len(fused.Ops)+1; got != want {
		t.Errorf("%d values, want one an op and the input: %d", got, want)
	}
	if got, want := fused.NumParams(), g.NumParams(); got != want {
		t.Errorf("%d trained values, want all %d", got, want)
	}
	if got, want := fused.TotalFLOPs(), g.TotalFLOPs(); got != want {
		t.Errorf("%d FLOPs after the passes, want %d", got, want)
	}
	again, err := RunPasses(fused, Passes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fused, again); diff != "" {
		t.Errorf("the passes are not idempotent:\n%s", diff)
	}
}

func TestRunPassesErrors(t *testing.T) {
	good := func() *Graph {
		b := newBuilder("tiny", Shape{1, 2, 2, 1})
		b.output("y", b.relu("act", b.conv("conv", 0, 1, cube(1, 1, 1), false)))
		return b.g
	}
	bad := good()
	bad.Ops[1].In[0] = 2
	breaking := Pass{"break-shapes", func(g *Graph) (*Graph, error) {
		g = g.Clone()
		g.Values[2].Shape.C = 5
		return g, nil
	}}
	failing := Pass{"give-up", func(*Graph) (*Graph, error) { return nil, errors.New("conv: no") }}
	for _, tc := range []struct {
		g    *Graph
		pass Pass
		want string
	}{
		{bad, failing, "before the passes: act: uses value 2 before it is computed"},
		{good(), failing, "pass give-up: conv: no"},
		{good(), breaking, "after pass break-shapes: act: ir.ReLU of 1x2x2x1 gives 1x2x2x1, but its value has shape 1x2x2x5"},
	} {
		_, err := RunPasses(tc.g, []Pass{tc.pass})
		if err == nil || err.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", err, tc.want)
		}
	}
}
