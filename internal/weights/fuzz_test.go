package weights

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// seed adds the files of testdata that have one of the extensions.
func seed(f *testing.F, extensions ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if !slices.Contains(extensions, filepath.Ext(file)) {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// checkParsed reads all that a file holds: no element may lie outside, and
// together they may not be more than parse has room for.
func checkParsed(t *testing.T, file *File, size int) {
	t.Helper()
	room := roomFor(size)
	for _, tensor := range file.Tensors() {
		if room -= tensor.Bytes(); room < 0 {
			t.Fatalf("%v: the tensors have more bytes than a file of %d may hold", tensor, size)
		}
		values, err := tensor.Float32s()
		if (err == nil) != tensor.DType.IsFloat() || err == nil && len(values) != tensor.Elements() {
			t.Fatalf("%v: %d values, %v", tensor, len(values), err)
		}
		if err := tensor.writeTo(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	seed(f, ".safetensors")
	f.Fuzz(func(t *testing.T, data []byte) {
		if !looksLikeSafetensors(data) {
			return
		}
		file, err := parseSafetensors(data)
		if err != nil {
			return
		}
		checkParsed(t, file, len(data))
		for _, tensor := range file.Tensors() {
			if tensor.Name == "" {
				return // legal to read, not to write
			}
		}
		// What can be read can be written, and reads the same again.
		var first, second bytes.Buffer
		if err := WriteSafetensors(&first, file.Tensors(), file.Metadata()); err != nil {
			t.Fatal(err)
		}
		again, err := parse(first.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteSafetensors(&second, again.Tensors(), again.Metadata()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatal("the second writing differs from the first")
		}
	})
}

func FuzzPyTorch(f *testing.F) {
	seed(f, ".pth", ".pt", ".tar")
	f.Add(legacyFile("}"+str("a")+tensorOf(storage("1", 1, "N"), 0, 1, 1)+"s", "]"+str("1")+"a", le64(1)+"abcd"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse(data)
		if err != nil {
			return
		}
		checkParsed(t, file, len(data))
	})
}

func FuzzCaffe(f *testing.F) {
	seed(f, ".caffemodel")
	f.Fuzz(func(t *testing.T, data []byte) {
		if !looksLikeCaffe(data) {
			return
		}
		if file, err := parse(data); err == nil {
			checkParsed(t, file, len(data))
		}
	})
}

func FuzzNumPy(f *testing.F) {
	seed(f, ".npz")
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := parse(data); err == nil {
			checkParsed(t, file, len(data))
		}
	})
}

// FuzzNPY reads arrays without the archive around them.
func FuzzNPY(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.npz")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		archive, err := openZip(data)
		if err != nil {
			f.Fatal(err)
		}
		for _, entry := range archive.files {
			array, err := archive.contents(entry)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(array)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tensor, err := parseNPY(data)
		if err != nil {
			return
		}
		file, err := newFile(FormatNumPy, []Tensor{tensor}, nil)
		if err != nil {
			t.Fatal(err)
		}
		checkParsed(t, file, len(data))
	})
}

// FuzzPacked reads packed weights, as they come and with right checksums.
func FuzzPacked(f *testing.F) {
	f.Add(packedFile(nil))
	f.Add(packedFile(make([]byte, 400)))
	f.Fuzz(func(t *testing.T, data []byte) {
		for range 2 {
			if p, err := parsePacked(data); err == nil && packedHeaderLen+4*p.Values != len(data) {
				t.Fatalf("%d values in a file of %d bytes", p.Values, len(data))
			}
			if len(data) < packedHeaderLen {
				return
			}
			data = slices.Clone(data)
			sealPacked(data)
		}
	})
}

// FuzzPickle runs pickles without a file around them.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(proto2 + "}" + str("a") + tensorOf(storage("1", 1, "N"), 0, 1, 1) + "s" + stop))
	f.Add([]byte(proto2 + "ccollections\nOrderedDict\n]" + mark + "]" + mark + str("a") + number(1) + "ee\x85R" + stop))
	f.Add([]byte("(dp0\nS'a'\np1\nI1\nsg1\nF1.5\ns" + stop))
	f.Fuzz(func(t *testing.T, data []byte) {
		var storages storageTable
		obj, size, err := unpickle(data, storages.load)
		if err != nil {
			return
		}
		if size > len(data) || data[size-1] != opStop {
			t.Fatalf("%d of %d bytes taken", size, len(data))
		}
		if s := describe(obj); strings.TrimSpace(s) == "" {
			t.Fatal("an object without a description")
		}
	})
}
