package weights

import (
	"archive/zip"
	"bytes"
	"os"
	"strings"
	"testing"
)

// zipEntry is one entry of an archive for tests.
type zipEntry struct {
	name, data string
	method     uint16
}

// zipFile returns an archive, like those of torch.save where nothing else is
// asked for.
func zipFile(t testing.TB, entries ...zipEntry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		part, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZipRefused(t *testing.T) {
	pkl := zipEntry{name: "net/data.pkl", data: proto2 + "}" + str("a") + tensorOf(storage("0", 4, ""), 0, 4, 1) + "s" + stop}
	good := zipEntry{name: "net/data/0", data: strings.Repeat("\x00", 16)}
	if _, err := parse(zipFile(t, pkl, good)); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		entries []zipEntry
		want    string
	}{
		{"no pickle", []zipEntry{{name: "readme.txt"}, {name: "net/x"}}, "a zip archive without data.pkl or .npy files"},
		{"big-endian", []zipEntry{pkl, good, {name: "net/byteorder", data: "big"}}, `its byte order is "big", expected little-endian`},
		{"no storage", []zipEntry{pkl}, "zip archive: no entry net/data/0"},
		{"storage elsewhere", []zipEntry{pkl, {name: "other/data/0", data: good.data}}, "zip archive: no entry net/data/0"},
		{"short storage", []zipEntry{pkl, {name: "net/data/0", data: "abc"}}, "storage 0 has 3 bytes, expected 16 for 4 elements of F32"},
		{"compressed storage", []zipEntry{pkl, {"net/data/0", good.data, zip.Deflate}}, "net/data/0 is compressed"},
		{"compressed pickle", []zipEntry{{pkl.name, pkl.data, zip.Deflate}, good}, "net/data.pkl is compressed"},
		{"entry twice", []zipEntry{pkl, good, good}, "two entries are named net/data/0"},
		{"TorchScript", []zipEntry{pkl, good, {name: "net/constants.pkl"}}, "a TorchScript archive"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(zipFile(t, test.entries...))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, expected one with %q", err, test.want)
			}
		})
	}
}

// Elements are read in place: the tensors point into the archive.
func TestZipIsNotCopied(t *testing.T) {
	data, err := os.ReadFile("testdata/zip.pth")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	bias, _ := f.Lookup("fc.bias")
	clear(data)
	if values, err := bias.Float32s(); err != nil || values[0] != 0 {
		t.Errorf("%v, %v after the archive was cleared", values, err)
	}
}
