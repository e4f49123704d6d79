package cuda

import (
	"fmt"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Precision is what feature maps and weights consist of. Sums are float32 in
// all of them.
type Precision int

// The precisions.
const (
	BF16 Precision = iota // bfloat16
	FP16                  // IEEE half precision, with its small range
	TF32                  // float32, of which products use 10 bits of fraction
	FP32                  // float32, each product made of three of TF32
)

// Precisions lists all of them.
func Precisions() []Precision { return []Precision{BF16, FP16, TF32, FP32} }

// String returns the precision's name, as [ParsePrecision] takes it.
func (p Precision) String() string { return [...]string{"bf16", "fp16", "tf32", "fp32"}[p] }

// ParsePrecision returns the precision of a name.
func ParsePrecision(name string) (Precision, error) {
	var known []string
	for _, p := range Precisions() {
		if p.String() == name {
			return p, nil
		}
		known = append(known, p.String())
	}
	return 0, fmt.Errorf("no precision %q, expected one of %s", name, strings.Join(known, ", "))
}

// Bytes returns the size of a value.
func (p Precision) Bytes() int {
	if p == BF16 || p == FP16 {
		return 2
	}
	return 4
}

// value returns the name of the device code's type.
func (p Precision) value() string { return [...]string{"Bf16", "F16", "Tf32", "F32"}[p] }

// Machine returns the machine that plans of a precision are made for: the
// multiprocessors of an H100 or A100, give or take, and as much shared memory
// as a block may have from compute capability 8.0 on.
func (p Precision) Machine() ir.Machine {
	return ir.Machine{
		Name: "cuda-" + p.String(), Lanes: accessBytes / p.Bytes(), Cores: 120,
		Blocks: ir.BlockMachine{ValueBytes: p.Bytes(), Shared: 99 << 10, Clips: manyClips},
	}
}

// fewClips and manyClips are what tiles are chosen for where there are several clips:
// as many, and more.
const fewClips, manyClips = 8, 32

// accessBytes is the widest access of a thread.
const accessBytes = 16
