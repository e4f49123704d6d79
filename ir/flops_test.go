package ir

import (
	"math"
	"testing"
)

// TestWorkOfPublishedNetworks compares with the counts that frameworks report
// for 3x16x160x160, and with the parameter counts of the public checkpoints.
func TestWorkOfPublishedNetworks(t *testing.T) {
	for _, tc := range []struct {
		name   string
		net    p3dNet
		gflop  float64
		params int
	}{
		{"p3d63", p3d63, 16.88, 25802832},
		{"p3d199", p3d199, 36.81, 66664528},
	} {
		g := tc.net.build()
		w := g.TotalWork()
		if got := math.Round(float64(w.FLOPs)/1e7) / 100; got != tc.gflop {
			t.Errorf("%s: %g GFLOP, want %g", tc.name, got, tc.gflop)
		}
		if w.Executed >= w.FLOPs || w.Executed < w.FLOPs*9/10 {
			t.Errorf("%s: %d executed of %d FLOPs", tc.name, w.Executed, w.FLOPs)
		}
		if got := g.NumParams(); got != tc.params {
			t.Errorf("%s: %d trained values, want %d", tc.name, got, tc.params)
		}
	}
}

func TestWork(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Work
	}{
		// 4 outputs of 3 taps; those on padding in space are multiplied, too.
		{"%1 c 1x1x4x5 = conv 1x1x3/1x1x1/0x0x1 w=w %0", Work{2 * 4 * 3 * 2 * 5, 2 * 4 * 3 * 2 * 5, 4 * 3 * 2 * 5}},
		{"%1 c 1x1x4x5 = conv 1x1x3/1x1x1/0x0x1 w=w b=b %0 | bias", Work{240, 240, 140}},
		{"%1 c 1x1x4x5 = conv 1x1x3/1x1x1/0x0x1 w=w b=b norm=n %0 | bias", Work{240, 240, 140}},
		// Frames before and behind that are all padding.
		{"%1 c 1x1x2x1 = conv 3x1x1/1x1x2/1x0x0 w=w %0", Work{2 * 2 * 3 * 2, 2 * 2 * 1 * 2, 4 * 3 * 2}},
		{"%1 p 1x1x2x2 = pool max 1x1x2/1x1x2/0x0x0 %0", Work{}},
		{"%1 r 1x1x4x2 = relu %0", Work{}},
	} {
		g := parseGraph(t, "graph t: input 1x1x4x2 flow\n"+tc.text+"\noutput y = %1\n")
		if err := g.Verify(); err != nil {
			t.Fatal(err)
		}
		if got := g.Work(&g.Ops[0]); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.text, got, tc.want)
		}
	}
	g := parseGraph(t, "graph t: input 1x1x1x2 flow\n%1 fc 1x1x1x7 = linear w=w b=b %0 | bias\noutput y = %1\n")
	if got, want := g.Work(&g.Ops[0]), (Work{28, 28, 84}); got != want {
		t.Errorf("linear: %+v, want %+v", got, want)
	}
}
