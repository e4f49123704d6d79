package support

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestProfile(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	clip := Float32Clip(n.integerClip(3))
	want := make([]float32, 10)
	if err := m.NewSession().Run(&Output{Logits: want}, clip); err != nil {
		t.Fatal(err)
	}
	for _, threads := range []int{1, 3} {
		s := m.NewSession(Threads(threads))
		for _, runs := range []int{1, 4} {
			began := time.Now()
			profile, err := s.Profile(t.Context(), clip, runs)
			wall := time.Since(began)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			var sum time.Duration
			for _, r := range profile {
				names, sum = append(names, r.Name), sum+r.Min
				if r.Min < 0 || r.Median < r.Min || runs == 1 && r.Median != r.Min {
					t.Errorf("%d threads, %d runs: %+v", threads, runs, r)
				}
			}
			if want := regionNames(n); !slices.Equal(names, want) {
				t.Errorf("regions %q, want %q", names, want)
			}
			if sum <= 0 || sum > wall/time.Duration(runs) {
				t.Errorf("%d threads, %d runs: the least times add up to %v, all runs took %v", threads, runs, sum, wall)
			}
		}
		got := make([]float32, 10)
		if err := s.Run(&Output{Logits: got}, clip); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d threads, after a profile: %v, logits %v, want %v", threads, err, got, want)
		}
		if s.profile != nil {
			t.Error("the session still takes times")
		}
	}
}

func regionNames(n *testNet) (names []string) {
	for _, r := range n.plan.regions {
		names = append(names, r.name)
	}
	return names
}

func TestProfileFails(t *testing.T) {
	n := smallNet()
	m := n.model(t)
	s := m.NewSession(Threads(2))
	clip := n.integerClip(3)
	regions := len(n.plan.regions)
	if _, err := s.Profile(t.Context(), Float32Clip(clip), 0); err == nil || err.Error() != "a profile of 0 runs: expected at least one" {
		t.Errorf("no runs: %v", err)
	}
	if _, err := s.Profile(t.Context(), Float32Clip(clip[1:]), 1); err == nil {
		t.Error("a short clip is accepted")
	}
	for _, looks := range []int{0, 1, regions - 1, regions, 2*regions - 1} {
		p, err := s.Profile(&countdown{context.Background(), looks}, Float32Clip(clip), 2)
		if !errors.Is(err, context.Canceled) || p != nil {
			t.Errorf("cancelled behind region %d: %v, %v", looks, p, err)
		}
	}
	if _, err := s.Profile(&countdown{context.Background(), 2 * regions}, Float32Clip(clip), 2); err != nil {
		t.Errorf("never cancelled: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Profile(t.Context(), Float32Clip(clip), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed model: %v", err)
	}
}

// A profile refuses a session that runs, as a run does.
func TestProfileBusy(t *testing.T) {
	n := smallNet()
	s := n.model(t).NewSession(Threads(2))
	clip := Float32Clip(n.integerClip(1))
	g, done := newGate(2), make(chan error)
	go func() { done <- s.RunContext(g, &Output{}, clip) }()
	<-g.reached
	if _, err := s.Profile(t.Context(), clip, 1); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
	close(g.open)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
