package support

// lookup tabulates the normalisation: for each channel of the network, the
// value of each uint8, computed in float64 and rounded once.
func lookup(net *network) [][256]float32 {
	lut := make([][256]float32, net.clip.c)
	for c := range lut {
		for v := range lut[c] {
			lut[c][v] = float32((float64(v)*net.scale - net.mean[c]) / net.std[c])
		}
	}
	return lut
}

// ingest brings the tile's rows of the caller's clip into the input buffer.
func (w *worker) ingest(st *step) {
	clip := &w.clips[w.clip]
	for t := w.lo.t; t < w.hi.t; t++ {
		for h := w.lo.h; h < w.hi.h; h++ {
			if clip.values != nil {
				w.ingestFloat32(st, clip.values, t, h)
			} else {
				w.ingestUint8(st, clip.frames, t, h)
			}
		}
	}
}

// ingestUint8 normalises a row of frames that are T x H x W x C.
func (w *worker) ingestUint8(st *step, frames []uint8, t, h int) {
	in := st.from
	pixel := w.model.plan.buffers[st.out].pixel
	for c := range in.c {
		source := c
		if w.model.net.bgr {
			source = in.c - 1 - c
		}
		row := frames[(t*in.h+h)*in.w*in.c+source:]
		out, to := w.place(st.out, t, h, 0)
		out = out[to+c:]
		lut := &w.lut[c]
		for x := range in.w {
			out[x*pixel] = lut[row[x*in.c]]
		}
	}
}

// ingestFloat32 copies a row of a clip that is C x T x H x W.
func (w *worker) ingestFloat32(st *step, values []float32, t, h int) {
	in := st.from
	pixel := w.model.plan.buffers[st.out].pixel
	for c := range in.c {
		row := values[((c*in.t+t)*in.h+h)*in.w:][:in.w]
		out, to := w.place(st.out, t, h, 0)
		out = out[to+c:]
		for x, v := range row {
			out[x*pixel] = v
		}
	}
}
