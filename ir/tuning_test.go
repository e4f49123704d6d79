package ir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestTunedPlansAgree draws networks and, of their candidates, plans, which
// must compute what the graph says and be what was asked for.
func TestTunedPlansAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawNet(t)
		b.g.Taps = nil
		m := drawMachine(t)
		seed := rapid.Uint64().Draw(t, "seed")
		g, err := RunPasses(b.g, Passes())
		if err != nil {
			t.Fatal(err)
		}
		w, clip := randomWeights(g, seed), randomClip(g, seed)
		want, err := Interpret(g, w, clip)
		if err != nil {
			t.Fatal(err)
		}
		candidates, err := Candidates(g, m, 10)
		if err != nil {
			t.Fatal(err)
		}
		choices := drawChoices(t, candidates, len(g.Ops))
		p, err := Schedule(g, m, ScheduleOptions{Tuning: Tuning{m.Name: choices}})
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		if d := cmp.Diff(choices, p.Choices()); d != "" {
			t.Fatalf("the plan is not what was chosen (-want +got):\n%s", d)
		}
		got, err := InterpretPlan(p, w, clip)
		if err != nil {
			t.Fatal(err)
		}
		comparePlan(t, p, "tuned", got, want)
	})
}

// drawChoices draws a way through all ops.
func drawChoices(t *rapid.T, candidates []Candidate, ops int) []Choice {
	var choices []Choice
	for at := 0; at < ops; {
		var next []Candidate
		for _, c := range candidates {
			if c.From == at {
				next = append(next, c)
			}
		}
		c := rapid.SampledFrom(next).Draw(t, "candidate")
		choices = append(choices, c.Choice)
		at = c.To
	}
	return choices
}

// TestChoicesAreThePlan schedules a network again by what its plan has chosen.
func TestChoicesAreThePlan(t *testing.T) {
	g := fuse(t, smallNet())
	g.Taps = nil
	for _, m := range testMachines {
		for _, f := range fusions {
			first := schedule(t, g, m, f.mode)
			again, err := Schedule(g, m, ScheduleOptions{Tuning: Tuning{m.Name: first.Choices()}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range again.Regions {
				again.Regions[i].Why = first.Regions[i].Why
			}
			if d := cmp.Diff(first.String(), again.String()); d != "" {
				t.Errorf("%s-%s (-want +got):\n%s", m.Name, f.name, d)
			}
		}
	}
}

// TestTuningWithTaps wants the algorithms of a tuning, and only these, where a
// tap keeps whole what the tuning's graph computes in part.
func TestTuningWithTaps(t *testing.T) {
	tapped := fuse(t, smallNet())
	if len(tapped.Taps) == 0 {
		t.Fatal("the network has no taps")
	}
	bare := smallNet()
	bare.Taps = nil
	bare = fuse(t, bare)
	for _, side := range []Winograd{WinogradNever, WinogradF2, WinogradF4} {
		p, err := Schedule(bare, wideMachine, ScheduleOptions{Winograd: side})
		if err != nil {
			t.Fatal(err)
		}
		p, err = Schedule(tapped, wideMachine, ScheduleOptions{Tuning: Tuning{"wide": p.Choices()}})
		if err != nil {
			t.Fatal(err)
		}
		want, err := Schedule(tapped, wideMachine, ScheduleOptions{Winograd: side})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.Packs, p.Packs); d != "" {
			t.Errorf("%v: weights (-want +got):\n%s", side, d)
		}
	}
}

const tunedText = `graph t: input 2x12x12x16 rgb
%1 s 2x12x12x16 = conv 1x3x3/1x1x1/0x1x1 w=w b=b %0 | bias relu
%2 t 2x12x12x16 = conv 3x1x1/1x1x1/1x0x0 w=v %1 | relu
%3 e 2x12x12x32 = conv 1x1x1/1x1x1/0x0x0 w=u %2
output y = %3
`

// TestCandidates shows the candidates of a small network.
func TestCandidates(t *testing.T) {
	candidates, err := Candidates(parseGraph(t, tunedText), wideMachine, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range candidates {
		b.WriteString(c.First + ".." + c.Last + " " + c.Algorithm + " " + c.Tile.String() + "\n")
	}
	file := filepath.Join("testdata", "candidates.txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run with -update", err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("run with -update if this is meant (-want +got):\n%s", d)
	}
	all, err := Candidates(parseGraph(t, tunedText), wideMachine, 10)
	if err != nil || len(all) <= len(candidates) {
		t.Errorf("%d candidates within ten times the best, %d within a twentieth, %v", len(all), len(candidates), err)
	}
}

func TestTuningFaults(t *testing.T) {
	g := parseGraph(t, tunedText)
	good, err := Schedule(g, wideMachine, ScheduleOptions{Fusion: FuseNever, Winograd: WinogradNever})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func([]Choice) []Choice
		line   int
		want   string
	}{
		{"other layer", func(c []Choice) []Choice { c[1].First = "x"; return c }, 2, "found x, expected t, the network's next layer"},
		{"other last layer", func(c []Choice) []Choice { c[1].Last = "s"; return c }, 2, "the network has no s behind t"},
		{"missing", func(c []Choice) []Choice { return c[:2] }, 0, "nothing says how e is computed, nor the layers behind it"},
		{"more", func(c []Choice) []Choice { return append(c, c[2]) }, 3, "found e, expected nothing behind e, the network's last layer"},
		{"no algorithm", func(c []Choice) []Choice { c[0].Algorithm = "fast"; return c }, 1, "found fast, expected direct or F(2,3)-squared or F(5,3)-x-F(2,3) or F(4,3)-squared or F(4,3)-late-squared or F(5,3)-late-squared for s"},
		{"algorithms", func(c []Choice) []Choice {
			c[1].Last, c[1].Algorithm = "e", "F(2,3)-in-time+direct+direct"
			return c[:2]
		}, 2, "found F(2,3)-in-time+direct+direct, 3 algorithms, expected 2: one for each layer of t..e, or direct for all"},
		{"not transformable", func(c []Choice) []Choice { c[1].Algorithm = "F(2,3)-squared"; return c }, 2, "found F(2,3)-squared, expected direct or F(2,3)-closed-in-time for t"},
		{"tile", func(c []Choice) []Choice { c[2].Tile = Shape{1, 1, 7, 32}; return c }, 3, "e cannot be cut into tasks of 1x1x7x32, but for example of " + good.Regions[3].Tile.String()},
	} {
		choices := good.Choices()
		for i := range choices {
			choices[i].Line = i + 1
		}
		_, err := Schedule(g, wideMachine, ScheduleOptions{Tuning: Tuning{"wide": tc.change(choices)}})
		var fault *ChoiceError
		if !errors.As(err, &fault) || fault.Error() != tc.want || fault.Line != tc.line {
			t.Errorf("%s: %v (%+v), want line %d: %s", tc.name, err, fault, tc.line, tc.want)
		}
	}
	// Nothing behind the first convolution may take part of the rows around it.
	behind := parseGraph(t, `graph t: input 1x8x8x16 rgb
%1 a 1x8x8x16 = conv 1x1x1/1x1x1/0x0x0 w=w %0
%2 b 1x8x8x16 = conv 1x3x3/1x1x1/0x1x1 w=v %1
output y = %2
`)
	_, err = Schedule(behind, wideMachine, ScheduleOptions{Tuning: Tuning{"wide": {{First: "a", Last: "b", Algorithm: "direct", Tile: Shape{1, 1, 8, 1}}}}})
	if err == nil || err.Error() != "a..b cannot share a region" {
		t.Errorf("got %v", err)
	}
	if _, err := Schedule(g, halfMachine, ScheduleOptions{Tuning: Tuning{"wide": {{First: "x"}}}}); err != nil {
		t.Errorf("a tuning of another machine: %v", err)
	}
}
