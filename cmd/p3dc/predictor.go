package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/video"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// predictor runs the generated package of a network with given weights.
type predictor struct {
	graph   *ir.Graph
	dir     string // of the weights, where they had to be written anew
	program *harness.Program
	process *harness.Process
}

// newPredictor compiles and builds the network and opens the weights. The
// caller must close the predictor.
func newPredictor(ctx context.Context, n *network, file string) (_ *predictor, err error) {
	p := &predictor{graph: n.graph}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if p.dir, err = os.MkdirTemp("", "p3dc-weights-"); err != nil {
		return nil, err
	}
	opened, err := openableWeights(file, n.graph.Params, p.dir)
	if err != nil {
		return nil, err
	}
	plans, err := n.plans()
	if err != nil {
		return nil, err
	}
	if p.program, err = harness.Build(ctx, n.generate(plans, "net")); err != nil {
		return nil, err
	}
	if p.process, err = p.program.Start(ctx, "", opened); err != nil && opened != file {
		err = fmt.Errorf("%s: %w", file, harness.Unnamed(err, opened))
	}
	return p, err
}

// close ends the program and removes what was written for it.
func (p *predictor) close() error {
	var errs []error
	if p.process != nil {
		errs = append(errs, p.process.Close())
	}
	if p.program != nil {
		errs = append(errs, p.program.Close())
	}
	if p.dir != "" {
		errs = append(errs, codegen.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}

// syntheticWeights asks for made-up weights instead of a file's.
const syntheticWeights = "synthetic"

// openableWeights is usableWeights that leaves packed weights as they are, for
// the package to check.
func openableWeights(file string, params []ir.Param, dir string) (string, error) {
	if file != syntheticWeights {
		if packed, err := weights.IsPacked(file); packed || err != nil {
			return file, err
		}
	}
	return usableWeights(file, params, dir)
}

// usableWeights returns a file that a generated package opens and packs: the
// given one where it is float32 safetensors under the network's names, else one
// that it writes to dir.
func usableWeights(file string, params []ir.Param, dir string) (_ string, err error) {
	to := filepath.Join(dir, "weights.safetensors")
	if file == syntheticWeights {
		return to, harness.WriteWeights(to, params, weights.Synthetic(params))
	}
	f, err := weights.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	values, err := weights.Match(f, params)
	if err != nil {
		return "", err
	}
	if ready(f, params) {
		return file, nil
	}
	return to, harness.WriteWeights(to, params, values)
}

// ready reports whether a generated package can open a checkpoint that
// matches the parameters.
func ready(f *weights.File, params []ir.Param) bool {
	if f.Format() != weights.FormatSafetensors || len(f.Tensors()) != len(params) {
		return false
	}
	return !slices.ContainsFunc(params, func(p ir.Param) bool {
		t, ok := f.Lookup(p.Name)
		return !ok || t.DType != weights.F32
	})
}

// decoding returns how a video's clips become the network's input.
func (p *predictor) decoding(clips int, limits decodeLimits, bar *progress, name string) video.Options {
	in := p.graph.Input
	resize := in.ResizeShort
	if resize == 0 {
		resize = video.KeepSize
	}
	return video.Options{
		Frames:       in.Shape.T,
		Clips:        clips,
		Preprocess:   video.Preprocess{ResizeShort: resize, Height: in.Shape.H, Width: in.Shape.W},
		StallTimeout: limits.StallTimeout,
		MaxPixels:    limits.MaxPixels,
		MaxMemory:    limits.MaxMemory << 20,
		Progress:     func(done, total int) { bar.count(filepath.Base(name)+": decoding", done, total) },
		Warn:         bar.warn,
	}
}

// average returns the mean of the clips' class probabilities. It calls ran
// with the number of clips that have run.
func (p *predictor) average(clips []video.Clip, ran func(done int)) ([]float64, error) {
	var want []harness.Value
	for _, v := range harness.Values(p.graph) {
		if v.Name == "logits" && !v.Tap {
			want = append(want, v)
		}
	}
	sum := make([]float64, want[0].Len)
	for i, clip := range clips {
		ran(i)
		values, err := p.process.RunUint8(clip.Frames, 0, want)
		if err != nil {
			return nil, err
		}
		probabilities := softmax(values["logits"])
		if math.IsNaN(probabilities[0]) {
			return nil, errors.New("the scores are not finite numbers: the weights make values overflow; check where they come from")
		}
		for class, v := range probabilities {
			sum[class] += v / float64(len(clips))
		}
	}
	return sum, nil
}

// softmax turns scores into probabilities.
func softmax(scores []float32) []float64 {
	top := float64(slices.Max(scores))
	p := make([]float64, len(scores))
	sum := 0.0
	for i, s := range scores {
		p[i] = math.Exp(float64(s) - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// best returns the k most likely classes, the lower number first among
// equals.
func best(probabilities []float64, labels []string, k int) []prediction {
	all := make([]prediction, len(probabilities))
	for i, p := range probabilities {
		all[i] = prediction{Class: i, Probability: p}
		if labels != nil {
			all[i].Label = labels[i]
		}
	}
	slices.SortStableFunc(all, func(a, b prediction) int { return cmp.Compare(b.Probability, a.Probability) })
	return all[:min(k, len(all))]
}
