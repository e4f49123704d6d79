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
	in, bgr := st.from, w.model.net.bgr
	out, pixel := w.inputRow(st, t, h)
	row := frames[(t*in.h+h)*in.w*in.c:][:in.w*in.c]
	if in.c == 3 {
		tabulate3(out, pixel, row, w.lut, bgr)
		return
	}
	for c := range in.c {
		source := c
		if bgr {
			source = in.c - 1 - c
		}
		tabulate(out[c:], pixel, row[source:], in.c, &w.lut[c])
	}
}

// ingestFloat32 copies a row of a clip that is C x T x H x W.
func (w *worker) ingestFloat32(st *step, values []float32, t, h int) {
	in := st.from
	out, pixel := w.inputRow(st, t, h)
	row := func(c int) []float32 { return values[((c*in.t+t)*in.h+h)*in.w:][:in.w] }
	if in.c == 3 {
		interleave3(out, pixel, row(0), row(1), row(2))
		return
	}
	for c := range in.c {
		interleave(out[c:], pixel, row(c))
	}
}

// inputRow returns a row of the input buffer, up to its last pixel's last
// channel, and the distance between its pixels.
func (w *worker) inputRow(st *step, t, h int) (out []float32, pixel int) {
	pixel = w.model.plan.buffers[st.out].pixel
	out, to := w.place(st.out, t, h, 0)
	return out[to:][:(st.from.w-1)*pixel+st.from.c], pixel
}

// The loops below also end with out, which spares them a check at each value.
// The three channels of pictures together take little more than half the time that
// they do one by one, and no longer than a copy in the middle of a run.

// tabulate looks up one of a row's channels, the first.
func tabulate(out []float32, pixel int, row []uint8, channels int, lut *[256]float32) {
	to := 0
	for x := 0; x < len(row); x += channels {
		if uint(to) >= uint(len(out)) {
			break
		}
		out[to] = lut[row[x]]
		to += pixel
	}
}

// tabulate3 looks up a row's three channels, in reverse for bgr.
func tabulate3(out []float32, pixel int, row []uint8, lut [][256]float32, bgr bool) {
	first, second, third := &lut[0], &lut[1], &lut[2]
	to := 2
	for x := 2; x < len(row); x += 3 {
		if uint(to) >= uint(len(out)) {
			break
		}
		a, b, c := row[x-2], row[x-1], row[x]
		if bgr {
			a, c = c, a
		}
		out[to-2], out[to-1], out[to] = first[a], second[b], third[c]
		to += pixel
	}
}

// interleave copies one channel.
func interleave(out []float32, pixel int, row []float32) {
	to := 0
	for _, v := range row {
		if uint(to) >= uint(len(out)) {
			break
		}
		out[to] = v
		to += pixel
	}
}

// interleave3 copies three channels of the same length.
func interleave3(out []float32, pixel int, a, b, c []float32) {
	b, c = b[:len(a)], c[:len(a)]
	to := 2
	for x, v := range a {
		if uint(to) >= uint(len(out)) {
			break
		}
		out[to-2], out[to-1], out[to] = v, b[x], c[x]
		to += pixel
	}
}
