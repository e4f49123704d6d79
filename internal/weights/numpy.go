package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// numpy.savez writes a zip archive in which the array NAME is the entry
// NAME.npy; numpy.savez_compressed deflates the entries. An entry is
//
//	magic     6 bytes
//	version   2 bytes, major and minor
//	length    of the header: 2 bytes in version 1, 4 in versions 2 and 3
//	header    a Python dict with the element type, the order and the shape
//	elements
//
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

// npyMagic begins an array.
const npyMagic = "\x93NUMPY"

// maxNPYHeader is the longest header of an array, in bytes. A plain type and a
// shape take about a hundred; versions 2 and 3 exist for structures of many
// fields.
const maxNPYHeader = 1 << 16

// hasArrays reports whether an archive holds arrays of NumPy.
func (a *zipArchive) hasArrays() bool {
	for name := range a.entries {
		if strings.HasSuffix(name, ".npy") {
			return true
		}
	}
	return false
}

// parseNPZ reads an archive of numpy.savez.
func parseNPZ(a *zipArchive) (*File, error) {
	var tensors []Tensor
	for _, entry := range a.files {
		name, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("zip archive: %s is no array; expected .npy files only, as numpy.savez writes them", shorten(entry.Name))
		}
		data, err := a.contents(entry)
		if err != nil {
			return nil, err
		}
		t, err := parseNPY(data)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", shorten(name), err)
		}
		t.Name = name
		tensors = append(tensors, t)
	}
	return newFile(FormatNumPy, tensors, nil)
}

// parseNPY reads one array, whose name is not in it. The tensor aliases data,
// unless its elements are big-endian.
func parseNPY(data []byte) (Tensor, error) {
	rest, ok := strings.CutPrefix(string(data[:min(len(data), len(npyMagic)+2)]), npyMagic)
	if !ok || len(rest) < 2 {
		return Tensor{}, errors.New("it does not begin as .npy files do")
	}
	if major, minor := rest[0], rest[1]; major < 1 || major > 3 || minor != 0 {
		return Tensor{}, fmt.Errorf("version %d.%d of the .npy format, expected 1.0, 2.0 or 3.0", major, minor)
	}
	text, body, err := cutNPYHeader(data[len(npyMagic)+2:], rest[0])
	if err != nil {
		return Tensor{}, err
	}
	h, err := parseNPYHeader(text)
	if err != nil {
		return Tensor{}, fmt.Errorf("header: %w", err)
	}
	n, err := elements(h.shape)
	if err != nil {
		return Tensor{}, err
	}
	if size := h.dtype.Size(); n > math.MaxInt/8 || len(body) != n*size {
		return Tensor{}, fmt.Errorf("%d bytes follow the header, expected %d elements of %v (shape %s)",
			len(body), n, h.dtype, shapeString(h.shape))
	}
	t := Tensor{DType: h.dtype, Shape: h.shape, data: body, stored: h.dtype}
	if h.bigEndian {
		t.data = swapped(body, h.dtype.Size())
	}
	if h.fortran && n > 0 {
		t.strides = fortranStrides(h.shape)
	}
	return t, nil
}

// cutNPYHeader cuts what follows an array's version into header and elements.
func cutNPYHeader(data []byte, major byte) (header string, body []byte, err error) {
	width := 4
	if major == 1 {
		width = 2
	}
	if len(data) < width {
		return "", nil, errors.New("it ends within the header")
	}
	var length [4]byte
	copy(length[:], data[:width])
	n, data := binary.LittleEndian.Uint32(length[:]), data[width:]
	if n > maxNPYHeader {
		return "", nil, fmt.Errorf("the header claims %d bytes, expected at most %d", n, maxNPYHeader)
	}
	if int(n) > len(data) {
		return "", nil, fmt.Errorf("the header claims %d bytes, but only %d follow", n, len(data))
	}
	return string(data[:n]), data[n:], nil
}

// swapped returns a copy of data with the bytes of each element of the given
// size in the other order.
func swapped(data []byte, size int) []byte {
	out := slices.Clone(data)
	for at := 0; at < len(out); at += size {
		slices.Reverse(out[at : at+size])
	}
	return out
}

// fortranStrides returns the strides of an array whose first index moves
// fastest. No dimension is 0.
func fortranStrides(shape []int) []int {
	strides := make([]int, len(shape))
	next := 1
	for i, d := range shape {
		strides[i] = next
		next *= d
	}
	return strides
}
