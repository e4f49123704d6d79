package ir

// strassen is the line of Strassen's algorithm: see [Line].
var strassen = Line{Results: 2, Taps: 1, Stride: 1, Strassen: true}

// strassenMatrices are those of the line. Two frames of two parts of the input
// channels are a 2x2 matrix, frame by frame, and so are the two parts of the
// output channels; the weights are by part of the input channels, then of the
// output channels. Two points are inputs as they are, which the variant with
// fewer sums has not, nor its accuracy.
func strassenMatrices() *Matrices {
	return &Matrices{
		In: [][][]float64{{
			{1, 0, 0, 1},
			{0, 0, 1, 1},
			{1, 0, 0, 0},
			{0, 0, 0, 1},
			{1, 1, 0, 0},
			{-1, 0, 1, 0},
			{0, 1, 0, -1},
		}},
		Weights: [][][]float64{{
			{1, 0, 0, 1},
			{1, 0, 0, 0},
			{0, 1, 0, -1},
			{-1, 0, 1, 0},
			{0, 0, 0, 1},
			{1, 1, 0, 0},
			{0, 0, 1, 1},
		}},
		Out: [][]float64{
			{1, 0, 0, 1, -1, 0, 1},
			{0, 0, 1, 0, 1, 0, 0},
			{0, 1, 0, 1, 0, 0, 0},
			{1, -1, 1, 0, 0, 1, 0},
		},
	}
}

// strassenFits reports whether Strassen's algorithm computes a convolution on
// vectors of so many lanes: a pointwise one of an even number of frames, whose
// channels are two equal parts of whole vectors on both sides.
func strassenFits(conv Conv, in Shape, lanes int) bool {
	return conv.Window.Pointwise() && in.T%2 == 0 && in.C%(2*lanes) == 0 && conv.Out%(2*lanes) == 0
}
