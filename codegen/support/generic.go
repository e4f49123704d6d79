package support

// The kernels of the portable path: the same loops as the assembly has, with
// the distances read from the kernel instead of built in.

// genericWidth is the channels in a panel of the portable path.
const genericWidth = 8

// convGeneric computes register tiles one after another: see convFunc.
func (k *kernel) convGeneric(in, weights, bias, res, out []float32, tiles, taps int) {
	points := 1
	if k.points > 0 {
		points, taps = taps, 1
	}
	for p := range points {
		for i := range tiles {
			k.convPixel(in[p*k.stepT+i*k.in.pixel:], weights[p*k.k*k.width:], bias, at(res, i*k.res.pixel), out[p*k.out.row+i*k.out.pixel:], taps)
		}
	}
}

// convPixel computes genericWidth channels of one pixel.
func (k *kernel) convPixel(in, weights, bias, res, out []float32, taps int) {
	var acc [genericWidth]float32
	for t := range taps {
		for h := range k.tapsH {
			for x := range k.tapsW {
				from := t*k.stepT + h*k.stepH + x*k.stepW
				addProducts(&acc, in[from:from+k.k], weights)
				weights = weights[k.k*genericWidth:]
			}
		}
	}
	if k.k2 > 0 {
		addProducts(&acc, res[:k.k2], weights)
	}
	k.finish(acc[:], bias, res)
	copy(out, acc[:])
}

// addProducts adds the sum of the products of a pixel's channels with their
// weights, made apart: a single sum over all taps would err by as many
// roundings.
func addProducts(acc *[genericWidth]float32, pixel, weights []float32) {
	var a0, a1, a2, a3, a4, a5, a6, a7 float32
	weights = weights[:len(pixel)*genericWidth]
	for i, v := range pixel {
		w := (*[genericWidth]float32)(weights[i*genericWidth:])
		a0 += v * w[0]
		a1 += v * w[1]
		a2 += v * w[2]
		a3 += v * w[3]
		a4 += v * w[4]
		a5 += v * w[5]
		a6 += v * w[6]
		a7 += v * w[7]
	}
	acc[0] += a0
	acc[1] += a1
	acc[2] += a2
	acc[3] += a3
	acc[4] += a4
	acc[5] += a5
	acc[6] += a6
	acc[7] += a7
}

// finish runs the epilogue.
func (k *kernel) finish(acc, bias, res []float32) {
	for _, e := range k.epi {
		for j := range acc {
			switch e {
			case epiBias:
				acc[j] += bias[j]
			case epiReLU:
				if acc[j] < 0 { // not max: NaN stays NaN
					acc[j] = 0
				}
			case epiAdd:
				acc[j] += res[j]
			}
		}
	}
}

// poolGeneric reduces the windows of consecutive pixels: see poolFunc.
func (k *kernel) poolGeneric(in, out []float32, pixels, tapsT, tapsH, tapsW int, scale float32) {
	for p := range pixels {
		for c := range k.width {
			window := in[p*k.in.pixel+c:]
			if k.kind == kindMaxPool {
				out[p*k.out.pixel+c] = k.maximum(window, tapsT, tapsH, tapsW)
			} else {
				out[p*k.out.pixel+c] = k.sum(window, tapsT, tapsH, tapsW) * scale
			}
		}
	}
}

// maximum returns the largest value of a window, or NaN if it has one.
func (k *kernel) maximum(in []float32, tapsT, tapsH, tapsW int) float32 {
	most := in[0]
	for t := range tapsT {
		for h := range tapsH {
			for w := range tapsW {
				most = max(most, in[t*k.stepT+h*k.stepH+w*k.stepW])
			}
		}
	}
	return most
}

// sum adds up rows, then frames, then the window: a single sum over thousands
// of values would err by as many roundings.
func (k *kernel) sum(in []float32, tapsT, tapsH, tapsW int) float32 {
	var window float32
	for t := range tapsT {
		var frame float32
		for h := range tapsH {
			var row float32
			for w := range tapsW {
				row += in[t*k.stepT+h*k.stepH+w*k.stepW]
			}
			frame += row
		}
		window += frame
	}
	return window
}
