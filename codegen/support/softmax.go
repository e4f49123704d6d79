package support

import "math"

// softmax turns scores into probabilities, in float64: exp(x - max) over its
// sum. The largest score is subtracted first so that nothing overflows.
func (w *worker) softmax(st *step) {
	in, from := w.place(st.in, 0, 0, 0)
	out, to := w.place(st.out, 0, 0, 0)
	n := st.from.c
	scores, probs := in[from:from+n], out[to:to+n]
	most := float64(scores[0])
	for _, v := range scores {
		most = max(most, float64(v))
	}
	sum := 0.0
	for _, v := range scores {
		sum += math.Exp(float64(v) - most)
	}
	for i, v := range scores {
		probs[i] = float32(math.Exp(float64(v)-most) / sum)
	}
}
