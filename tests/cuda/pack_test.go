package cuda

import (
	"encoding/binary"
	"math"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/ir"
)

// pack folds and lays out a plan's weights as its kernels read them.
func pack(plan *ir.Plan, p cuda.Precision, values map[string][]float32) ([]byte, error) {
	size := p.Bytes()
	packed := make([]byte, plan.PackedLen*size)
	for i := range plan.Packs {
		pk := &plan.Packs[i]
		w, bias, err := ir.FoldConv(pk.Conv, plan.Graph, values)
		if err != nil {
			return nil, err
		}
		taps := pk.Conv.Taps()
		for o := range pk.Conv.Out {
			for c := range pk.In {
				for t := range taps {
					encode(packed[(pk.Weights+pk.At(o, t, c))*size:], p, w[(o*pk.In+c)*taps+t])
				}
			}
		}
		if pk.Project != nil {
			more, shift, err := ir.FoldConv(*pk.Project, plan.Graph, values)
			if err != nil {
				return nil, err
			}
			for o := range pk.Conv.Out {
				for c := range pk.ProjectIn {
					encode(packed[(pk.Weights+pk.ProjectAt(o, c))*size:], p, more[o*pk.ProjectIn+c])
				}
				bias[o] += shift[o]
			}
		}
		for o, x := range bias {
			binary.LittleEndian.PutUint32(packed[pk.Bias*size+4*o:], math.Float32bits(float32(x)))
		}
	}
	return packed, nil
}

// encode writes one value in a precision.
func encode(to []byte, p cuda.Precision, x float64) {
	switch p {
	case cuda.BF16:
		bits := math.Float32bits(float32(x))
		binary.LittleEndian.PutUint16(to, uint16((bits+0x7fff+bits>>16&1)>>16))
	case cuda.FP16:
		binary.LittleEndian.PutUint16(to, toHalf(x))
	default:
		binary.LittleEndian.PutUint32(to, math.Float32bits(float32(x)))
	}
}

// toHalf rounds to half precision, to the nearest, ties to even. Weights are
// small: it panics where one is too large.
func toHalf(x float64) uint16 {
	magnitude, sign := math.Abs(x), uint16(0)
	if math.Signbit(x) {
		sign = 0x8000
	}
	if magnitude == 0 {
		return sign
	}
	if magnitude >= 65520 {
		panic("too large for half precision")
	}
	exponent := max(math.Ilogb(magnitude), -14)
	fraction := math.RoundToEven(math.Ldexp(magnitude, 10-exponent)) // 1024 and more, unless it is denormal
	return sign | uint16((exponent+14)<<10+int(fraction))
}

// fromHalf returns the value of half precision's bits.
func fromHalf(h uint16) float32 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	x := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0:
		x = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		x = math.Inf(1)
	case exponent == 31:
		x = math.NaN()
	}
	if h&0x8000 != 0 {
		x = -x
	}
	return float32(x)
}
