package weights

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seed adds the files of testdata that are, or are not, safetensors.
func seed(f *testing.F, safetensors bool) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		ext := filepath.Ext(file)
		if ext == ".py" || ext == ".golden" || ext == ".json" || (ext == ".safetensors") != safetensors {
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
// together they may not be many more than the file has room for.
func checkParsed(t *testing.T, file *File, size int) {
	t.Helper()
	for _, tensor := range file.Tensors() {
		if tensor.Elements() > size {
			t.Fatalf("%v has more elements than the file has bytes, %d", tensor, size)
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
	seed(f, true)
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
	seed(f, false)
	f.Add(legacyFile("}"+str("a")+tensorOf(storage("1", 1, "N"), 0, 1, 1)+"s", "]"+str("1")+"a", le64(1)+"abcd"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse(data)
		if err != nil {
			return
		}
		checkParsed(t, file, len(data))
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
