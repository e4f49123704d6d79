package support

import (
	"fmt"
	"sync/atomic"
)

// packedWeights are a model's weights as the kernels read them: in memory of
// their own or in a mapped file. Either goes when the model is closed and the
// runs that were under way then are over.
type packedWeights struct {
	values []float32
	free   func() error // nil where the garbage collector does it
	users  atomic.Int64 // runs under way, and the model until it is closed
}

// newPackedWeights returns weights with the model as their user.
func newPackedWeights(values []float32, free func() error) *packedWeights {
	w := &packedWeights{values: values, free: free}
	w.users.Store(1)
	return w
}

// acquire keeps the weights until release. It reports false where they are
// gone already.
func (w *packedWeights) acquire() bool {
	for {
		n := w.users.Load()
		if n == 0 {
			return false
		}
		if w.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives the weights back; the last user frees their memory.
func (w *packedWeights) release() {
	if w.users.Add(-1) > 0 || w.free == nil {
		return
	}
	if err := w.free(); err != nil {
		panic(fmt.Sprintf("BUG: freeing the weights: %v", err))
	}
}
