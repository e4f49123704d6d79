package weights

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Synthetic returns reproducible values for the given parameters, in C order:
// a function of a tensor's name and shape alone, spread so that activations
// keep their scale through a deep network. For the i-th element, i = 1..n, of
// the tensor name,
//
//	h = FNV-1a, 64 bit, of name
//	z = the splitmix64 finaliser of h + i*0x9E3779B97F4A7C15
//	u = (z >> 40) / 2^24, in [0,1)
//
// and the value, computed in float64 and rounded once to float32, is by the
// parameter's role
//
//	weight of a convolution or linear layer    (2u - 1) sqrt(6 / fan_in)
//	bias, beta and mean                        0.2 u - 0.1
//	gamma                                      0.4 + 0.2 u
//	variance                                   0.5 + u
//
// where fan_in is the product of all dimensions but the first. A parameter of
// unknown role has the one that PyTorch's names tell: a running_mean, a
// running_var, a bias, a weight, which of one dimension is a gamma. With any
// other name it counts as a weight if it has 2 or more dimensions, else as a
// bias.
//
// A shape with a negative dimension or too many elements is a fault of the
// caller and panics.
func Synthetic(want []Param) map[string][]float32 {
	values := make([][]float32, len(want))
	parallel(len(want), func(i int) { values[i] = syntheticTensor(want[i]) })
	out := make(map[string][]float32, len(want))
	for i, p := range want {
		out[p.Name] = values[i]
	}
	return out
}

// SyntheticClip returns n values of a reproducible input clip, 4u - 2 each
// with u as in [Synthetic] for the name "clip".
func SyntheticClip(n int) []float32 {
	return syntheticValues("clip", n, 4, -2)
}

func syntheticTensor(p Param) []float32 {
	n, err := elements(p.Shape)
	if err != nil {
		panic("BUG: parameter " + p.Name + ": " + err.Error())
	}
	switch roleOf(p) {
	case ir.RoleVariance:
		return syntheticValues(p.Name, n, 1, 0.5)
	case ir.RoleWeight:
		return syntheticWeight(p.Name, n, p.Shape)
	case ir.RoleGamma:
		return syntheticValues(p.Name, n, 0.2, 0.4)
	default:
		return syntheticValues(p.Name, n, 0.2, -0.1)
	}
}

// roleOf returns a parameter's role, or what its name and shape say where it
// has none, as in a list of a file's tensors.
func roleOf(p Param) ir.Role {
	last := p.Name[strings.LastIndexByte(p.Name, '.')+1:]
	switch {
	case p.Role != ir.RoleUnknown:
		return p.Role
	case last == "running_mean":
		return ir.RoleMean
	case last == "running_var":
		return ir.RoleVariance
	case len(p.Shape) >= 2 && last != "bias":
		return ir.RoleWeight
	case last == "weight":
		return ir.RoleGamma
	}
	return ir.RoleBias
}

// syntheticValues returns n values scale*u + shift.
func syntheticValues(name string, n int, scale, shift float64) []float32 {
	h := hashName(name)
	out := make([]float32, n)
	for i := range out {
		// The conversion keeps the compiler from fusing the two operations
		// where the machine could, which would round differently.
		out[i] = float32(float64(scale*uniform(h, i+1)) + shift)
	}
	return out
}

// syntheticWeight returns n values (2u - 1) sqrt(6 / fan_in).
func syntheticWeight(name string, n int, shape []int) []float32 {
	fanIn := 1
	for _, d := range shape[1:] {
		fanIn *= d
	}
	bound := math.Sqrt(6 / float64(fanIn))
	h := hashName(name)
	out := make([]float32, n)
	for i := range out {
		out[i] = float32((float64(2*uniform(h, i+1)) - 1) * bound)
	}
	return out
}

// hashName returns the FNV-1a hash of a name.
func hashName(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return h.Sum64()
}

// uniform returns the i-th number, counted from 1, of the sequence that h
// begins: a multiple of 2^-24 in [0,1).
func uniform(h uint64, i int) float64 {
	z := h + uint64(i)*0x9E3779B97F4A7C15
	z ^= z >> 30
	z *= 0xBF58476D1CE4E5B9
	z ^= z >> 27
	z *= 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>40) / (1 << 24)
}
