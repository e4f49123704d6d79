package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// A safetensors file is the length of its header (8 bytes, little-endian), the
// header (JSON), and the elements of the tensors, without gaps:
// https://github.com/huggingface/safetensors#format

const (
	safetensorsPrefix = 8
	// maxSafetensorsHeader is the reference implementation's limit, in bytes.
	maxSafetensorsHeader = 100_000_000
	// metadataKey is the header's key for strings that describe the file.
	metadataKey = "__metadata__"
)

// looksLikeSafetensors reports whether data begins as a safetensors file does,
// be it truncated.
func looksLikeSafetensors(data []byte) bool {
	return len(data) > safetensorsPrefix && data[safetensorsPrefix] == '{'
}

// parseSafetensors reads a safetensors file. The tensors come in the order of
// their data and alias it.
func parseSafetensors(data []byte) (*File, error) {
	n := binary.LittleEndian.Uint64(data)
	switch {
	case n > maxSafetensorsHeader:
		return nil, fmt.Errorf("the safetensors header claims %d bytes, expected at most %d", n, maxSafetensorsHeader)
	case n > uint64(len(data)-safetensorsPrefix):
		return nil, fmt.Errorf("the safetensors header claims %d bytes but only %d follow: the file is truncated",
			n, len(data)-safetensorsPrefix)
	}
	header, body := data[safetensorsPrefix:safetensorsPrefix+int(n)], data[safetensorsPrefix+int(n):]
	p := headerParser{dec: json.NewDecoder(bytes.NewReader(header))}
	p.dec.UseNumber()
	if err := p.parse(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	tensors, err := placeTensors(p.entries, body)
	if err != nil {
		return nil, err
	}
	return newFile(FormatSafetensors, tensors, p.metadata)
}

// headerEntry is what the header says of one tensor.
type headerEntry struct {
	name       string
	dtype      DType
	shape      []int
	begin, end int // of the data, in bytes from the header's end
}

// placeTensors checks that the entries tile the body and returns them as
// tensors, in the order of their data.
func placeTensors(entries []headerEntry, body []byte) ([]Tensor, error) {
	slices.SortStableFunc(entries, func(a, b headerEntry) int {
		if a.begin != b.begin {
			return a.begin - b.begin
		}
		return a.end - b.end // empty ones first
	})
	tensors := make([]Tensor, 0, len(entries))
	at := 0
	for _, e := range entries {
		n, err := elements(e.shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.name, err)
		}
		switch size := e.end - e.begin; {
		case e.end < e.begin:
			return nil, fmt.Errorf("tensor %q: its data ends at %d before it begins at %d", e.name, e.end, e.begin)
		case e.end > len(body):
			return nil, fmt.Errorf("tensor %q: its data ends at byte %d of %d: the file is truncated", e.name, e.end, len(body))
		case e.begin < at:
			return nil, fmt.Errorf("tensor %q: its data begins at byte %d, inside the data of another that ends at %d", e.name, e.begin, at)
		case e.begin > at:
			return nil, fmt.Errorf("tensor %q: its data begins at byte %d, expected %d: there is a gap", e.name, e.begin, at)
		case n > math.MaxInt/8 || size != n*e.dtype.Size():
			return nil, fmt.Errorf("tensor %q: %d bytes of data, expected %d elements of %v (shape %s)",
				e.name, size, n, e.dtype, shapeString(e.shape))
		}
		tensors = append(tensors, Tensor{
			Name: e.name, DType: e.dtype, Shape: e.shape,
			data: body[e.begin:e.end:e.end], stored: e.dtype,
		})
		at = e.end
	}
	if at != len(body) {
		return nil, fmt.Errorf("%d bytes follow the data of the last tensor, expected none", len(body)-at)
	}
	return tensors, nil
}

// headerParser reads the JSON of a header token by token, because that is how
// repeated keys show.
type headerParser struct {
	dec      *json.Decoder
	entries  []headerEntry
	metadata map[string]string
}

func (p *headerParser) parse() error {
	err := p.object("the header", func(key string) error {
		if key == metadataKey {
			return p.parseMetadata()
		}
		return p.parseTensor(key)
	})
	if err != nil {
		return err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the closing brace, expected spaces only")
	}
	return nil
}

func (p *headerParser) parseMetadata() error {
	p.metadata = map[string]string{}
	return p.object(metadataKey, func(key string) error {
		token, err := p.dec.Token()
		if err != nil {
			return err
		}
		value, ok := token.(string)
		if !ok {
			return fmt.Errorf("%s: %q is %v, expected a string", metadataKey, key, token)
		}
		p.metadata[key] = value
		return nil
	})
}

func (p *headerParser) parseTensor(name string) error {
	e := headerEntry{name: name}
	seen := 0
	err := p.object(fmt.Sprintf("tensor %q", name), func(key string) (err error) {
		seen++
		switch key {
		case "dtype":
			e.dtype, err = p.parseDType()
		case "shape":
			e.shape, err = p.ints()
		case "data_offsets":
			var offsets []int
			offsets, err = p.ints()
			if err == nil && len(offsets) != 2 {
				err = fmt.Errorf("%d numbers, expected 2", len(offsets))
			}
			if err == nil {
				e.begin, e.end = offsets[0], offsets[1]
			}
		default:
			return fmt.Errorf("tensor %q: unknown key %q, expected dtype, shape or data_offsets", name, key)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %s: %w", name, key, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if seen != 3 {
		return fmt.Errorf("tensor %q: expected dtype, shape and data_offsets", name)
	}
	p.entries = append(p.entries, e)
	return nil
}

func (p *headerParser) parseDType() (DType, error) {
	token, err := p.dec.Token()
	if err != nil {
		return 0, err
	}
	name, ok := token.(string)
	if !ok {
		return 0, fmt.Errorf("found %v, expected a string", token)
	}
	d, ok := dtypeByName(name)
	if !ok {
		return 0, fmt.Errorf("%q is unknown, expected one such as F32, F16 or BF16", name)
	}
	return d, nil
}

// object reads a JSON object: it calls value after each key, which reads the
// key's value. what names the object in errors; repeated keys are one.
func (p *headerParser) object(what string, value func(key string) error) error {
	token, err := p.dec.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return fmt.Errorf("%s is %v, expected an object", what, token)
	}
	seen := map[string]bool{}
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return err
		}
		key := token.(string) // the decoder takes nothing else for a key
		if seen[key] {
			return fmt.Errorf("%s has the key %q twice", what, key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err = p.dec.Token() // the closing brace
	return err
}

// ints reads a JSON array of integers that are not negative, at most maxRank.
func (p *headerParser) ints() ([]int, error) {
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('[') {
		return nil, fmt.Errorf("found %v, expected a list of numbers", token)
	}
	list := []int{}
	for p.dec.More() {
		token, err := p.dec.Token()
		if err != nil {
			return nil, err
		}
		number, ok := token.(json.Number)
		if !ok {
			return nil, fmt.Errorf("found %v, expected a number", token)
		}
		n, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("found %v, expected an integer from 0 to %d", number, math.MaxInt)
		}
		if len(list) == maxRank {
			return nil, fmt.Errorf("more than %d numbers", maxRank)
		}
		list = append(list, int(n))
	}
	_, err = p.dec.Token() // the closing bracket
	return list, err
}
