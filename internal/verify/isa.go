package verify

import (
	"context"
	"errors"

	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/ir"
)

// isa runs both programs on one instruction set.
func (v *verifier) isa(ctx context.Context, isa string) (*ISAResult, error) {
	outputs, all := harness.Values(v.deployed), harness.Values(v.tapped)
	many := manyThreads()
	r := &ISAResult{ISA: isa}
	var tapped map[string][]float32
	err := v.process(ctx, withTaps, isa, func(c *harness.Process) (err error) {
		tapped, err = c.RunFloat32(v.clip, many, all)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = v.process(ctx, asDeployed, isa, func(c *harness.Process) error {
		deployed, err := c.RunFloat32(v.clip, many, outputs)
		if err != nil {
			return err
		}
		alone, err := c.RunFloat32(v.clip, 1, outputs)
		if err != nil {
			return err
		}
		names := valueNames(outputs)
		r.Identities = append(r.Identities,
			identical("one thread and all cores", alone, deployed, names),
			identical("with taps and without", tapped, deployed, names))
		for _, value := range outputs {
			r.Comparisons = append(r.Comparisons, v.want.compare(value, deployed[value.Name]))
		}
		frames, err := v.frames(c, many)
		if frames != nil {
			r.Comparisons = append(r.Comparisons, *frames)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, value := range all[len(outputs):] {
		if v.want.has(value.Name) {
			r.Comparisons = append(r.Comparisons, v.want.compare(value, tapped[value.Name]))
		}
	}
	return r, nil
}

// process starts a program and closes it when f returns.
func (v *verifier) process(ctx context.Context, program int, isa string, f func(*harness.Process) error) (err error) {
	c, err := v.programs[program].Start(ctx, isa, v.weightsFile())
	if err != nil {
		return harness.Unnamed(err, v.weightsFile())
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	return f(c)
}

func valueNames(values []harness.Value) []string {
	var names []string
	for _, v := range values {
		names = append(names, v.Name)
	}
	return names
}

// FramesValue is the comparison of a clip of uint8 frames with the same clip
// normalised beforehand.
const FramesValue = "uint8 frames"

// frames runs frames and the clip that the preprocessing makes of them. The
// network's last output stands for all.
func (v *verifier) frames(c *harness.Process, threads int) (*Comparison, error) {
	frames, clip := framesAndClip(v.deployed.Input)
	values := harness.Values(v.deployed)
	value := values[:1]
	for i := range values {
		if values[i].Name == "logits" {
			value = values[i : i+1]
		}
	}
	name := value[0].Name
	got, err := c.RunUint8(frames, threads, value)
	if err != nil {
		return nil, err
	}
	normalised, err := c.RunFloat32(clip, threads, value)
	if err != nil {
		return nil, err
	}
	want := make([]float64, value[0].Len)
	for i, x := range normalised[name] {
		want[i] = float64(x)
	}
	cmp := &Comparison{
		Value: FramesValue, Count: value[0].Len,
		RelL2: Error(relL2(got[name], want)), Tolerance: 2 * v.want.tolerance, // both runs err
	}
	cmp.judge()
	return cmp, nil
}

// framesAndClip returns frames of all uint8 values, T x H x W x C, red first,
// and what the network's preprocessing makes of them, C x T x H x W.
func framesAndClip(in ir.Input) ([]uint8, []float32) {
	s := in.Shape
	frames := make([]uint8, s.Elems())
	clip := make([]float32, s.Elems())
	state := uint32(1)
	for p := range s.Pixels() {
		for source := range s.C {
			state = state*1664525 + 1013904223 // Numerical Recipes' generator
			x := uint8(state >> 24)
			c := source
			if in.Order == ir.BGR {
				c = s.C - 1 - source
			}
			frames[p*s.C+source] = x
			clip[c*s.Pixels()+p] = float32((float64(x)*in.Scale - in.Mean[c]) / in.Std[c])
		}
	}
	return frames, clip
}
