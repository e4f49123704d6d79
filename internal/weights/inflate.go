package weights

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/p3dc/p3dc/ir"
)

// Inflated is what Inflate makes of a checkpoint.
type Inflated struct {
	// Values are those of all the network's parameters, by name, in C order.
	Values map[string][]float32
	// Copied and Temporal are how many parameters came from the checkpoint,
	// and how many belong to temporal convolutions.
	Copied, Temporal int
	// FreshClassifier reports that the classifier did not come from the
	// checkpoint, which has other classes or none.
	FreshClassifier bool
}

// Inflate makes a checkpoint of a ResNet for images, as torchvision and timm
// publish them, into the parameters of the network g, as lowered, which then
// begins as that ResNet run on each frame. names are what torchvision calls
// g's parameters, in the order of g.Params.
//
// Kernels of KHxKW become 1xKHxKW, and batch norms are copied. The first
// convolution gets the checkpoint's channels in the order of g's, or, where g
// takes no color, their mean for each channel. What temporal convolutions
// begin with, temporal says. A classifier of another number of classes than
// the checkpoint's is made anew: small reproducible weights, biases of zero.
//
// It is an error if g has a kernel in space and time at once, or takes frames
// in another range than 0..1, and a [*MatchError] if the checkpoint lacks what
// g needs, or has more.
func Inflate(f *File, g *ir.Graph, names []string, temporal Temporal) (*Inflated, error) {
	if len(names) != len(g.Params) {
		panic(fmt.Sprintf("BUG: %d names for %d parameters", len(names), len(g.Params)))
	}
	if in := g.Input; in.Order != ir.Flow && math.Abs(in.Scale-1.0/255) > 1e-9 {
		return nil, fmt.Errorf("the network %s takes frames in 0..%g, and a network for images was trained on 0..1; "+
			"give its input the range, mean and std of p3d63", g.Name, 255*in.Scale)
	}
	made, err := temporalParams(g, temporal)
	if err != nil {
		return nil, err
	}
	out := &Inflated{Temporal: len(made)}

	var want []Param // of the checkpoint
	stem := stemWeight(g)
	for i, p := range g.Params {
		if _, ok := made[ir.ParamID(i)]; !ok {
			want = append(want, Param{Name: names[i], Shape: imageShape(p.Shape, ir.ParamID(i) == stem), Role: p.Role})
		}
	}
	classifier := freshClassifier(f, g, names, want)
	out.FreshClassifier = classifier != nil
	maps.Copy(made, classifier)
	values, err := Match(f, slices.DeleteFunc(want, func(p Param) bool { return p.Shape == nil }))
	if err != nil {
		return nil, err
	}

	out.Values = make(map[string][]float32, len(g.Params))
	for i, p := range g.Params {
		v, ok := made[ir.ParamID(i)]
		if !ok {
			v = values[names[i]]
			out.Copied++
		}
		if ir.ParamID(i) == stem {
			v = inflateStem(v, p.Shape, g.Input.Order)
		}
		out.Values[p.Name] = v
	}
	return out, nil
}

// colors is how many channels images have.
const colors = 3

// imageShape returns the shape that a parameter of a network for clips has in
// one for images: without the extent in time, which is 1, and for the stem with
// three input channels.
func imageShape(shape []int, stem bool) []int {
	shape = slices.Clone(shape)
	if len(shape) == 5 {
		shape = slices.Delete(shape, 2, 3)
	}
	if stem {
		shape[1] = colors
	}
	return shape
}

// stemWeight returns the weight of the convolution that reads the input.
func stemWeight(g *ir.Graph) ir.ParamID {
	for _, op := range g.Ops {
		if conv, ok := op.Attr.(ir.Conv); ok && op.In[0] == 0 {
			return conv.Weight
		}
	}
	return ir.NoParam
}

// inflateStem returns the first convolution's weights for the network's
// channels; images come as RGB. The shape is the network's.
func inflateStem(rgb []float32, shape []int, order ir.ChannelOrder) []float32 {
	if order == ir.RGB {
		return rgb
	}
	outs, channels := shape[0], shape[1]
	taps := len(rgb) / outs / colors
	at := func(o, c int) []float32 { return rgb[(o*colors+c)*taps:][:taps] }
	v := make([]float32, 0, outs*channels*taps)
	for o := range outs {
		if order == ir.BGR {
			v = slices.Concat(v, at(o, 2), at(o, 1), at(o, 0))
			continue
		}
		mean := make([]float32, taps)
		for i := range mean {
			mean[i] = float32((float64(at(o, 0)[i]) + float64(at(o, 1)[i]) + float64(at(o, 2)[i])) / colors)
		}
		v = append(v, slices.Repeat(mean, channels)...)
	}
	return v
}

// freshClassifier returns new values for the parameters of the last linear
// layer where the checkpoint has not as many classes, or none. want lists what
// the checkpoint should have: of these parameters it then says what the
// checkpoint does have, with a shape of nil for nothing.
func freshClassifier(f *File, g *ir.Graph, names []string, want []Param) map[ir.ParamID][]float32 {
	var last *ir.Linear
	for _, op := range g.Ops {
		if l, ok := op.Attr.(ir.Linear); ok {
			last = &l
		}
	}
	if last == nil {
		return nil
	}
	found := map[string][]int{}
	for _, t := range f.tensors {
		found[CleanName(t.Name)] = t.Shape
	}
	weight := g.Params[last.Weight]
	if shape := found[names[last.Weight]]; len(shape) > 0 && shape[0] == last.Out {
		return nil
	}
	bound := 1 / math.Sqrt(float64(weight.Shape[1]))
	fresh := map[ir.ParamID][]float32{last.Weight: syntheticValues(weight.Name, weight.Elems(), 2*bound, -bound)}
	if last.Bias != ir.NoParam {
		fresh[last.Bias] = make([]float32, last.Out)
	}
	for id := range fresh {
		i := slices.IndexFunc(want, func(p Param) bool { return p.Name == names[id] })
		want[i].Shape = found[names[id]]
	}
	return fresh
}
