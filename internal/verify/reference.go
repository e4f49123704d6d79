package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/p3dc/p3dc/dsl"
)

// Reference holds what another implementation computes for a network with
// synthetic weights on the synthetic clip.
type Reference struct {
	Name       string `json:"name"`
	Network    string `json:"network"`    // the preset; without one, a P3D network as Layers, Mix and Pool1 say
	Parameters int    `json:"parameters"` // values of all parameters, those of batch norms included; 0 where not given
	Input      []int  `json:"input"`      // N, C, T, H, W; N is 1
	Classes    int    `json:"classes"`    // logits

	// Of P3D networks without a preset.
	Layers []int    `json:"layers"` // blocks of each stage
	Mix    []string `json:"mix"`    // the cycle of block kinds, counted through the network
	Pool1  string   `json:"pool1"`  // the stem pool: caffe or pytorch, a colon, and what that means

	Taps     map[string]ReferenceTap `json:"taps"`
	Features []float64               `json:"features"`
	Logits   []float64               `json:"logits"`
}

// ReferenceTap is a value inside the network: samples of it, and moments over
// all of it.
type ReferenceTap struct {
	Shape   []int    `json:"shape"` // N, C, T, H, W, or N, C, H, W of a single frame; N is 1
	Mean    float64  `json:"mean"`
	RMS     float64  `json:"rms"`
	Samples []Sample `json:"samples"`
}

// Sample is the value at a flat index in C order of the tap's shape.
type Sample struct {
	Index int
	Value float64
}

// UnmarshalJSON reads [index, value].
func (s *Sample) UnmarshalJSON(text []byte) error {
	var pair []json.Number
	if err := json.Unmarshal(text, &pair); err != nil || len(pair) != 2 {
		return fmt.Errorf("the sample %s is not [index, value]", text)
	}
	index, err := pair[0].Int64()
	if err != nil || index < 0 || index > math.MaxInt32 {
		return fmt.Errorf("the sample %s has no index", text)
	}
	s.Index = int(index)
	s.Value, err = pair[1].Float64()
	return err
}

// ReadReferenceFile reads a file of reference values. The error names the file
// and says what is wrong with it.
func ReadReferenceFile(path string) (*Reference, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := ReadReference(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Name == "" {
		r.Name = filepath.Base(path)
	}
	return r, nil
}

// maxReference is more than any file of reference values has, in bytes.
const maxReference = 64 << 20

// ReadReference reads reference values and checks that they are complete and
// fit one another.
func ReadReference(in io.Reader) (*Reference, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxReference+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxReference {
		return nil, fmt.Errorf("not a file of reference values: larger than %d MiB", maxReference>>20)
	}
	r := new(Reference)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("not a file of reference values: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("not a file of reference values: %w", err)
	}
	return r, nil
}

// check reports everything that the file lacks.
func (r *Reference) check() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if r.Network == "" {
		require(len(r.Layers) > 0 && slices.Min(r.Layers) > 0, "layers is %v; expected the number of blocks of each stage, or a preset as network", r.Layers)
		require(len(r.Mix) > 0, "mix is missing")
		require(r.stemPool() != "", "pool1 is %q; expected caffe or pytorch, a colon, and what that means", r.Pool1)
	}
	require(r.Parameters >= 0, "parameters is %d; expected how many values the parameters have", r.Parameters)
	require(len(r.Input) == 5 && r.Input[0] == 1 && slices.Min(r.Input) > 0, "input is %v; expected 1, channels, frames, height, width", r.Input)
	require(r.Classes > 0 && r.Classes == len(r.Logits), "%d logits for %d classes", len(r.Logits), r.Classes)
	require(len(r.Features) > 0, "features are missing")
	for _, name := range r.tapNames() {
		if err := r.Taps[name].check(); err != nil {
			errs = append(errs, fmt.Errorf("tap %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (t ReferenceTap) check() error {
	if len(t.Shape) != 4 && len(t.Shape) != 5 || t.Shape[0] != 1 || slices.Min(t.Shape) < 1 {
		return fmt.Errorf("the shape is %v; expected 1, channels, frames, height, width, or 1, channels, height, width", t.Shape)
	}
	if len(t.Samples) == 0 {
		return errors.New("no samples")
	}
	n := t.elems()
	for _, s := range t.Samples {
		if s.Index >= n {
			return fmt.Errorf("a sample has index %d, of %d values", s.Index, n)
		}
	}
	if !(t.RMS > 0) {
		return fmt.Errorf("the root mean square is %g", t.RMS)
	}
	return nil
}

func (t ReferenceTap) elems() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Net returns the network that the values are of: a preset with the reference's
// settings.
func (r *Reference) Net() (*dsl.Network, error) {
	preset := r.Network
	settings := [][2]string{
		{"input", strings.ReplaceAll(join(r.Input[1:]), ",", "x")},
		{"classes", strconv.Itoa(r.Classes)},
	}
	if preset == "" {
		preset = "p3d63" // which depth does not matter, as it is set
		settings = append(settings, [][2]string{
			{"depths", join(r.Layers)},
			{"mix", strings.Join(r.Mix, ",")},
			{"stem-pool", r.stemPool()},
		}...)
	}
	net, err := dsl.Preset(preset)
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		if err := dsl.Set(net, s[0], s[1]); err != nil {
			return nil, err
		}
	}
	return net, nil
}

// tapNames lists the taps in alphabetical order.
func (r *Reference) tapNames() []string { return slices.Sorted(maps.Keys(r.Taps)) }
