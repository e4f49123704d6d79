package weights

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// npyFile returns an array of version 1.0 with the given header and elements.
func npyFile(header, elements string) string {
	return npyMagic + "\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header + elements
}

// npyOf returns the header of an array.
func npyOf(descr, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
}

func TestNPYRefused(t *testing.T) {
	const eight = "abcdefgh"
	good := npyFile(npyOf("<f4", "(2,)"), eight)
	tests := []struct {
		name, array, want string
	}{
		{"empty", "", "it does not begin as .npy files do"},
		{"wrong magic", "\x93NUMPX\x01\x00", "it does not begin as .npy files do"},
		{"version", npyMagic + "\x04\x00", "version 4.0 of the .npy format, expected 1.0, 2.0 or 3.0"},
		{"no length", npyMagic + "\x01\x00\x01", "it ends within the header"},
		{"no length, wide", npyMagic + "\x02\x00\x01\x00\x00", "it ends within the header"},
		{"header cut", good[:20], "the header claims 58 bytes, but only 10 follow"},
		{"huge header", npyMagic + "\x02\x00\xff\xff\xff\xff", "the header claims 4294967295 bytes, expected at most 65536"},
		{"data cut", good[:len(good)-1], "7 bytes follow the header, expected 2 elements of F32 (shape 2)"},
		{"data left over", good + "x", "9 bytes follow the header, expected 2 elements of F32 (shape 2)"},
		{"negative size", npyFile(npyOf("<f4", "(-2,)"), eight), `shape: found "-2,), }", expected a number from 0 up`},
		{"size too large", npyFile(npyOf("<f4", "(9223372036854775808,)"), eight), "expected a number from 0 up that fits an int"},
		{"overflow", npyFile(npyOf("<f4", "(4294967296, 4294967296)"), eight), "has too many elements"},
		{"overflow to what there is", npyFile(npyOf("<f4", "(4611686018427387906,)"), eight), "8 bytes follow the header, expected 4611686018427387906"},
		{"many dimensions", npyFile(npyOf("<f4", "("+strings.Repeat("1,", maxRank+1)+")"), eight), "a tuple of at most 64 numbers"},
		{"shape no tuple", npyFile(npyOf("<f4", "2"), eight), `shape: found "2, }", expected "("`},
		{"shape open", npyFile("{'shape': (2", eight), `shape: found "2", expected a tuple`},
		{"shape without comma", npyFile(npyOf("<f4", "(1 2)"), eight), "expected a number"},
		{"deep", npyFile(npyOf("<f4", strings.Repeat("(", 60000)), eight), `found "((((((((((((((((((((", expected a number`},
		{"objects", npyFile(npyOf("|O", "(2,)"), eight), "objects of Python, which only Python can read"},
		{"complex", npyFile(npyOf("<c8", "(1,)"), eight), `the element type "<c8" is not supported`},
		{"no byte order", npyFile(npyOf("f4", "(2,)"), eight), `the element type "f4" is not supported`},
		{"order of no bytes", npyFile(npyOf("|f4", "(2,)"), eight), `the element type "|f4" is not supported`},
		{"empty type", npyFile(npyOf("", "(2,)"), eight), `the element type "" is not supported`},
		{"records", npyFile("{'descr': [('a', '<f4')], ", eight), "records of several fields"},
		{"type no string", npyFile("{'descr': 4}", eight), `descr: found "4}", expected a string`},
		{"type escaped", npyFile(`{'descr': '\x3cf4'}`, eight), "expected a plain string"},
		{"type open", npyFile(`{'descr': '<f4`, eight), "expected a plain string"},
		{"order no bool", npyFile("{'fortran_order': 0}", eight), `fortran_order: found "0}", expected True or False`},
		{"no dict", npyFile("[]", eight), `header: found "[]", expected "{"`},
		{"no colon", npyFile("{'descr'}", eight), `header: found "}", expected ":"`},
		{"no comma", npyFile("{'fortran_order': True 'shape': ()}", eight), `expected "," or "}"`},
		{"dict open", npyFile("{'fortran_order': True,", eight), `header: found "", expected a string`},
		{"key twice", npyFile("{'shape': (), 'shape': ()}", eight), `the key "shape" comes twice`},
		{"unknown key", npyFile("{'order': 'C'}", eight), "order: unknown, expected descr, fortran_order or shape"},
		{"key missing", npyFile("{'shape': ()}", eight), "expected descr, fortran_order and shape"},
		{"code behind the dict", npyFile("{} + f()", eight), `found "+ f()", expected nothing behind the dict`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(zipFile(t, zipEntry{name: "a.npy", data: test.array}))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), `array "a": `) {
				t.Errorf("error %v, expected one with %q", err, test.want)
			} else if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// Headers as other writers, and NumPy under Python 2, have them.
func TestNPYHeaders(t *testing.T) {
	for _, header := range []string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }          \n",
		`{"shape":(1,2),"fortran_order":False,"descr":"<f4"}`,
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 2L), }\n",
		"{ 'descr' : '<f4' , 'fortran_order' : True , 'shape' : ( 1 , 2 ) }",
	} {
		tensor, err := parseNPY([]byte(npyFile(header, "\x00\x00\x80\x3f\x00\x00\x00\x40")))
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		values, err := tensor.Float32s()
		if err != nil || !slices.Equal(values, []float32{1, 2}) || !slices.Equal(tensor.Shape, []int{1, 2}) {
			t.Errorf("%s: %v: %v, %v", header, tensor, values, err)
		}
	}
}

// Integers keep their values, whatever the order of their bytes; only those of
// one byte need none.
func TestNPYIntegers(t *testing.T) {
	for descr, want := range map[string]DType{"<i8": I64, ">i8": I64, "|b1": Bool, "<u1": U8, "|i1": I8} {
		tensor, err := parseNPY([]byte(npyFile(npyOf(descr, "()"), strings.Repeat("\x01", want.Size()))))
		if err != nil || tensor.DType != want || len(tensor.Shape) != 0 {
			t.Errorf("%s: %v, %v", descr, tensor, err)
		}
	}
	big, err := parseNPY([]byte(npyFile(npyOf(">i2", "(2,)"), "\x01\x02\x03\x04")))
	if err != nil || string(big.data) != "\x02\x01\x04\x03" {
		t.Errorf("%x, %v", big.data, err)
	}
}

// An array without elements has no order of elements either, even if its other
// dimensions overflow when they are multiplied.
func TestNPYEmpty(t *testing.T) {
	header := "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 4611686018427387904, 4), }"
	tensor, err := parseNPY([]byte(npyFile(header, "")))
	if err != nil || tensor.Elements() != 0 {
		t.Errorf("%v, %v", tensor, err)
	}
}

func TestNPZRefused(t *testing.T) {
	good := zipEntry{name: "a.npy", data: npyFile(npyOf("<f4", "(2,)"), "abcdefgh")}
	zeros := zipEntry{"bomb.npy", npyFile(npyOf("<f4", "(16777216,)"), strings.Repeat("\x00", 64<<20)), zip.Deflate}
	half := zipEntry{"half.npy", npyFile(npyOf("<f4", "(2097152,)"), strings.Repeat("\x00", 8<<20)), zip.Deflate}
	other := half
	other.name = "other.npy"
	third := half
	third.name = "third.npy"
	stored, packed := zipFile(t, good), zipFile(t, zipEntry{good.name, good.data, zip.Deflate})
	harmed := func(file []byte, at int, b byte) []byte {
		file = slices.Clone(file)
		file[at] ^= b
		return file
	}
	// An entry of the directory has its flags at byte 8, the method at 10, the
	// checksum at 16, and the size that it inflates to at 24.
	directory := strings.Index(string(packed), "PK\x01\x02")
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"another file", zipFile(t, good, zipEntry{name: "readme.txt"}), "readme.txt is no array"},
		{"entry twice", zipFile(t, good, good), "two entries are named a.npy"},
		{"bomb", zipFile(t, zeros), "bomb.npy: it takes 67108939 bytes, and all entries together may take no more than"},
		{"small bombs", zipFile(t, half, other, third), "third.npy: it takes"},
		{"smaller than it is", harmed(packed, directory+24, 4), "a.npy: its size or checksum is not what the archive says"},
		{"another checksum", harmed(packed, directory+16, 1), "a.npy: its size or checksum is not what the archive says"},
		{"larger than it says", harmed(packed, directory+25, 0x10), "unexpected EOF: the file is damaged or truncated"},
		{"another method", harmed(harmed(packed, directory+10, 8^12), 8, 8^12), "a.npy is compressed by method 12, expected none or deflate"},
		{"damaged", harmed(packed, 40, 0xff), "the file is damaged"},
		{"encrypted", harmed(stored, strings.Index(string(stored), "PK\x01\x02")+8, 1), "a.npy is encrypted"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(test.file)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, expected one with %q", err, test.want)
			}
		})
	}
}
