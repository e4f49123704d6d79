package editors

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const syntaxFile = "editors/vim/syntax/p3d.vim"

// vimWords returns the words of "syntax keyword" lines, sorted, and the groups
// that they are in.
func vimWords(t *testing.T) (words, groups []string) {
	t.Helper()
	for line := range strings.Lines(readFile(t, syntaxFile)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != "syntax" || fields[1] != "keyword" {
			continue
		}
		groups = append(groups, fields[2])
		for _, w := range fields[3:] {
			if w != "contained" && w != "skipwhite" && !strings.HasPrefix(w, "nextgroup=") {
				words = append(words, w)
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words), groups
}

func TestVimHasTheKeywords(t *testing.T) {
	got, _ := vimWords(t)
	if d := cmp.Diff(keywords(t), got); d != "" {
		t.Errorf("%s (-the language +the file):\n%s", syntaxFile, d)
	}
}

// TestVimLinksItsGroups wants every group to be shown like one that colour
// schemes know.
func TestVimLinksItsGroups(t *testing.T) {
	text := readFile(t, syntaxFile)
	_, groups := vimWords(t)
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "syntax" && (f[1] == "match" || f[1] == "region") {
			groups = append(groups, f[2])
		}
	}
	if len(groups) < 15 {
		t.Fatalf("found only the groups %q", groups)
	}
	for _, g := range groups {
		if g != "p3dNames" && !strings.Contains(text, "highlight default link "+g+" ") {
			t.Errorf("%s has no link", g)
		}
	}
}
