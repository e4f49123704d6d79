package dsl

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestLanguageReference parses every example of the language's reference and
// builds those that are whole networks.
func TestLanguageReference(t *testing.T) {
	doc, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(doc), "```p3d\n")[1:]
	if len(examples) < 15 {
		t.Errorf("found only %d examples", len(examples))
	}
	for _, example := range examples {
		text, _, _ := strings.Cut(example, "```")
		if strings.Contains(text, "network ") && strings.Contains(text, "linear") {
			n := parse(t, text)
			lower(t, n)
			if src, err := presetFiles.ReadFile("presets/" + n.Name + ".p3d"); err != nil || !bytes.Equal(src, []byte(text)) {
				t.Errorf("the reference's %s is not the preset: %v", n.Name, err)
			}
			continue
		}
		indented := "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
		whole := strings.ReplaceAll("network x {\n"+indented+"}\n", "\n    \n", "\n\n")
		if got := string(Format(parse(t, whole))); got != whole {
			t.Errorf("an example is not in canonical form:\n%s\nexpected\n%s", whole, got)
		}
	}
}

// TestReferenceNamesEverything looks for every word of the language in its
// reference.
func TestReferenceNamesEverything(t *testing.T) {
	doc, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	words := append(statementWords(), nameKeys()...)
	words = append(words, Presets()...)
	for _, o := range overrides() {
		words = append(words, o.key+"=")
	}
	for _, w := range words {
		if !bytes.Contains(doc, []byte("`"+w)) {
			t.Errorf("docs/language.md does not explain %s", w)
		}
	}
}

// TestReferenceLimits looks for every limit in the reference.
func TestReferenceLimits(t *testing.T) {
	doc, err := os.ReadFile("../docs/language.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{MaxSource, MaxFrames, MaxSide, MaxChannels, MaxClasses, MaxBlocks, MaxLayers,
		MaxKernel, MaxElems, MaxParams, MaxName, MaxFaults} {
		if !bytes.Contains(doc, fmt.Appendf(nil, "| %d |\n", limit)) {
			t.Errorf("docs/language.md does not give the limit %d", limit)
		}
	}
}
