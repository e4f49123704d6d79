package figure

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// lower returns the graph of a description.
func lower(t *testing.T, text string) *ir.Graph {
	t.Helper()
	n, err := dsl.Parse("net.p3d", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// preset returns the graph of a preset.
func preset(t *testing.T, name string) *ir.Graph {
	t.Helper()
	n, err := dsl.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// small has blocks of each of the paper's kinds, and a stage that fills more than
// a row.
const small = `network small {
    input rgb 3x4x16x16
    block bottleneck expansion 2 mix A B C
    conv 8 kernel 1x3x3 stride 1x2x2
    stage one width 4 blocks 1 then pool max 2x1x1
    stage two width 4 blocks 13 stride 1x2x2
    stage three width 8 blocks 2 flat
    pool average then dropout 0.25 then linear 5 then softmax
}
`

// golden compares a drawing with the one in a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got); run with -update and look at it if the change is meant:\n%s", file, d)
	}
}

// element is an element of a drawing.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Elements []element  `xml:",any"`
}

// read parses a drawing, which must be well-formed XML to its end.
func read(t *testing.T, svg []byte) element {
	t.Helper()
	var e element
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	if err := d.Decode(&e); err != nil {
		t.Fatal(err)
	}
	if e.XMLName.Space != "http://www.w3.org/2000/svg" || e.XMLName.Local != "svg" {
		t.Fatalf("the drawing is %v", e.XMLName)
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return e
		}
		if text, ok := token.(xml.CharData); err != nil || !ok || strings.TrimSpace(string(text)) != "" {
			t.Fatalf("%v behind the drawing: %v", token, err)
		}
	}
}

// all returns the texts of all elements of a name, in order.
func (e *element) all(name string) (texts []string) {
	if e.XMLName.Local == name {
		texts = append(texts, e.text())
	}
	for i := range e.Elements {
		texts = append(texts, e.Elements[i].all(name)...)
	}
	return texts
}

// text is an element's text with that of the elements in it.
func (e *element) text() string {
	s := strings.TrimSpace(e.Text)
	for i := range e.Elements {
		s = strings.TrimSpace(s + " " + e.Elements[i].text())
	}
	return s
}

// contains reports all texts that a drawing lacks.
func contains(t *testing.T, e element, name string, want ...string) {
	t.Helper()
	texts := e.all(name)
	for _, w := range want {
		if !slices.Contains(texts, w) {
			t.Errorf("no <%s> %q in %q", name, w, texts)
		}
	}
}
