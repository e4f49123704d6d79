package editors

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
)

// root is the repository's top folder, from where tests run.
const root = "../.."

// readFile returns the text of a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// text is a whole description.
type text struct{ name, text string }

// texts returns all descriptions that there are: the presets, the schemes of
// names, and the examples of the language's reference, parts of a network with
// one around them.
func texts(t *testing.T) []text {
	t.Helper()
	var all []text
	add := func(name, s string) {
		if !strings.Contains(s, "network ") {
			s = "network x {\n" + s + "}\n"
		}
		if _, err := dsl.Parse(name, []byte(s)); err != nil {
			t.Fatal(err)
		}
		all = append(all, text{name, s})
	}
	for _, name := range dsl.Presets() {
		add(name, readFile(t, "dsl/presets/"+name+".p3d"))
	}
	schemes, err := filepath.Glob(filepath.Join(root, "dsl", "names", "*.p3d"))
	if err != nil || len(schemes) == 0 {
		t.Fatalf("schemes of names: %v, %v", schemes, err)
	}
	for _, file := range schemes {
		add(filepath.Base(file), strings.ReplaceAll(readFile(t, "dsl/names/"+filepath.Base(file)), "network ", "net "))
	}
	examples := strings.Split(readFile(t, "docs/language.md"), "```p3d\n")[1:]
	if len(examples) < 15 {
		t.Fatalf("found only %d examples in docs/language.md", len(examples))
	}
	for i, example := range examples {
		s, _, _ := strings.Cut(example, "```")
		add(fmt.Sprintf("docs/language.md, example %d", i+1), s)
	}
	return all
}

// nonsense is a word that the language does not have.
const nonsense = "zzz"

var (
	// pieces of a text: comments, strings, what begins like a number, words.
	piece = regexp.MustCompile(`#.*|"[^"\n]*"|[0-9][0-9A-Za-z_]*|[A-Za-z][A-Za-z0-9_-]*`)
	// offer is how errors say which words may stand in nonsense's place.
	offer = regexp.MustCompile(`unknown [^;]*"` + nonsense + `"; expected ([^(;\n]*)`)
	join  = regexp.MustCompile(`, | or `)
)

// span is a word of a text, and where it stands.
type span struct{ from, to int }

// words returns where a text has words.
func words(s string) (all []span) {
	for _, at := range piece.FindAllStringIndex(s, -1) {
		if c := s[at[0]]; c != '#' && c != '"' && (c < '0' || c > '9') {
			all = append(all, span{at[0], at[1]})
		}
	}
	return all
}

// keyword reports whether the language gives a word of a text its meaning: the
// parser takes nothing else in its place. The others are names.
func keyword(s string, at span) bool {
	_, err := dsl.Parse("", []byte(s[:at.from]+nonsense+s[at.to:]))
	return err != nil
}

// keywords returns the words that the language gives a meaning, sorted: those
// that texts use, and those that the parser says it would take in the place of
// nonsense before a word, or at the end of a line.
func keywords(t *testing.T) []string {
	t.Helper()
	var found []string
	ask := func(s string, at int) {
		_, err := dsl.Parse("", []byte(s[:at]+" "+nonsense+" "+s[at:]))
		if err == nil {
			return
		}
		for _, m := range offer.FindAllStringSubmatch(err.Error(), -1) {
			found = append(found, join.Split(strings.TrimSpace(m[1]), -1)...)
		}
	}
	for _, text := range texts(t) {
		for _, at := range words(text.text) {
			if keyword(text.text, at) {
				found = append(found, text.text[at.from:at.to])
			}
			ask(text.text, at.from)
		}
		for i, c := range text.text {
			if c == '\n' {
				ask(text.text, i)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestKeywords wants words of all sorts among those found, so that the other
// tests compare with something.
func TestKeywords(t *testing.T) {
	all := keywords(t)
	for _, want := range []string{
		"network", "then", "stage", "within", "matched", "conv-norm", "variance", "A", "C", "floor", "as", "resize", "bgr", "average", "softmax",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("%q is not among the keywords %q", want, all)
		}
	}
	for _, w := range all {
		if at := words(w); len(at) != 1 || at[0] != (span{0, len(w)}) || w == nonsense || w == "port" || w == "res2" {
			t.Errorf("%q is among the keywords", w)
		}
	}
}
