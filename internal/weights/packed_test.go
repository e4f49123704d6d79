package weights

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packedFile returns packed weights, with the header's fields where they stand.
func packedFile(values []byte) []byte {
	file := make([]byte, 4096, 4096+len(values))
	copy(file, "P3DW\r\n\x1a\n")
	file[8] = 1
	binary.LittleEndian.PutUint64(file[16:], 0x0123456789abcdef)
	binary.LittleEndian.PutUint64(file[24:], uint64(len(values)/4))
	copy(file[40:72], "avx2")
	copy(file[72:], "net")
	file = append(file, values...)
	sealPacked(file)
	return file
}

// sealPacked puts the right checksums into packed weights.
func sealPacked(file []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	header, values := file[:4096], file[4096:]
	var sums []byte
	for i := 0; i < len(values); i += 1 << 20 {
		sums = binary.LittleEndian.AppendUint32(sums, crc32.Checksum(values[i:min(i+1<<20, len(values))], table))
	}
	binary.LittleEndian.PutUint32(header[32:], crc32.Checksum(sums, table))
	clear(header[12:16])
	binary.LittleEndian.PutUint32(header[12:], crc32.Checksum(header, table))
}

func TestReadPacked(t *testing.T) {
	values := make([]byte, 5<<19)
	for i := range values {
		values[i] = byte(i * i >> 8)
	}
	good := packedFile(values)
	for _, tc := range []struct {
		name string
		harm func([]byte) []byte
		want string
	}{
		{"in order", func(b []byte) []byte { return b }, ""},
		{"no values", func([]byte) []byte { return packedFile(nil) }, ""},
		{"a header cut short", func(b []byte) []byte { return b[:4095] }, "packed weights, truncated: 4095 bytes, the header alone has 4096"},
		{"cut short", func(b []byte) []byte { return b[:len(b)-1] }, "packed weights, truncated or damaged: 2621439 bytes behind the header, which says 655360 values of 4"},
		{"too long", func(b []byte) []byte { return append(b, 1, 2, 3, 4) }, "packed weights, truncated or damaged: 2621444 bytes behind the header, which says 655360 values of 4"},
		{"another format", func(b []byte) []byte { b[8] = 2; return b }, "packed weights in format 2, this version of p3dc knows format 1"},
		{"another header", func(b []byte) []byte { b[72] ^= 1; return b }, "packed weights, damaged: the header does not match its checksum"},
		{"another value", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "packed weights, damaged: the values do not match their checksum"},
		{"another file", func([]byte) []byte { return []byte("P3DW") }, "no packed weights"},
	} {
		path := filepath.Join(t.TempDir(), "w.p3dw")
		if err := os.WriteFile(path, tc.harm(append([]byte(nil), good...)), 0o666); err != nil {
			t.Fatal(err)
		}
		got := ""
		p, err := ReadPacked(path)
		if err != nil {
			got = strings.TrimPrefix(err.Error(), path+": ")
		} else if p.Network != "net" || p.ISA != "avx2" || p.Fingerprint != 0x0123456789abcdef {
			t.Errorf("%s: read %+v", tc.name, p)
		}
		if got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, got, tc.want)
		}
		if is, err := IsPacked(path); err != nil || is != (tc.name != "another file") {
			t.Errorf("%s: recognised: %t, %v", tc.name, is, err)
		}
		if _, err := Open(path); err == nil || tc.name != "another file" && !strings.Contains(err.Error(), "expected the checkpoint that they were packed from") {
			t.Errorf("%s: opened as a checkpoint: %v", tc.name, err)
		}
	}
	if _, err := IsPacked(t.TempDir()); err == nil {
		t.Error("a folder is a file")
	}
}

// Every beginning of packed weights is an error.
func TestTruncatedPacked(t *testing.T) {
	data := packedFile(make([]byte, 40))
	for n := range len(data) {
		if _, err := parsePacked(data[:n:n]); err == nil {
			t.Errorf("the first %d of %d bytes were accepted", n, len(data))
		}
	}
}
