package support

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// tensor is one array of a weights file, little-endian float32.
type tensor struct {
	shape []int
	begin uint64 // where its data begin, in bytes behind the header
	data  []byte
}

// maxHeader is the longest header that a safetensors file may have.
const maxHeader = 100 << 20

// readSafetensors finds the tensors in a file: eight bytes with the length of
// a JSON header, the header, then the data
// (https://huggingface.co/docs/safetensors).
func readSafetensors(file []byte) (map[string]tensor, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("not a safetensors file: %d bytes", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeader || n > uint64(len(file)-8) {
		return nil, fmt.Errorf("not a safetensors file, or truncated: its header would take %d of %d bytes", n, len(file))
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &header); err != nil {
		return nil, fmt.Errorf("not a safetensors file: its header is no JSON: %w", err)
	}
	data := file[8+n:]
	tensors := make(map[string]tensor, len(header))
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if name == "__metadata__" || strings.HasSuffix(name, "num_batches_tracked") {
			continue
		}
		t, err := readTensor(header[name], data)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors[name] = t
	}
	return tensors, disjoint(tensors)
}

// disjoint returns an error if tensors have bytes of the file in common.
func disjoint(tensors map[string]tensor) error {
	names := slices.SortedFunc(maps.Keys(tensors), func(a, b string) int {
		return cmp.Or(cmp.Compare(tensors[a].begin, tensors[b].begin), cmp.Compare(a, b))
	})
	last, end := "", uint64(0)
	for _, name := range names {
		t := tensors[name]
		if len(t.data) == 0 {
			continue
		}
		if t.begin < end {
			return fmt.Errorf("tensors %q and %q lie in the same bytes; the file is damaged", last, name)
		}
		last, end = name, t.begin+uint64(len(t.data))
	}
	return nil
}

func readTensor(raw json.RawMessage, data []byte) (tensor, error) {
	var h struct {
		DType   string    `json:"dtype"`
		Shape   []int     `json:"shape"`
		Offsets [2]uint64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return tensor{}, err
	}
	if h.DType != "F32" {
		return tensor{}, fmt.Errorf("is %s, not F32; `p3dc weights convert` writes a file that fits", h.DType)
	}
	begin, end := h.Offsets[0], h.Offsets[1]
	if begin > end || end > uint64(len(data)) {
		return tensor{}, fmt.Errorf("lies at bytes %d to %d of %d; the file is truncated or damaged", begin, end, len(data))
	}
	size := uint64(4)
	for _, d := range h.Shape {
		if d < 0 || d > 0 && size > math.MaxInt64/uint64(d) {
			return tensor{}, fmt.Errorf("has the impossible shape %v", h.Shape)
		}
		size *= uint64(d)
	}
	if end-begin != size {
		return tensor{}, fmt.Errorf("of shape %v takes %d bytes, the file has %d", h.Shape, size, end-begin)
	}
	return tensor{shape: h.Shape, begin: begin, data: data[begin:end]}, nil
}

// readParams returns the values of the network's parameters, in their order, from
// the bytes of a safetensors file.
func readParams(net *network, file []byte) ([][]float32, error) {
	tensors, err := readSafetensors(file)
	if err != nil {
		return nil, err
	}
	return match(net, tensors)
}

// match lines the file's tensors up with the network's parameters. All that
// is missing, misshapen or unknown is reported at once.
func match(net *network, tensors map[string]tensor) ([][]float32, error) {
	raw := make([][]float32, len(net.params))
	var errs []error
	for i, p := range net.params {
		t, ok := tensors[p.name]
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("tensor %q is missing", p.name))
		case !slices.Equal(t.shape, p.shape):
			errs = append(errs, fmt.Errorf("tensor %q has shape %v, %s needs %v", p.name, t.shape, net.name, p.shape))
		}
		raw[i] = floats(t.data)
		delete(tensors, p.name)
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		errs = append(errs, fmt.Errorf("tensor %q is no parameter of %s", name, net.name))
	}
	return raw, summary(net, errs)
}

// maxReported is how many faults of a weights file are listed.
const maxReported = 10

func summary(net *network, errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("not the weights of %s: %w", net.name, listed(errs))
}

// listed joins faults, of many the first ones.
func listed(errs []error) error {
	if more := len(errs) - maxReported; more > 0 {
		errs = append(errs[:maxReported:maxReported], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}
