package support

import (
	"context"
	"fmt"
)

// ClassifyBatch writes the scores of several clips of raw frames, each
// T x H x W x C, to logits, in the clips' order. There may be as many as the
// session's Batch says, or fewer.
func (s *Session) ClassifyBatch(logits [][]float32, clips [][]uint8) error {
	return s.ClassifyBatchContext(context.Background(), logits, clips)
}

// ClassifyBatchContext is ClassifyBatch that stops early, with the context's
// error, when ctx is done.
func (s *Session) ClassifyBatchContext(ctx context.Context, logits [][]float32, clips [][]uint8) error {
	if err := s.claim(len(logits), len(clips)); err != nil {
		return err
	}
	for i := range clips {
		s.outs, s.clips = append(s.outs, Output{Logits: given(logits[i])}), append(s.clips, Uint8Clip(clips[i]))
	}
	return s.run(ctx)
}

// RunBatch runs the network on several clips at once and copies the results
// that each one's output asks for. There may be as many clips as the
// session's Batch says, or fewer. An error says which clip it is about, counted
// from 0; then nothing has been run.
func (s *Session) RunBatch(out []Output, clips []Clip) error {
	return s.RunBatchContext(context.Background(), out, clips)
}

// RunBatchContext is RunBatch that stops early, with the context's error,
// when ctx is done. The session can be used again.
func (s *Session) RunBatchContext(ctx context.Context, out []Output, clips []Clip) error {
	if err := s.claim(len(out), len(clips)); err != nil {
		return err
	}
	s.outs, s.clips = append(s.outs, out...), append(s.clips, clips...)
	return s.run(ctx)
}

// claim makes the session busy with a batch that it has room for.
func (s *Session) claim(outs, clips int) error {
	if outs != clips {
		return fmt.Errorf("%d outputs for %d clips: pass one for each", outs, clips)
	}
	if most := len(s.arenas); clips > most {
		return fmt.Errorf("%d clips, the session runs at most %d at once: make it with Batch(%d)", clips, most, clips)
	}
	if !s.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	return nil
}
