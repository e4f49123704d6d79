package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// dataAlignment is where the data of a written file begins: at a multiple of
// this many bytes, a cache line, so that a mapped file can be used in place.
const dataAlignment = 64

// WriteSafetensors writes tensors and metadata (which may be nil) as a
// safetensors file. The same tensors and metadata give the same bytes, in
// whatever order they come: tensors are sorted by element size, largest first,
// and then by name, so that every one is aligned to its elements. The data
// begin at a multiple of 64 bytes.
//
// Repeated names, names that are not UTF-8 or empty, and the reserved name
// __metadata__ are errors, found before anything is written.
func WriteSafetensors(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(b.DType.Size()-a.DType.Size(), cmp.Compare(a.Name, b.Name))
	})
	header, err := safetensorsHeader(sorted, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range sorted {
		if err := t.writeTo(w); err != nil {
			return err
		}
	}
	return nil
}

// safetensorsHeader returns the file's beginning: the header's length, the
// header, and the spaces that align what follows.
func safetensorsHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	var fields [][]byte
	if len(metadata) > 0 {
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if !utf8.ValidString(key) || !utf8.ValidString(metadata[key]) {
				return nil, fmt.Errorf("metadata %q: not valid UTF-8", key)
			}
		}
		fields = append(fields, jsonField(metadataKey, metadata)) // sorts the keys
	}
	seen := make(map[string]bool, len(tensors))
	at := 0
	for _, t := range tensors {
		switch {
		case t.Name == "" || t.Name == metadataKey:
			return nil, fmt.Errorf("a tensor cannot be named %q", t.Name)
		case !utf8.ValidString(t.Name):
			return nil, fmt.Errorf("tensor name %q is not valid UTF-8", t.Name)
		case seen[t.Name]:
			return nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		seen[t.Name] = true
		shape := append([]int{}, t.Shape...) // a scalar's is [], never null
		fields = append(fields, jsonField(t.Name, entry{t.DType.String(), shape, [2]int{at, at + t.Bytes()}}))
		at += t.Bytes()
	}
	var b bytes.Buffer
	b.Write(make([]byte, safetensorsPrefix))
	b.WriteByte('{')
	b.Write(bytes.Join(fields, []byte(",")))
	b.WriteByte('}')
	for b.Len()%dataAlignment != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - safetensorsPrefix
	if n > maxSafetensorsHeader {
		return nil, fmt.Errorf("the header would take %d bytes, at most %d are allowed", n, maxSafetensorsHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// jsonField returns `"key":value` without a line's end.
func jsonField(key string, value any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := errors.Join(enc.Encode(key), enc.Encode(value)); err != nil {
		panic("BUG: strings and integers cannot be encoded as JSON: " + err.Error())
	}
	k, v, _ := bytes.Cut(b.Bytes(), []byte("\n"))
	return slices.Concat(k, []byte(":"), bytes.TrimSuffix(v, []byte("\n")))
}
