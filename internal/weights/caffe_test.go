package weights

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// caffeFiles are the caffemodels that Google's protobuf library wrote.
var caffeFiles = []struct {
	name  string
	dtype DType
}{
	{"caffe.caffemodel", F32},
	{"caffe_double.caffemodel", F64},
	{"caffe_unpacked.caffemodel", F32},
	{"caffe_unpacked_double.caffemodel", F64},
	{"caffe_v1.caffemodel", F32},
}

// caffeNames are the names that the tensors of make_caffe.py have, in the
// order of madeParams.
var caffeNames = []string{"conv1.0", "bn_conv1.0", "bn_conv1.1", "bn_conv1.2", "bn_conv1.3", "fc.0", "fc.1"}

// caffeParams are madeParams under Caffe's names, and caffeTensors the values.
func caffeParams() (params []Param, values map[string][]float32) {
	made := madeTensors()
	values = map[string][]float32{}
	for i, p := range madeParams {
		params = append(params, Param{Name: caffeNames[i], Shape: p.Shape})
		values[caffeNames[i]] = made[p.Name]
	}
	return params, values
}

// Both layer messages, blobs of either shape, packed or not, float or double:
// the same values.
func TestCaffe(t *testing.T) {
	params, want := caffeParams()
	for _, test := range caffeFiles {
		t.Run(test.name, func(t *testing.T) {
			f := openTest(t, test.name)
			if f.Format() != FormatCaffe || f.Metadata()["name"] != "tiny" {
				t.Errorf("format %q, metadata %v", f.Format(), f.Metadata())
			}
			for _, tensor := range f.Tensors() {
				if tensor.DType != test.dtype {
					t.Errorf("%v, expected %v", tensor, test.dtype)
				}
			}
			got, err := Match(f, params)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

// What is converted for a network has the network's shapes, whichever the
// caffemodel's are.
func TestConvertCaffe(t *testing.T) {
	params, _ := caffeParams()
	files := map[string]string{}
	for _, test := range caffeFiles {
		out := filepath.Join(t.TempDir(), "out.safetensors")
		if err := convertFile(filepath.Join("testdata", test.name), out, params, Origin{}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		files[string(data)] = test.name
		f, err := parse(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range params {
			if got, _ := f.Lookup(p.Name); !slices.Equal(got.Shape, p.Shape) {
				t.Errorf("%s: %v, expected the shape %v", test.name, got, p.Shape)
			}
		}
	}
	if len(files) != 1 {
		t.Errorf("%d different files: %v", len(files), files)
	}
}

// Dimensions of 1 do not count in a caffemodel; all others, and their order, do.
func TestCaffeShapes(t *testing.T) {
	for _, test := range []struct {
		blob, want []int
		fits       bool
	}{
		{[]int{1, 1, 1, 6}, []int{6}, true},
		{[]int{1, 6, 1, 1, 1}, []int{6}, true},
		{[]int{6}, []int{6}, true},
		{[]int{2, 3, 1, 1}, []int{2, 3, 1, 1, 1}, true},
		{[]int{1, 1, 2, 3}, []int{2, 3}, true},
		{nil, []int{1}, true},
		{[]int{3, 2}, []int{2, 3}, false},
		{[]int{6}, []int{2, 3}, false},
		{[]int{2, 3}, []int{6}, false},
	} {
		n, _ := elements(test.blob)
		f, err := parse(caffeNet(currentLayer("l", caffeBlobOf(test.blob, make([]float32, n)))))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Match(f, []Param{{Name: "l.0", Shape: test.want}})
		if fits := err == nil; fits != test.fits {
			t.Errorf("a blob of %v for a parameter of %v: %v", test.blob, test.want, err)
		}
	}
}

// The functions below write protobuf messages.

// protoBytes returns a field of bytes, such as a message.
func protoBytes(number protowire.Number, value ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// protoVarint returns a field of an integer.
func protoVarint(number protowire.Number, value int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), uint64(value))
}

// caffeNet returns a caffemodel of layers.
func caffeNet(layers ...[]byte) []byte {
	return slices.Concat(protoBytes(netName, []byte("net")...), slices.Concat(layers...))
}

// currentLayer returns a layer with blobs, as a field of the net.
func currentLayer(name string, blobs ...[]byte) []byte {
	message := protoBytes(1, []byte(name)...)
	for _, b := range blobs {
		message = append(message, protoBytes(7, b...)...)
	}
	return protoBytes(netLayer, message...)
}

// caffeBlobOf returns a blob with a shape.
func caffeBlobOf(shape []int, values []float32) []byte {
	var dims []byte
	for _, d := range shape {
		dims = protowire.AppendVarint(dims, uint64(d))
	}
	return slices.Concat(protoBytes(blobData, encodeFloats(nil, values)...),
		protoBytes(blobShape, protoBytes(blobShapeDim, dims...)...))
}

func TestCaffeRefused(t *testing.T) {
	four := protoBytes(blobData, make([]byte, 16)...)
	dims := func(dims ...int64) []byte {
		var shape []byte
		for _, d := range dims {
			shape = append(shape, protoVarint(blobShapeDim, d)...)
		}
		return protoBytes(blobShape, shape...)
	}
	blob := func(fields ...[]byte) []byte { return caffeNet(currentLayer("conv1", slices.Concat(fields...))) }
	good := blob(four, dims(2, 2))
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	layer := func(fields ...[]byte) []byte { return caffeNet(protoBytes(netLayer, slices.Concat(fields...)...)) }
	group := protowire.AppendTag(nil, 9, protowire.StartGroupType)
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"cut", good[:len(good)-1], "caffemodel: byte 5: not a protobuf message, or one that is damaged or cut off"},
		{"layer cut", caffeNet(protoBytes(netLayer, 0x0a, 5, 'a')), `layer "": byte 0: not a protobuf message, or one that is damaged or cut off`},
		{"blob cut", blob(four[:9]), `layer "conv1": blob 0: byte 0: not a protobuf message, or one that is damaged or cut off`},
		{"no layers", caffeNet(protoBytes(netLayer)), "caffemodel: no layer has blobs"},
		{"layer no message", slices.Concat(good, protoVarint(netLayer, 1)), "field 100 has wire type 0, expected 2"},
		{"name no string", layer(protoVarint(1, 1)), "field 1 has wire type 0, expected 2"},
		{"long name", layer(protoBytes(1, make([]byte, maxCaffeName+1)...)), "a name of 1025 bytes, expected at most 1024"},
		{"blob no message", layer(protoVarint(7, 1)), "field 7 has wire type 0, expected 2"},
		{"before V1", caffeNet(protoBytes(netLayers, protoBytes(v1Older)...)), "a layer of the kind before V1"},
		{"two of a name", slices.Concat(good, good), `two tensors are named "conv1.0"`},
		{"no shape", blob(four), "16 bytes of values, expected 1 elements of F32 (shape scalar)"},
		{"no values", blob(dims(2, 2)), "0 bytes of values, expected 4 elements of F32 (shape 2x2)"},
		{"too many values", blob(four, dims(3)), "16 bytes of values, expected 3 elements"},
		{"negative dimension", blob(four, dims(-2, -2)), "a dimension of -2, expected a number from 0 up"},
		{"negative extent", blob(four, protoVarint(1, -4)), "a dimension of -4, expected a number from 0 up"},
		{"overflow", blob(four, dims(1<<32, 1<<32)), "shape 4294967296x4294967296 has too many elements"},
		{"overflow to what there is", blob(four, dims(1<<62+4)), "16 bytes of values, expected 4611686018427387908"},
		{"many dimensions", blob(four, dims(make([]int64, maxRank+1)...)), "more than 64 dimensions"},
		{"shape no message", blob(four, protoVarint(blobShape, 1)), "blob 0: field 7 has wire type 0, expected 2"},
		{"dimension no number", blob(four, protoBytes(blobShape, protowire.AppendFixed32(protowire.AppendTag(nil, 1, protowire.Fixed32Type), 1)...)), "field 1 has wire type 5, expected 2"},
		{"dimension cut", blob(four, protoBytes(blobShape, protoBytes(blobShapeDim, 0x80)...)), "field 1: not a protobuf message, or one that is damaged or cut off"},
		{"odd values", blob(protoBytes(blobData, 1, 2, 3), dims(1)), "3 bytes of values of 4 bytes each"},
		{"odd doubles", blob(protoBytes(blobDoubleData, 1, 2, 3, 4), dims(1)), "4 bytes of values of 8 bytes each"},
		{"values no floats", blob(protoVarint(blobData, 1), dims(1)), "field 5 has wire type 0, expected 2"},
		{"float and double", blob(four, dims(4), protoBytes(blobDoubleData, make([]byte, 32)...)), "values both of float and of double"},
		{"many blobs", caffeNet(currentLayer("l", slices.Repeat([][]byte{caffeBlobOf([]int{0}, nil)}, maxCaffeBlobs+1)...)), "more than 65536 blobs"},
		{"many layers", caffeNet(slices.Repeat(currentLayer("l", caffeBlobOf([]int{0}, nil)), maxCaffeBlobs+1)), "more than 65536 blobs"},
		{"deep groups", slices.Concat(good, slices.Repeat(group, 1<<20)), "byte 41: not a protobuf message"},
		{"group without end", slices.Concat(good, group), "byte 41: not a protobuf message"},
		{"field zero", slices.Concat(good, []byte{0, 0}), "byte 41: not a protobuf message"},
		{"endless varint", slices.Concat(good, protowire.AppendTag(nil, 9, protowire.VarintType), slices.Repeat([]byte{0x80}, 11)), "byte 41: not a protobuf message"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(test.file)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, expected one with %q", err, test.want)
			} else if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// A caffemodel that is cut between layers is a shorter caffemodel: the tensors
// that are left are right, and the network misses the others.
func TestTruncatedCaffe(t *testing.T) {
	params, want := caffeParams()
	for _, test := range caffeFiles {
		data, err := os.ReadFile(filepath.Join("testdata", test.name))
		if err != nil {
			t.Fatal(err)
		}
		whole := 0
		for n := range len(data) {
			f, err := parse(data[:n:n])
			if err != nil {
				continue
			}
			whole++
			_, err = Match(f, params)
			if missing := err != nil && strings.Contains(err.Error(), "missing"); missing == (len(f.Tensors()) == len(params)) {
				t.Errorf("%s: the first %d of %d bytes, %d tensors: %v", test.name, n, len(data), len(f.Tensors()), err)
			}
			for _, tensor := range f.Tensors() {
				if got, err := tensor.Float32s(); err != nil || !slices.Equal(got, want[tensor.Name]) {
					t.Errorf("%s: the first %d bytes: %v: %v, %v", test.name, n, tensor, got, err)
				}
			}
		}
		if whole < 2 { // behind conv1 and behind bn_conv1
			t.Errorf("%s: %d beginnings were accepted, expected 2", test.name, whole)
		}
	}
}

// Values in one piece are read in place; those in several are put together.
func TestCaffePieces(t *testing.T) {
	one, two := encodeFloats(nil, []float32{1, 2}), encodeFloats(nil, []float32{3})
	single := binary.LittleEndian.AppendUint32(protowire.AppendTag(nil, blobData, protowire.Fixed32Type), math.Float32bits(4))
	blob := slices.Concat(protoBytes(blobData, one...), protoBytes(blobData, two...), single,
		protoBytes(blobShape, protoVarint(blobShapeDim, 4)...))
	data := caffeNet(currentLayer("pieces", blob), currentLayer("whole", caffeBlobOf([]int{2}, []float32{5, 6})))
	before := slices.Clone(data)
	f, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"pieces.0": {1, 2, 3, 4}, "whole.0": {5, 6}} {
		tensor, _ := f.Lookup(name)
		if got, err := tensor.Float32s(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, expected %v", name, got, err, want)
		}
	}
	if !slices.Equal(before, data) {
		t.Error("the file's bytes were changed")
	}
	clear(data)
	whole, _ := f.Lookup("whole.0")
	if got, err := whole.Float32s(); err != nil || got[0] != 0 {
		t.Errorf("%v, %v after the file was cleared", got, err)
	}
}
