package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/describe"
	"github.com/p3dc/p3dc/internal/onnx"
	"github.com/p3dc/p3dc/internal/weights"
)

// FuzzImport reads, imports and describes any bytes. What can be described must
// be so as a whole: each parameter has as many values as its shape says.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, body := range nets {
		n, err := dsl.Parse("seed", []byte("network seed {\n"+body+"\n}"))
		if err != nil {
			f.Fatal(err)
		}
		g, err := dsl.Lower(n)
		if err != nil {
			f.Fatal(err)
		}
		m, err := onnx.Export(g, weights.Synthetic(g.Params), onnx.ExportOptions{})
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if err := m.Encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Decode(data)
		if err != nil {
			return
		}
		g, values, err := onnx.Import(m)
		if err != nil {
			return
		}
		d, err := describe.Describe(g, m.Graph.Name)
		if err != nil {
			return
		}
		for id, p := range d.Graph.Params {
			if got := len(values[g.Params[d.Params[id]].Name]); got != p.Elems() {
				t.Errorf("%s has %d values, want %d", p.Name, got, p.Elems())
			}
		}
		if _, err := dsl.Parse("again", d.Text); err != nil {
			t.Error(err)
		}
	})
}
