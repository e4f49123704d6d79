package harness

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// WriteWeights writes a network's parameters as the safetensors file that its
// package opens. The values are by parameter name; a missing one and one of
// the wrong length are errors.
func WriteWeights(path string, params []ir.Param, values map[string][]float32) (err error) {
	tensors := make([]weights.Tensor, len(params))
	for i, p := range params {
		v, ok := values[p.Name]
		if !ok {
			return fmt.Errorf("the weights lack the parameter %q", p.Name)
		}
		if tensors[i], err = weights.NewFloat32(p.Name, p.Shape, v); err != nil {
			return err
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := weights.WriteSafetensors(w, tensors, nil); err != nil {
		return err
	}
	return w.Flush()
}
