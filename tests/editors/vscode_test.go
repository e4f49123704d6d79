package editors

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// list is a group of an expression that has words alone.
var list = regexp.MustCompile(`\((?:\?:)?([A-Za-z-]+(?:\|[A-Za-z-]+)*)\)`)

// TestGrammarHasTheKeywords wants the words of the grammar to be those of the
// language.
func TestGrammarHasTheKeywords(t *testing.T) {
	var got []string
	for _, e := range readGrammar(t).expressions() {
		for _, m := range list.FindAllStringSubmatch(e, -1) {
			got = append(got, strings.Split(m[1], "|")...)
		}
	}
	slices.Sort(got)
	if d := cmp.Diff(keywords(t), slices.Compact(got)); d != "" {
		t.Errorf("%s (-the language +the grammar):\n%s", grammarFile, d)
	}
}

// TestEverythingIsColoured wants every token of every text to have a scope, a
// keyword another than a name.
func TestEverythingIsColoured(t *testing.T) {
	g := readGrammar(t)
	for _, text := range texts(t) {
		scopes := g.scopes(text.text)
		from := 0 // of the line
		for line := range strings.Lines(text.text) {
			for i, c := range line {
				if s := scopes[from+i]; !strings.ContainsRune(" \t\n", c) && (s == "" || strings.HasPrefix(s, "invalid.")) {
					t.Errorf("%s: the scope of %q is %q", text.name, line[i:], s)
					break
				}
			}
			from += len(line)
		}
		for _, at := range words(text.text) {
			name := strings.HasPrefix(scopes[at.from], "entity.name.")
			if name == keyword(text.text, at) || scopes[at.from] != scopes[at.to-1] {
				t.Errorf("%s: %s has the scopes %q to %q", text.name, text.text[at.from:at.to], scopes[at.from], scopes[at.to-1])
			}
		}
	}
}

// TestScopes compares the scopes of a text with a golden file: a line a run of
// one scope.
func TestScopes(t *testing.T) {
	text := readFile(t, "tests/editors/testdata/all.p3d")
	scopes := readGrammar(t).scopes(text)
	var b strings.Builder
	for i := 0; i < len(text); {
		n := i
		for n < len(text) && scopes[n] == scopes[i] && (text[n] == '\n') == (text[i] == '\n') {
			n++
		}
		if s := strings.TrimSpace(text[i:n]); s != "" {
			b.WriteString(strings.TrimSuffix(scopes[i], ".p3d") + "\t" + s + "\n")
		}
		i = n
	}
	file := filepath.Join("testdata", "all.scopes")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s (-want +got); run with -update if the change is meant:\n%s", file, d)
	}
}

// TestIllegal wants what the language does not know to be told apart.
func TestIllegal(t *testing.T) {
	text := "network n {\n    stge res2\n    conv 64 @ \"open\n    linear 5\n}"
	scopes := readGrammar(t).scopes(text)
	for _, tc := range []struct{ piece, scope string }{
		{"stge", "invalid.illegal.p3d"}, {"@", "invalid.illegal.p3d"},
		{"\"open", "string.quoted.double.p3d"}, {"linear", "support.function.layer.p3d"}, {"}", "punctuation.section.braces.end.p3d"},
	} {
		if got := scopes[strings.Index(text, tc.piece)]; got != tc.scope {
			t.Errorf("%s has the scope %q, want %q", tc.piece, got, tc.scope)
		}
	}
}

// TestExtension wants the extension's files where its manifest says, and the
// manifest and the grammar to say the same.
func TestExtension(t *testing.T) {
	const folder = "editors/vscode/"
	var manifest struct {
		Contributes struct {
			Languages []struct {
				ID            string
				Extensions    []string
				Configuration string
			}
			Grammars []struct{ Language, ScopeName, Path string }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, folder+"package.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	c := manifest.Contributes
	if len(c.Languages) != 1 || len(c.Grammars) != 1 {
		t.Fatalf("%d languages and %d grammars, want one each", len(c.Languages), len(c.Grammars))
	}
	language, entry, g := c.Languages[0], c.Grammars[0], readGrammar(t)
	if folder+strings.TrimPrefix(entry.Path, "./") != grammarFile || entry.ScopeName != g.ScopeName || entry.Language != language.ID {
		t.Errorf("the manifest's grammar is %+v of %s, the grammar itself is %s of %s", entry, language.ID, grammarFile, g.ScopeName)
	}
	if !slices.Equal(language.Extensions, []string{".p3d"}) || !slices.Equal(g.FileTypes, []string{"p3d"}) {
		t.Errorf("the extensions are %q and %q", language.Extensions, g.FileTypes)
	}
	var configuration struct {
		Comments struct{ LineComment string }
	}
	text := readFile(t, folder+strings.TrimPrefix(language.Configuration, "./"))
	if err := json.Unmarshal([]byte(text), &configuration); err != nil || configuration.Comments.LineComment != "#" {
		t.Errorf("a comment begins with %q: %v", configuration.Comments.LineComment, err)
	}
}
