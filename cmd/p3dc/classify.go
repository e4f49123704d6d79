package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/internal/video"
	"github.com/p3dc/p3dc/ir"
)

// classifyCmd is "p3dc classify".
type classifyCmd struct {
	netArgs
	Weights string `required:"" placeholder:"FILE" help:"Checkpoint of any kind that weights inspect reads, or packed weights. \"synthetic\" makes up reproducible values, to try things out."`
	Labels  string `placeholder:"FILE" help:"Names of the classes, one a line."`
	Clips   int    `default:"1" help:"Clips to average over, spread evenly over the video."`
	Top     int    `default:"5" help:"How many of the best classes to print."`
	JSON    bool   `name:"json" help:"Print a JSON object a video, each on a line of its own; docs/cli.md names the fields."`
	decodeLimits
	Videos []string `arg:"" name:"video" help:"Video file, GIF, picture or folder of pictures."`
}

// decodeLimits bound what a video may cost.
type decodeLimits struct {
	MaxPixels    int           `default:"35389440" placeholder:"N" help:"Refuse frames of more pixels, width times height. Default: 8192x4320."`
	MaxMemory    int64         `default:"512" placeholder:"MIB" help:"Memory for the cropped frames of a video. Default: 512 MiB."`
	StallTimeout time.Duration `default:"30s" placeholder:"TIME" help:"How long ffmpeg may give nothing before it is ended. Default: 30s."`
}

// check returns a usage error where a limit would let nothing through.
func (l *decodeLimits) check() error {
	const most = math.MaxInt64 >> 20
	if l.MaxPixels < 1 || l.MaxMemory < 1 || l.MaxMemory > most || l.StallTimeout <= 0 {
		return usageError{fmt.Errorf("--max-pixels %d --max-memory %d --stall-timeout %v: expected positive numbers, and at most %d MiB", l.MaxPixels, l.MaxMemory, l.StallTimeout, most)}
	}
	return nil
}

// Help returns what the command's help says in detail.
func (*classifyCmd) Help() string {
	return `The network is compiled and built in a temporary folder, which needs the go command. Frames are resized and cropped as the network's description says. GIFs and pictures are decoded by the tool, videos by ffmpeg, which must be in PATH.

A video that cannot be read is reported, and the others go on; the exit code is then 1. A damaged one is classified by the frames that can be decoded, with a warning.

Examples:

    p3dc classify p3d63 --weights p3d63.safetensors --labels kinetics400.txt match.mp4
    p3dc classify p3d63 --weights synthetic --clips 10 --top 3 videos/*.mp4
    p3dc classify p3d199 --weights p3d199.safetensors --json frames/ | jq '.predictions[0]'`
}

// videoResult is what "classify --json" prints for a video. The names of its
// fields are part of the tool's interface; docs/cli.md describes them.
type videoResult struct {
	Video       string       `json:"video"`
	Network     string       `json:"network"`
	ISA         string       `json:"isa,omitempty"`
	Starts      []int        `json:"clip_starts,omitempty"`
	Predictions []prediction `json:"predictions,omitempty"`
	Error       string       `json:"error,omitempty"`
}

// prediction is a class and how likely it is.
type prediction struct {
	Class       int     `json:"class"`
	Label       string  `json:"label,omitempty"`
	Probability float64 `json:"probability"`
}

// Run classifies the videos.
func (c *classifyCmd) Run(ctx context.Context, s *streams) (err error) {
	if c.Clips < 1 || c.Top < 1 {
		return usageError{fmt.Errorf("--clips %d --top %d: expected at least 1 of each", c.Clips, c.Top)}
	}
	if err := c.check(); err != nil {
		return err
	}
	n, err := c.load(ctx)
	if err != nil {
		return err
	}
	classes, err := n.classes()
	if err != nil {
		return err
	}
	labels, err := c.labels(ctx, classes)
	if err != nil {
		return err
	}
	bar := newProgress(s.err)
	defer bar.clear()
	bar.phase("building the network")
	p, err := newPredictor(ctx, n, c.Weights)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	failed := false
	for _, name := range c.Videos {
		r := videoResult{Video: name, Network: n.Name, ISA: p.process.ISA()}
		began := time.Now()
		err := c.video(ctx, p, bar, &r, labels)
		bar.clear()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = true
			r.Error = err.Error()
			reportError(s.err, err)
		}
		if err := c.print(s.out, &r, time.Since(began)); err != nil {
			return err
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// labels reads the names of the classes, nil where none are given.
func (c *classifyCmd) labels(ctx context.Context, classes int) ([]string, error) {
	if c.Labels == "" {
		return nil, nil
	}
	labels, err := await(ctx, func() ([]string, error) { return video.ReadLabels(c.Labels) })
	if err != nil {
		return nil, err
	}
	if len(labels) != classes {
		return nil, fmt.Errorf("%s has %d names, the network %d classes; give the labels that it was trained with, or change it with --set classes=%d",
			c.Labels, len(labels), classes, len(labels))
	}
	return labels, nil
}

// video fills in a result.
func (c *classifyCmd) video(ctx context.Context, p *predictor, bar *progress, r *videoResult, labels []string) error {
	clips, err := video.Decode(ctx, r.Video, p.decoding(c.Clips, c.decodeLimits, bar, r.Video))
	if err != nil {
		return err
	}
	probabilities, err := p.average(clips, func(done int) { bar.count(filepath.Base(r.Video)+": running", done, len(clips)) })
	if err != nil {
		return err
	}
	for _, clip := range clips {
		r.Starts = append(r.Starts, clip.Start)
	}
	r.Predictions = best(probabilities, labels, c.Top)
	return nil
}

// print writes a result in the form asked for. A failure is told on stderr
// otherwise.
func (c *classifyCmd) print(w io.Writer, r *videoResult, took time.Duration) error {
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	if r.Error != "" {
		return nil
	}
	fmt.Fprintf(w, "%s: %s, %.2f s\n", r.Video, units.Plural(len(r.Starts), "clip"), took.Seconds())
	t := table{align: "rl"}
	for _, x := range r.Predictions {
		label := x.Label
		if label == "" {
			label = fmt.Sprintf("class %d", x.Class)
		}
		t.row(fmt.Sprintf("%.2f %%", 100*x.Probability), label)
	}
	t.write(w, "  ")
	return nil
}

// classes returns how many classes a network tells apart in colour videos.
func (n *network) classes() (int, error) {
	if n.graph.Input.Order == ir.Flow {
		in := n.graph.Input.Shape
		return 0, fmt.Errorf("%s takes optical flow, in %d channels, and videos are decoded to RGB, in 3; classify with a network that was trained on RGB, such as --set input=3x%dx%dx%d",
			n.Name, in.C, in.T, in.H, in.W)
	}
	for _, o := range n.graph.Outputs {
		if o.Name == "logits" {
			return n.graph.Values[o.Value].Shape.Elems(), nil
		}
	}
	return 0, fmt.Errorf("%s ends without a linear layer, so it has no classes; add one to its description, such as: linear 400", n.Name)
}
