package weights

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The tests of this file try on every format what would harm a reader of any.
// What is particular to a format stands with its tests.

// elementBits returns numbers as a file has them.
func elementBits(order binary.AppendByteOrder, size int, values ...float64) string {
	var b []byte
	for _, v := range values {
		switch size {
		case 4:
			b = order.AppendUint32(b, math.Float32bits(float32(v)))
		case 8:
			b = order.AppendUint64(b, math.Float64bits(v))
		}
	}
	return string(b)
}

// pairFile returns a file, by format, of the tensor a with two elements.
func pairFiles(t *testing.T, x, y float64) map[string][]byte {
	le4 := elementBits(binary.LittleEndian, 4, x, y)
	le8 := elementBits(binary.LittleEndian, 8, x, y)
	pickle := func(key string, view string) string {
		return "}" + str("a.0") + tensorOf(storage(key, 2, view), 0, 2, 1) + "s"
	}
	array := func(descr, elements string, method uint16) []byte {
		return zipFile(t, zipEntry{"a.0.npy", npyFile(npyOf(descr, "(2,)"), elements), method})
	}
	safe := safetensorsFile(`{"a.0":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 0)
	return map[string][]byte{
		"safetensors":       append(safe, le4...),
		"PyTorch zip":       zipFile(t, zipEntry{name: "net/data.pkl", data: proto2 + pickle("0", "") + stop}, zipEntry{name: "net/data/0", data: le4}),
		"PyTorch legacy":    legacyFile(pickle("1", "N"), "]"+str("1")+"a", le64(2)+le4),
		"caffemodel":        caffeNet(currentLayer("a", slices.Concat(protoBytes(blobData, []byte(le4)...), protoBytes(blobShape, protoVarint(1, 2)...)))),
		"caffemodel double": caffeNet(currentLayer("a", slices.Concat(protoBytes(blobDoubleData, []byte(le8)...), protoBytes(blobShape, protoVarint(1, 2)...)))),
		"NumPy":             array("<f4", le4, zip.Store),
		"NumPy double":      array("<f8", le8, zip.Store),
		"NumPy big-endian":  array(">f4", elementBits(binary.BigEndian, 4, x, y), zip.Store),
		"NumPy compressed":  array("<f4", le4, zip.Deflate),
	}
}

// Values that are no numbers are found, whatever the format.
func TestNonFinite(t *testing.T) {
	want := []Param{{Name: "a.0", Shape: []int{2}}}
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		fault := fmt.Sprintf("a.0: element 1 is %v, expected a finite number", value)
		for format, data := range pairFiles(t, 1, value) {
			in := filepath.Join(t.TempDir(), "in")
			if err := os.WriteFile(in, data, 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := Open(in)
			if err != nil {
				t.Errorf("%s: %v", format, err)
				continue
			}
			if _, err := Match(f, want); err == nil || !strings.Contains(err.Error(), fault) {
				t.Errorf("%s: error %v, expected one with %q", format, err, fault)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			if err := Convert(io.Discard, in, nil, Origin{}); err == nil || err.Error() != in+": "+fault {
				t.Errorf("%s: error %v, expected %s: %s", format, err, in, fault)
			}
		}
	}
}

// A file that does not begin as its format does is none of that format.
func TestWrongMagic(t *testing.T) {
	for format, data := range pairFiles(t, 1, 2) {
		if f, err := parse(data); err != nil || len(f.Tensors()) != 1 {
			t.Errorf("%s: as it should be: %v", format, err)
		}
		data[0] ^= 0xff
		if _, err := parse(data); err == nil {
			t.Errorf("%s: accepted with another first byte", format)
		}
	}
}

// Tensors that share their elements cost nothing to describe, and all the
// memory or disk there is to copy.
func TestSharedElements(t *testing.T) {
	const (
		count = 64
		size  = 1 << 20 // bytes
	)
	zeros := strings.Repeat("\x00", size)

	var dict strings.Builder
	for i := range count {
		dict.WriteString(str(fmt.Sprint("a", i)) + tensorOf(storage("0", size/4, ""), 0, size/4, 1))
	}
	pickle := proto2 + "}" + mark + dict.String() + "u" + stop
	views := zipFile(t, zipEntry{name: "net/data.pkl", data: pickle}, zipEntry{name: "net/data/0", data: zeros})

	entries := []zipEntry{{name: "a00.npy", data: npyFile(npyOf("<f4", fmt.Sprintf("(%d,)", size/4)), zeros)}}
	for i := 1; i < count; i++ {
		entries = append(entries, zipEntry{name: fmt.Sprintf("a%02d.npy", i)})
	}
	overlapping := overlap(zipFile(t, entries...))

	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"views", "they share their elements", views},
		{"entries", "all entries together may take no more than", overlapping},
	} {
		if _, err := parse(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected one with %q", tt.name, err, tt.want)
		}
	}
}

// overlap makes all entries of a zip archive the first one.
func overlap(archive []byte) []byte {
	const (
		signature  = "PK\x01\x02"
		sizes, end = 16, 28 // of the checksum and both sizes
		offset     = 42
	)
	first := strings.Index(string(archive), signature)
	for at := first; ; {
		next := strings.Index(string(archive[at+1:]), signature)
		if next < 0 {
			return archive
		}
		at += 1 + next
		copy(archive[at+sizes:at+end], archive[first+sizes:])
		copy(archive[at+offset:at+offset+4], archive[first+offset:])
	}
}

// What aims at memory gets some times the file's size at most. The readers of
// pickles have a test of their own.
func TestReaderMemory(t *testing.T) {
	const mib = 1 << 20
	unpacked := slices.Repeat(append([]byte{blobData<<3 | 5}, 1, 2, 3, 4), mib)
	entries := make([]zipEntry, 1<<14)
	for i := range entries {
		entries[i] = zipEntry{name: fmt.Sprint(i, ".npy")}
	}
	var tensors []string
	for i := range 1 << 15 {
		tensors = append(tensors, fmt.Sprintf(`"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, i))
	}
	zeros := strings.Repeat("\x00", 15*mib)
	swapped := []zipEntry{{name: "0.npy", data: npyFile(npyOf(">f4", fmt.Sprintf("(%d,)", mib/4)), zeros[:mib])}}
	for i := range 1 << 8 {
		swapped = append(swapped, zipEntry{name: fmt.Sprintf("%05d.npy", i)})
	}
	for name, data := range map[string][]byte{
		"caffemodel, values one by one": caffeNet(currentLayer("a", slices.Concat(unpacked, protoBytes(blobShape, protoVarint(1, mib)...)))),
		"caffemodel, empty blobs":       caffeNet(currentLayer("a", slices.Repeat([][]byte{caffeBlobOf([]int{0}, nil)}, maxCaffeBlobs)...)),
		"caffemodel, long names":        caffeNet(currentLayer(strings.Repeat("a", maxCaffeName), slices.Repeat([][]byte{caffeBlobOf([]int{0}, nil)}, maxCaffeBlobs/64)...)),
		"caffemodel, dimensions":        caffeNet(currentLayer("a", protoBytes(blobShape, slices.Repeat(protoVarint(1, 1), mib)...))),
		"NumPy, many entries":           zipFile(t, entries...),
		"NumPy, compressed":             zipFile(t, zipEntry{"a.npy", npyFile(npyOf("<f4", fmt.Sprintf("(%d,)", len(zeros)/4)), zeros), zip.Deflate}),
		"NumPy, big-endian overlap":     overlap(zipFile(t, swapped...)),
		"NumPy, dimensions":             zipFile(t, zipEntry{name: "a.npy", data: npyFile(npyOf("<f4", "("+strings.Repeat("1,", 30000)+")"), "")}),
		"safetensors, many tensors":     safetensorsFile("{"+strings.Join(tensors, ",")+"}", 0),
		"safetensors, dimensions":       safetensorsFile(`{"a":{"dtype":"F32","data_offsets":[0,4],"shape":[`+strings.Repeat("1,", mib)+`1]}}`, 4),
		"safetensors, deep":             safetensorsFile(`{"a":{"dtype":"F32","data_offsets":[0,4],"shape":`+strings.Repeat("[", mib)+`}}`, 4),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parse(data)
		runtime.ReadMemStats(&after)
		used, bound := int(after.TotalAlloc-before.TotalAlloc), 64*mib+64*len(data)
		t.Logf("%s: %d KiB for a file of %d (%v)", name, used>>10, len(data)>>10, err)
		if used > bound {
			t.Errorf("%s: %d bytes allocated for a file of %d, expected at most %d (%v)", name, used, len(data), bound, err)
		}
	}
}

// Very many tensors that nobody wants, of names that are like none: most are
// only counted, and candidates are looked for on behalf of a few.
func TestManyExtraTensors(t *testing.T) {
	const many = 20000
	var tensors []Tensor
	var want []Param
	for i := range many {
		tensors = append(tensors, Tensor{Name: fmt.Sprint("unwanted.of.some.length.", i), Shape: []int{64}, DType: F32, stored: F32})
	}
	for i := range 1000 {
		want = append(want, Param{Name: fmt.Sprint("layer.of.some.length.", i), Shape: []int{64}})
	}
	var problems *MatchError
	if _, err := Match(memoryFile(t, tensors...), want); !errors.As(err, &problems) {
		t.Fatal(err)
	}
	if got, most := len(problems.Problems), len(want)+maxExtra+1; got != most {
		t.Errorf("%d problems, expected %d", got, most)
	}
	if got, rest := problems.Problems[len(problems.Problems)-1], "extra       18000 more"; got != rest {
		t.Errorf("the last problem is %q, expected %q", got, rest)
	}
	suggestions := strings.Count(strings.Join(problems.Problems, "\n"), "; nearest: ")
	if most := 2 * maxListed; suggestions != most {
		t.Errorf("candidates for %d tensors, expected %d", suggestions, most)
	}
}
