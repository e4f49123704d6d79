package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocsShowRealOutput runs the commands of docs/cli.md whose output is the
// same on every machine, and wants it there; under -update it puts it there.
func TestDocsShowRealOutput(t *testing.T) {
	file, err := filepath.Abs("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	t.Chdir(t.TempDir()) // for what compile writes
	for _, tt := range []struct {
		args, pipe string
		filter     func(*testing.T, string) string // what the pipe does
	}{
		{"compile p3d63", "", nil},
		{"explain p3d63", "", nil},
		{"explain p3d63 --plan", " | grep -A3 '^region 5 '", fifthRegion},
		{"explain p3d63 --json", " | jq -c '[.layers[] | select(.flops > 9e8) | {name, kind, flops}] | .[:2]'", twoLarge},
	} {
		_, rest, found := strings.Cut(page, "```console\n$ p3dc "+tt.args+tt.pipe+"\n")
		shown, after, closed := strings.Cut(rest, "```")
		if !found || !closed {
			t.Errorf("docs/cli.md has no example of p3dc %s%s", tt.args, tt.pipe)
			continue
		}
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(tt.args), nil, &stdout, &stderr); code != exitOK {
			t.Fatalf("%s: exit code %d: %s", tt.args, code, &stderr)
		}
		want := stdout.String()
		if tt.filter != nil {
			want = tt.filter(t, want)
		}
		want = shortened(want, shown)
		if d := cmp.Diff(want, shown); d != "" && !*update {
			t.Errorf("docs/cli.md, %s (-want +got); run with -update if the change is meant:\n%s", tt.args, d)
		}
		page = strings.TrimSuffix(page, rest) + want + "```" + after
	}
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// shortened leaves out of a text the lines for which an example has "...": it
// keeps as many at the beginning and at the end.
func shortened(text, example string) string {
	const gap = "...\n"
	head, tail, cut := strings.Cut(example, gap)
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	lines[len(lines)-1] += "\n"
	first, last := strings.Count(head, "\n"), strings.Count(tail, "\n")
	if !cut || first+last >= len(lines) {
		return strings.Join(lines, "")
	}
	return strings.Join(lines[:first], "") + gap + strings.Join(lines[len(lines)-last:], "")
}

// fifthRegion is grep -A3 '^region 5 '.
func fifthRegion(t *testing.T, plan string) string {
	t.Helper()
	_, from, found := strings.Cut(plan, "\nregion 5 ")
	lines := strings.SplitAfterN("region 5 "+from, "\n", 5)
	if !found || len(lines) < 5 {
		t.Fatalf("no region 5 in\n%s", plan)
	}
	return strings.Join(lines[:4], "")
}

// twoLarge is jq's filter for the first two layers above 0.9 GFLOP.
func twoLarge(t *testing.T, text string) string {
	t.Helper()
	var x explanation
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		t.Fatal(err)
	}
	var large []string
	for _, l := range x.Layers {
		if l.FLOPs > 9e8 {
			large = append(large, fmt.Sprintf(`{"name":%q,"kind":%q,"flops":%d}`, l.Name, l.Kind, l.FLOPs))
		}
	}
	return "[" + strings.Join(large[:min(2, len(large))], ",") + "]\n"
}

func TestShortened(t *testing.T) {
	for _, tt := range []struct{ text, example, want string }{
		{"1\n2\n3\n4\n", "a\n...\nb\n", "1\n...\n4\n"},
		{"1\n2\n", "a\n...\nb\n", "1\n2\n"},
		{"1\n2\n3\n", "a\n", "1\n2\n3\n"},
		{"1\n2\n3\n", "...\nb\n", "...\n3\n"},
	} {
		if got := shortened(tt.text, tt.example); got != tt.want {
			t.Errorf("shortened(%q, %q) = %q, want %q", tt.text, tt.example, got, tt.want)
		}
	}
}
