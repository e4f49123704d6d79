package support

import "fmt"

// Tap copies a value inside the network, as the last run left it, of a batch
// the first clip's, in C, T, H, W order. It is there for verification.
func (s *Session) Tap(name string, dst []float32) error {
	o := s.model.plan.output(name)
	if o == nil {
		return fmt.Errorf("%s has no tap %s", s.model.net.name, name)
	}
	if len(dst) != o.shape.elems() {
		return fmt.Errorf("room for %d values of tap %s, it has %d", len(dst), name, o.shape.elems())
	}
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer s.busy.Store(false)
	s.copyOut(0, name, dst)
	return nil
}
