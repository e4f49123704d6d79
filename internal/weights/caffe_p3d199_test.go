package weights

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// A caffemodel of the whole P3D-199 gives the logits of the PyTorch naming:
// the same values, under the port's names and under those of the authors'
// layers, through two descriptions. Frames are small, for the interpreter's
// sake; no parameter's shape depends on their size.
func TestCaffeP3D199(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 260 MB, and interprets P3D-199 twice")
	}
	const small = "3x16x32x32"
	port := graphOf(t, "p3d199", "stem-pool", "caffe", "input", small)
	caffe := graphOf(t, "p3d199-caffe", "input", small)
	if len(port.Params) != len(caffe.Params) {
		t.Fatalf("%d parameters and %d", len(port.Params), len(caffe.Params))
	}
	values := Synthetic(port.Params)
	model := filepath.Join(t.TempDir(), "deploy.caffemodel")
	writeCaffeModel(t, model, port.Params, caffe.Params, values)

	converted := model + ".safetensors"
	if err := convertFile(model, converted, caffe.Params, Origin{}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(converted)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := Match(f, caffe.Params)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range caffe.Params {
		if !slices.Equal(got[p.Name], values[port.Params[i].Name]) {
			t.Errorf("%s has other values than %s", p.Name, port.Params[i].Name)
		}
	}

	graphs := []*ir.Graph{port, caffe}
	weights := []map[string][]float32{values, got}
	logits := make([][]float64, len(graphs))
	clip := SyntheticClip(port.Input.Shape.Elems())
	parallel(len(graphs), func(i int) {
		out, err := ir.Interpret(graphs[i], weights[i], clip)
		if err != nil {
			t.Error(err)
			return
		}
		logits[i] = out["logits"]
	})
	if len(logits[0]) != 400 || !slices.Equal(logits[0], logits[1]) {
		t.Errorf("%d logits under the port's names, %d under Caffe's, and they differ", len(logits[0]), len(logits[1]))
	}
}

// graphOf lowers a preset with overrides, key by key.
func graphOf(t *testing.T, preset string, overrides ...string) *ir.Graph {
	t.Helper()
	n, err := dsl.Load(preset)
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(overrides, 2) {
		if err := dsl.Set(n, pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	return g
}

// writeCaffeModel writes the values of the port's parameters under the names
// that Caffe's have, the blobs of a layer together, as the authors' Caffe did:
// vectors of a batch norm have five dimensions.
func writeCaffeModel(t *testing.T, file string, port, caffe []Param, values map[string][]float32) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	write := func(b []byte) {
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write(protoBytes(netName, []byte("P3D-199")...))
	blobs := map[string][][]byte{}
	var layers []string
	for i, p := range caffe {
		layer, _, _ := strings.Cut(p.Name, ".")
		if blobs[layer] == nil {
			layers = append(layers, layer)
		}
		shape := p.Shape
		if strings.HasPrefix(layer, "bn") {
			shape = []int{1, shape[0], 1, 1, 1}
		}
		blobs[layer] = append(blobs[layer], caffeBlobOf(shape, values[port[i].Name]))
	}
	for _, layer := range layers {
		write(currentLayer(layer, blobs[layer]...))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
